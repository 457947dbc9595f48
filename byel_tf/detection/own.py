"""The detector that learned from drawn faces."""

from __future__ import annotations

import numpy as np
from PIL import Image

from byel_tf.detection.finder import find_faces
from byel_tf.detection.frame import boxes_of, frames_of
from byel_tf.detection.networks import Networks
from byel_tf.detection.pictures import Shrunk, checked_confidence, thread_pools
from byel_tf.detection.weights import shipped_weights
from byel_tf.faces.detector import DetectedFace, FaceDetector


class OwnDetector(FaceDetector):
    """Finds faces that are upright or rolled by up to about 75 degrees.

    Those of less than 15 pixels are not found, nor those of less than 1/42 of the
    picture's longer side.

    Equal pictures give equal results on a machine. It needs neither TensorFlow nor
    more than one thread, and can be sent to other processes.
    """

    def __init__(
        self,
        min_confidence: float = 0.8,
        weights: dict[str, np.ndarray] | None = None,
    ):
        """Reads the networks.

        Args:
          min_confidence: Least probability of a face, 0 to 1.
          weights: Other weights than the package's.

        Raises:
          RunError: If the package's weights are not there or not its own.
          ValueError: If `min_confidence` is no probability.
        """
        self._min_confidence = checked_confidence(min_confidence)
        self._networks = Networks(shipped_weights() if weights is None else weights)

    def _find(self, image: Image.Image) -> list[DetectedFace]:
        shrunk = Shrunk(image)
        # The products are too small for more threads.
        with thread_pools().limit(limits=1, user_api="blas"):
            scores, points = find_faces(
                self._networks, shrunk.grey, self._min_confidence
            )
        points = points * shrunk.scale
        return [
            DetectedFace(*map(tuple, five), tuple(box), score)
            for five, box, score in zip(
                points.tolist(),
                boxes_of(frames_of(points)).tolist(),
                scores.tolist(),
                strict=True,
            )
        ]
