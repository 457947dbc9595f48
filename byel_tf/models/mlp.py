"""Projector and predictor."""

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.normalization import BatchNorm, batch_norm


class MLP(keras.Model):
    """Dense → batch norm → ReLU → Dense, the shape of both (BYOL, 3.2)."""

    def __init__(
        self,
        hidden_size: int,
        output_size: int,
        name: str,
        make_norm: BatchNorm = batch_norm,
    ):
        """Makes the network.

        Args:
          hidden_size: Units of the hidden layer (4096 in the papers).
          output_size: D, size of the output (256 in the papers).
          name: "projector" or "predictor".
          make_norm: Makes its batch norm.
        """
        super().__init__(name=name)
        self.hidden = keras.layers.Dense(hidden_size, name="hidden")
        self.norm = make_norm("norm")
        # float32 also under mixed precision: losses and norms follow.
        self.output_layer = keras.layers.Dense(
            output_size, dtype="float32", name="output"
        )

    def call(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, any) → (B, D), float32."""
        hidden = tf.nn.relu(self.norm(self.hidden(vectors), training=training))
        return self.output_layer(hidden)
