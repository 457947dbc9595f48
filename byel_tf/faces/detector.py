"""Finds the face to crop in a picture."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import threadpoolctl
from PIL import Image

from byel_tf.faces.cascade import find_faces
from byel_tf.faces.crop import Box, Point, bounds_box, face_box
from byel_tf.faces.networks import Networks

# Larger pictures are looked at with this longer side: it bounds time and memory.
_LONGEST = 640
# Side of the smallest face's box in pixels of what is looked at.
_SMALLEST = 20
# Part of the picture that is looked at for the face in given bounds, by their side:
# the networks want to see what is around a face.
_AROUND = 2


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

    def moved(self, right: float, down: float) -> DetectedFace:
        """The same face in a picture whose origin is that far left of and above it."""

        def move(point: Point) -> Point:
            return point[0] + right, point[1] + down

        return DetectedFace(
            move(self.left_eye),
            move(self.right_eye),
            move(self.nose),
            move(self.mouth_left),
            move(self.mouth_right),
            (*move(self.bounds[:2]), *move(self.bounds[2:])),
            self.confidence,
        )


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
        return max(self._find(image), key=_area, default=None)

    def all(self, image: Image.Image) -> list[DetectedFace]:
        """Finds every face, the one with the largest bounds first.

        Args:
          image: As for `largest`, which is the first of them.

        Raises:
          ValueError: If the picture has other values than bytes.
        """
        return sorted(self._find(image), key=_area, reverse=True)

    def within(
        self, image: Image.Image, bounds: tuple[float, float, float, float]
    ) -> DetectedFace | None:
        """Finds the face that given bounds are of: that which fills them best.

        Only their surroundings are looked at, so that it may be small in the picture.

        Args:
          image: As for `largest`.
          bounds: Left, top, right and bottom, pixels.

        Returns:
          The face whose bounds have the most in common with the given ones, as a share
          of what both cover, and their middle within them; None if there is none.

        Raises:
          ValueError: If the picture has other values than bytes, or the bounds hold
            nothing.
        """
        around = bounds_box(bounds).with_margin(_AROUND)
        x0, y0 = max(0, math.floor(around.left)), max(0, math.floor(around.top))
        x1 = min(image.width, math.ceil(around.left + around.side))
        y1 = min(image.height, math.ceil(around.top + around.side))
        if x1 <= x0 or y1 <= y0:
            return None
        found = self._find(image.crop((x0, y0, x1, y1)))
        faces = [face.moved(x0, y0) for face in found]
        inside = [face for face in faces if _is_centred_in(face, bounds)]
        return max(inside, key=lambda face: _overlap(face.bounds, bounds), default=None)

    def _find(self, image: Image.Image) -> list[DetectedFace]:
        """All faces."""
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
        scale = np.divide(image.size, size)
        return [
            DetectedFace(*map(tuple, five), tuple(box), score)
            for five, box, score in zip(
                (points * scale).tolist(),
                (boxes * np.tile(scale, 2)).tolist(),
                scores.tolist(),
                strict=True,
            )
        ]


def _area(face: DetectedFace) -> float:
    left, top, right, bottom = face.bounds
    return (right - left) * (bottom - top)


def _is_centred_in(
    face: DetectedFace, bounds: tuple[float, float, float, float]
) -> bool:
    left, top, right, bottom = face.bounds
    return (
        bounds[0] <= (left + right) / 2 <= bounds[2]
        and bounds[1] <= (top + bottom) / 2 <= bounds[3]
    )


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    """Area of the intersection by that of the union, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (sum(areas) - common)


@functools.cache
def _thread_pools() -> threadpoolctl.ThreadpoolController:
    """Found once a process: looking for them takes as long as a small picture."""
    return threadpoolctl.ThreadpoolController()
