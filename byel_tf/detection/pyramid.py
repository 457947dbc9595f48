"""A picture in many sizes, grey, and upright patches cut out of it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from byel_tf.detection.frame import PATCH, PATCH_SIDE, to_picture

#: Pixels that one place of the proposing network stands for.
STRIDE = 8
#: Pixels around a picture, in which its edge is repeated: faces reach over it.
AROUND = 16
# From one size to the next.
_RATIO = math.sqrt(2)
# The shorter side of the smallest size.
_LEAST = 12


class Pyramid:
    """A picture in sizes that get smaller.

    Attributes:
      scales: Width and height of each size by those of the picture, [L, 2].
      levels: Their pixels, uint8 [H, W], the largest first; a tuple.
    """

    def __init__(self, picture: Image.Image):
        """Makes all sizes of a picture of mode L."""
        width, height = picture.size
        count = 1 + max(0, int(math.log(min(picture.size) / _LEAST, _RATIO)))
        sizes = [
            (max(1, round(width / _RATIO**i)), max(1, round(height / _RATIO**i)))
            for i in range(count)
        ]
        self.scales = np.divide(sizes, picture.size)
        self.levels = tuple(
            np.asarray(
                picture
                if size == picture.size
                else picture.resize(size, Image.Resampling.BILINEAR)
            )
            for size in sizes
        )

    def patches(self, frames: np.ndarray) -> np.ndarray:
        """Cuts upright patches out, each of the size that has just enough pixels.

        Args:
          frames: [N, 4], pixels of the picture.

        Returns:
          float32 [N, PATCH, PATCH]; beyond the picture its edge is repeated.
        """
        steps = (np.arange(PATCH) + 0.5) / PATCH * PATCH_SIDE - PATCH_SIDE / 2
        places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
        distances = np.hypot(frames[:, 2], frames[:, 3])
        fine = np.log(np.maximum(distances * PATCH_SIDE / PATCH, 1)) / np.log(_RATIO)
        chosen = np.minimum(fine.astype(int), len(self.levels) - 1)
        patches = np.empty((len(frames), PATCH * PATCH), np.float32)
        for level in np.unique(chosen):
            some = chosen == level
            at = to_picture(frames[some], places) * self.scales[level] - 0.5
            patches[some] = _sample(self.levels[level], at[..., 0], at[..., 1])
        return patches.reshape(-1, PATCH, PATCH)


def padded(level: np.ndarray) -> np.ndarray:
    """One size with its edge repeated by `AROUND`, and on to multiples of `STRIDE`."""
    more = [-(length + 2 * AROUND) % STRIDE for length in level.shape]
    return np.pad(
        level, [(AROUND, AROUND + more[0]), (AROUND, AROUND + more[1])], mode="edge"
    )


def _sample(level: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pixels between pixels, bilinearly; whole numbers are pixels' centres."""
    height, width = level.shape
    x = np.clip(x, 0, width - 1).astype(np.float32)
    y = np.clip(y, 0, height - 1).astype(np.float32)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right, low = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x -= left
    y -= top
    flat = level.ravel()
    top, low = top * width, low * width
    above = flat[top + left] * (1 - x) + flat[top + right] * x
    below = flat[low + left] * (1 - x) + flat[low + right] * x
    return above * (1 - y) + below * y
