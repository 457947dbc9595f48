"""What learns the faces' action units from representations."""

import tensorflow as tf

from byel_tf.compat import keras


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
