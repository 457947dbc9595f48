"""OpenCV's cascade of Haar features behind the same interface.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features",
CVPR 2001; trained by R. Lienhart, and shipped with OpenCV 4 under its licence. It finds
squares about upright faces; the five points are where faces have them in the mean.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from PIL import Image

from byel_tf.detection.pictures import Shrunk, checked_confidence
from byel_tf.errors import RunError
from byel_tf.faces.detector import DetectedFace, FaceDetector

_CASCADE = "haarcascade_frontalface_alt2.xml"
_RATIO = 1.1
# Side of the smallest square, pixels.
_SMALLEST = 20
# Share of the picture by which its edge is repeated around it: the cascade wants to see
# some of what is around a face.
_AROUND = 0.2
# Where the points are in the squares, as shares of their sides: medians of 134 drawn
# faces that look ahead.
_POINTS = np.array(
    [[0.312, 0.407], [0.688, 0.407], [0.5, 0.575], [0.346, 0.807], [0.654, 0.807]]
)


class HaarDetector(FaceDetector):
    """Finds faces that are upright and look ahead."""

    def __init__(self, min_confidence: float = 0.8):
        """Takes the least confidence.

        Args:
          min_confidence: Of a face that `n` windows agree on it is n / (n + 1).

        Raises:
          RunError: If this OpenCV comes without cascades.
          ValueError: If `min_confidence` is not from 0 to 1.
        """
        self._min_confidence = checked_confidence(min_confidence)
        _cascade()

    def _find(self, image: Image.Image) -> list[DetectedFace]:
        shrunk = Shrunk(image)
        around = round(_AROUND * max(shrunk.grey.size))
        pixels = np.pad(np.asarray(shrunk.grey), around, mode="edge")
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            squares, counts = _cascade().detectMultiScale2(
                pixels, _RATIO, 1, minSize=(_SMALLEST, _SMALLEST)
            )
        finally:
            cv2.setNumThreads(threads)
        faces = []
        for square, count in zip(squares, np.ravel(counts), strict=True):
            confidence = float(count) / (float(count) + 1)
            if confidence < self._min_confidence:
                continue
            corner, side = square[:2] - float(around), float(square[2])
            points = (corner + _POINTS * side) * shrunk.scale
            bounds = np.concatenate([corner, corner + side]) * np.tile(shrunk.scale, 2)
            five = map(tuple, points.tolist())
            faces.append(DetectedFace(*five, tuple(bounds.tolist()), confidence))
        return sorted(faces, key=lambda face: face.bounds)


@functools.cache
def _cascade() -> cv2.CascadeClassifier:
    """Read once a process: it cannot be sent to another.

    Raises:
      RunError: If it is not there.
    """
    advice = "pip install 'opencv-python-headless>=4.8,<5'"
    if not hasattr(cv2, "CascadeClassifier"):
        raise RunError(f"OpenCV {cv2.__version__} has no cascades: {advice}")
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + _CASCADE)
    if cascade.empty():
        raise RunError(f"OpenCV {cv2.__version__} comes without {_CASCADE}: {advice}")
    return cascade
