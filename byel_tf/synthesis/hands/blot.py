"""Something out of focus before the face, drawn over the finished picture."""

from __future__ import annotations

import math

import numpy as np

from byel_tf.synthesis.face import Face


def draw_blot(picture: np.ndarray, face: Face, generator: np.random.Generator) -> None:
    """Draws a blot into a picture in place, if the face has one before it.

    Args:
        picture: Display values, float32 [S, S, 3].
        face: Says whether and where.
        generator: Decides its size and colour.
    """
    if face.accessories.hand != "blot":
        return
    angle = math.radians(face.accessories.hand_angle)
    size = len(picture)
    reach = face.accessories.hand_reach * size
    radius = size * generator.uniform(0.1, 0.35)
    x = size / 2 + 1.5 * reach * math.cos(angle)
    y = size / 2 + 1.5 * reach * math.sin(angle)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    distance = np.hypot(columns - np.float32(x), rows - np.float32(y))
    cover = np.clip((radius - distance) / (0.05 * size) + 0.5, 0, 1)[..., None]
    colour = generator.uniform(0, 1) + generator.uniform(-0.1, 0.1, 3)
    picture += cover * (np.clip(colour, 0, 1).astype(np.float32) - picture)
