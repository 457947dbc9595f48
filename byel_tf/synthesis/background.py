"""What is behind a head."""

from __future__ import annotations

import cv2
import numpy as np

from byel_tf.synthesis.face import Background

# Backgrounds are out of focus: they are drawn small and enlarged.
_SIZE = 64


def draw_background(
    background: Background, size: int, generator: np.random.Generator
) -> np.ndarray:
    """Draws a background.

    Args:
        background: What it is like.
        size: Side in pixels.
        generator: Decides places and colours.

    Returns:
        Display values in [0, 1], float32 [size, size, 3].
    """
    colour = _colour(background, background.luminance, generator)
    picture = np.full((_SIZE, _SIZE, 3), colour, np.float32)
    if background.kind == "gradient":
        angle = generator.uniform(0, 2 * np.pi)
        across, down = np.meshgrid(*[np.linspace(-1, 1, _SIZE)] * 2)
        ramp = np.cos(angle) * across + np.sin(angle) * down
        picture += (0.5 * background.contrast * ramp[..., None]).astype(np.float32)
    elif background.kind == "shapes":
        for _ in range(generator.integers(2, 12)):
            reach = background.contrast * generator.uniform(-1, 1)
            colour = _colour(background, background.luminance + reach, generator)
            colour = tuple(float(channel) for channel in colour)
            if generator.random() < 0.5:
                centre = tuple(int(c) for c in generator.integers(0, _SIZE, 2))
                axes = tuple(int(a) for a in generator.integers(2, _SIZE // 2, 2))
                turn = float(generator.uniform(0, 180))
                cv2.ellipse(picture, centre, axes, turn, 0, 360, colour, -1)
            else:
                corners = generator.integers(0, _SIZE, (4, 2)).astype(np.int32)
                cv2.fillConvexPoly(picture, cv2.convexHull(corners), colour)
    if background.grain > 0:
        cells = int(generator.integers(4, 40))
        grain = generator.standard_normal((cells, cells), np.float32)
        grain = cv2.resize(grain, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC)
        picture += background.grain * grain[..., None]
    if background.kind != "plain" and background.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), background.blur)
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.clip(picture, 0, 1)


def _colour(
    background: Background, luminance: float, generator: np.random.Generator
) -> np.ndarray:
    tint = generator.uniform(-0.4, 0.4, 3) * background.colourfulness
    return np.clip(luminance + tint - tint.mean(), 0, 1)
