"""Hands and other things before the face, drawn over the finished picture."""

from __future__ import annotations

import math

import numpy as np

from byel_tf.synthesis.colours import skin_colour
from byel_tf.synthesis.face import Face

# Lengths in widths of a finger.
_FINGER_LENGTH, _PALM_WIDTH = 3.6, 4.2


def draw_hands(picture: np.ndarray, face: Face, generator: np.random.Generator) -> None:
    """Draws what is before the face into a picture, in place.

    Args:
        picture: Display values, float32 [S, S, 3].
        face: Says whether and where; its key light shades a hand.
        generator: Decides its form.
    """
    kind, size = face.accessories.hand, len(picture)
    if kind == "none":
        return
    angle = math.radians(face.accessories.hand_angle)
    reach = face.accessories.hand_reach * size
    if kind == "blot":
        _draw_blot(picture, angle, reach, generator)
        return
    # The face's own tone as the picture shows it.
    middle = picture[size // 4 : -size // 4, size // 4 : -size // 4]
    tone = skin_colour(face.skin.melanin, face.skin.redness) ** (1 / 2.2)
    tone *= float(np.median(middle)) / float(tone.mean())
    tone *= math.exp(generator.normal(0, 0.1))
    light = math.copysign(1.0, face.key_light.azimuth)
    width = size * generator.uniform(0.065, 0.11)
    lean = generator.normal(0, 0.5)
    count = int(generator.integers(2, 6)) if kind == "fingers" else 4
    angles = [angle] if kind != "both" else [angle, math.pi - angle]
    for one, way in zip(angles, (1.0, -1.0), strict=False):
        tip = size / 2 + reach * np.array([math.cos(one), math.sin(one)])
        along = np.array([math.cos(one + way * lean), math.sin(one + way * lean)])
        across = np.array([-along[1], along[0]])
        length = math.inf if kind == "fingers" else _FINGER_LENGTH * width
        if kind != "fingers":  # the palm lies behind its fingers
            start = tip + along * (length + _PALM_WIDTH * width / 2)
            palm = _PALM_WIDTH * width
            _draw_capsule(picture, start, along, math.inf, palm, tone * 0.95, light)
        for finger in range(count):
            place = finger - (count - 1) / 2
            back = 0.25 * place**2 + generator.normal(0, 0.15)
            start = tip + width * (place * across + back * along)
            _draw_capsule(picture, start, along, length, width, tone, light)


def _draw_blot(picture, angle, reach, generator) -> None:
    size = len(picture)
    radius = size * generator.uniform(0.1, 0.35)
    x = size / 2 + 1.5 * reach * math.cos(angle)
    y = size / 2 + 1.5 * reach * math.sin(angle)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    distance = np.hypot(columns - np.float32(x), rows - np.float32(y))
    cover = np.clip((radius - distance) / (0.05 * size) + 0.5, 0, 1)[..., None]
    colour = generator.uniform(0, 1) + generator.uniform(-0.1, 0.1, 3)
    picture += cover * (np.clip(colour, 0, 1).astype(np.float32) - picture)


def _draw_capsule(picture, start, along, length, width, tone, light) -> None:
    """A round stick from a place on, shaded as a cylinder lit from above a side."""
    size = len(picture)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    x, y = columns - np.float32(start[0]), rows - np.float32(start[1])
    forward = np.clip(x * along[0] + y * along[1], 0, length)
    away_x, away_y = x - forward * along[0], y - forward * along[1]
    distance = np.hypot(away_x, away_y) / (width / 2)
    signed = (away_y * along[0] - away_x * along[1]) / (width / 2)
    cover = np.clip((1 - distance) * width / 2 + 0.5, 0, 1)[..., None]
    facing = np.sqrt(np.clip(1 - distance**2, 0, 1))
    level = 0.62 + 0.4 * facing - 0.18 * light * along[1] * np.clip(signed, -1, 1)
    picture += (cover * (tone * level[..., None] - picture)).astype(np.float32)
