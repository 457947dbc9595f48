"""Projector, predictor, and the head of the action units."""

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.resnet import batch_norm


class MLP(keras.Model):
    """Dense → batch norm → ReLU → Dense, the shape of both heads (BYOL, 3.2)."""

    def __init__(self, hidden_size: int, output_size: int, name: str):
        """Makes the head.

        Args:
          hidden_size: Units of the hidden layer (4096 in the papers).
          output_size: D, size of the output (256 in the papers).
          name: "projector" or "predictor".
        """
        super().__init__(name=name)
        self.hidden = keras.layers.Dense(hidden_size, name="hidden")
        self.norm = batch_norm("norm")
        # float32 also under mixed precision: losses and norms follow.
        self.output_layer = keras.layers.Dense(
            output_size, dtype="float32", name="output"
        )

    def call(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, any) → (B, D), float32."""
        hidden = tf.nn.relu(self.norm(self.hidden(vectors), training=training))
        return self.output_layer(hidden)


def build_action_unit_head(
    num_units: int, representation_size: int
) -> keras.layers.Layer:
    """Makes the linear layer from representations, (B, R), to intensities, (B, U).

    Args:
      num_units: U.
      representation_size: R.

    Returns:
      The layer, built; its output is float32 also under mixed precision.
    """
    head = keras.layers.Dense(num_units, dtype="float32", name="action_unit_head")
    head(tf.zeros([1, representation_size]))  # makes its variables
    return head
