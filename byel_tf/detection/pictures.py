"""Pictures as detectors look at them: grey, and not too large."""

from __future__ import annotations

import functools

import numpy as np
import threadpoolctl
from PIL import Image

# Larger pictures are looked at with this longer side: it bounds time and memory.
_LONGEST = 640


class Shrunk:
    """A picture of at most 640 pixels along its longer side.

    Attributes:
      grey: It, of mode L.
      scale: Pixels of the original for one of it, x and y, [2].
    """

    def __init__(self, image: Image.Image):
        """Makes it.

        Args:
          image: Of any mode with 8 bits a channel.

        Raises:
          ValueError: If it has other values than bytes.
        """
        if image.mode == "F" or image.mode.startswith("I"):
            raise ValueError(
                "Pictures must have 8 bits a channel: convert them first. "
                f"Received: mode={image.mode}"
            )
        # By way of RGB, so that what is clear or has a palette is as elsewhere.
        picture = image if image.mode in ("RGB", "L") else image.convert("RGB")
        shrink = max(1.0, max(image.size) / _LONGEST)
        size = tuple(max(1, round(length / shrink)) for length in image.size)
        picture = picture.convert("L")
        if shrink > 1:
            picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3)
        self.grey = picture
        self.scale = np.divide(image.size, size)


def checked_confidence(min_confidence: float) -> float:
    """The least probability of a face.

    Raises:
      ValueError: If it is none.
    """
    if not 0 <= min_confidence <= 1:
        raise ValueError(
            "min_confidence must be from 0 to 1. "
            f"Received: min_confidence={min_confidence}"
        )
    return min_confidence


@functools.cache
def thread_pools() -> threadpoolctl.ThreadpoolController:
    """Found once a process: looking for them takes as long as a small picture."""
    return threadpoolctl.ThreadpoolController()
