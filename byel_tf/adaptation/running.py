"""A classifier that is run over images again and again while its weights change."""

import numpy as np
import tensorflow as tf
from scipy import special

from byel_tf.models.networks import ExpressionNetwork


class Running:
    """A network, and what it says of many images.

    Attributes:
      network: The classifier.
      batch_size: Images at a time.
    """

    def __init__(self, network: ExpressionNetwork, batch_size: int = 200):
        """Compiles the network once; weights may be assigned afterwards."""
        self.network = network
        self.batch_size = batch_size

        @tf.function(autograph=False, reduce_retracing=True)
        def run(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return network(tf.cast(images, tf.float32) / 255.0, training=False)

        self._run = run

    def outputs(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Representations (N, R) and logits (N, K) of images, (N, S, S, 3), uint8."""
        found = [
            self._run(tf.constant(images[start : start + self.batch_size]))
            for start in range(0, len(images), self.batch_size)
        ]
        representations, logits = zip(*found, strict=True)
        return np.concatenate(representations), np.concatenate(logits)

    def probabilities(self, images: np.ndarray, temperature: float) -> np.ndarray:
        """Softmax of logits / temperature, (N, K), float64."""
        _, logits = self.outputs(images)
        return special.softmax(logits.astype(np.float64) / temperature, axis=1)
