"""What a face's movements add to its projection, to be taken out of it."""

import tensorflow as tf

from byel_tf.compat import keras


class MovementVectors(keras.layers.Layer):
    """One learned vector for each action unit: p − W·a is the face at rest.

    An addition to BYEL, whose emotion vectors belong to classes: a picture says how
    far each unit has moved. W begins at 0, where nothing is subtracted.

    Attributes:
      movement_vectors: W, (D, U).
    """

    def __init__(self, num_units: int, **kwargs):
        """Makes the layer.

        Args:
          num_units: U.
          **kwargs: `name` and `dtype` of a Keras layer.
        """
        super().__init__(**kwargs)
        self.num_units = num_units

    def build(self, input_shape):
        """Makes W for latents of size D, the last entry of `input_shape`."""
        self.movement_vectors = self.add_weight(
            name="movement_vectors",
            shape=(int(input_shape[-1]), self.num_units),
            initializer="zeros",
        )
        super().build(input_shape)

    def call(self, latent: tf.Tensor, action_units: tf.Tensor) -> tf.Tensor:
        """Latents (B, D) of faces that move by (B, U) → of the same at rest, (B, D)."""
        return latent - tf.matmul(action_units, self.movement_vectors, transpose_b=True)

    def get_config(self):
        """The arguments that make this layer again."""
        return {**super().get_config(), "num_units": self.num_units}
