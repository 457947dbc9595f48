"""Detectors by the name that the command line gives them."""

from __future__ import annotations

from byel_tf.detection.names import DETECTORS
from byel_tf.faces.detector import FaceDetector


def make_detector(name: str, min_confidence: float = 0.8) -> FaceDetector:
    """The detector that a name means.

    Args:
      name: One of `DETECTORS`.
      min_confidence: As its own.

    Raises:
      RunError: If what it needs is not installed.
      ValueError: If there is no such detector, or `min_confidence` is no probability.
    """
    if name == "mtcnn":
        return FaceDetector(min_confidence)
    # Each only when it is asked for: OpenCV takes time and memory in every process.
    if name == "own":
        from byel_tf.detection.own import OwnDetector

        return OwnDetector(min_confidence)
    if name == "haar":
        from byel_tf.detection.haar import HaarDetector

        return HaarDetector(min_confidence)
    raise ValueError(
        f"There are the detectors {', '.join(DETECTORS)}. Received: name={name}"
    )
