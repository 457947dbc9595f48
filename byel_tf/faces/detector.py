"""Finds the face to crop in a picture."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import threadpoolctl
from PIL import Image

from byel_tf.faces.cascade import find_faces
from byel_tf.faces.crop import Box, Point, face_box
from byel_tf.faces.networks import Networks

# Larger pictures are looked at with this longer side: it bounds time and memory.
_LONGEST = 640
# Side of the smallest face's box in pixels of what is looked at.
_SMALLEST = 20


@dataclasses.dataclass(frozen=True)
class DetectedFace:
    """A face in a picture; coordinates as in `byel_tf.faces.crop`.

    Attributes:
      left_eye: Its middle, as (x, y) in pixels. Left and right are the viewer's.
      right_eye: Its middle.
      nose: The nose's tip.
      mouth_left: Corner of the mouth.
      mouth_right: Corner of the mouth.
      bounds: Left, top, right and bottom of the face, pixels; may lie outside the
        picture.
      confidence: Probability of a face, 0 to 1.
    """

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point
    bounds: tuple[float, float, float, float]
    confidence: float

    def box(self, margin: float = 1.0) -> Box:
        """The face's crop; `margin` as for `Box.with_margin`."""
        points = (
            self.left_eye,
            self.right_eye,
            self.nose,
            self.mouth_left,
            self.mouth_right,
        )
        return face_box(*points).with_margin(margin)


class FaceDetector:
    """Finds faces that are upright or rolled by up to about 30 degrees.

    Equal pictures give equal results on a machine. It needs neither TensorFlow nor
    more than one thread, and can be sent to other processes.
    """

    def __init__(self, min_confidence: float = 0.8):
        """Reads the networks.

        Args:
          min_confidence: Least probability of a face, 0 to 1.

        Raises:
          RunError: If the package with the networks' weights is not installed.
          ValueError: If `min_confidence` is no probability.
        """
        if not 0 <= min_confidence <= 1:
            raise ValueError(
                "min_confidence must be from 0 to 1. "
                f"Received: min_confidence={min_confidence}"
            )
        self._min_confidence = min_confidence
        self._networks = Networks()

    def largest(self, image: Image.Image) -> DetectedFace | None:
        """Finds the face with the largest bounds.

        Faces of less than 20 pixels are not found, nor those of less than 1/32 of the
        picture's longer side, unless they fill the picture.

        Args:
          image: The upright picture, with 8 bits a channel, of any size.

        Returns:
          The face, or None if there is none.

        Raises:
          ValueError: If the picture has other values than bytes.
        """
        if image.mode == "F" or image.mode.startswith("I"):
            raise ValueError(
                "Pictures must have 8 bits a channel: convert them first. "
                f"Received: mode={image.mode}"
            )
        shrink = max(1.0, max(image.size) / _LONGEST)
        size = [max(1, round(length / shrink)) for length in image.size]
        picture = image if image.mode in ("RGB", "L") else image.convert("RGB")
        if shrink > 1:
            picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3)
        # The products are too small for more threads.
        with _thread_pools().limit(limits=1, user_api="blas"):
            boxes, scores, points = find_faces(
                self._networks,
                picture.convert("RGB"),
                _SMALLEST,
                self._min_confidence,
            )
        if not len(boxes):
            return None
        scale = np.divide(image.size, size)
        boxes = boxes * np.tile(scale, 2)
        sides = boxes[:, 2:] - boxes[:, :2]
        chosen = np.argmax(sides[:, 0] * sides[:, 1])
        five = [tuple(point) for point in (points[chosen] * scale).tolist()]
        return DetectedFace(*five, tuple(boxes[chosen].tolist()), float(scores[chosen]))


@functools.cache
def _thread_pools() -> threadpoolctl.ThreadpoolController:
    """Found once a process: looking for them takes as long as a small picture."""
    return threadpoolctl.ThreadpoolController()
