"""Emotion classifier and Emotion Vector Subtraction (BYEL, section 3)."""

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.normalization import BatchNorm, batch_norm


def subtract_emotion_vector(
    latent: tf.Tensor, emotion_vectors: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """Takes the emotion of the label out of each latent: pᵢ − ‖pᵢ‖·W[:, yᵢ].

    Gradients flow through the latent, its norm and the emotion vectors.

    Args:
      latent: Online predictions p, (B, D), float.
      emotion_vectors: W, (D, K), float; column k belongs to class k.
      labels: Class indices y, (B,), int, each in [0, K).

    Returns:
      The latents without their emotion, (B, D).
    """
    # The norm has no slope at a zero latent; taking the root of 1 there keeps the
    # gradient 0 instead of NaN.
    square = tf.reduce_sum(tf.square(latent), axis=-1, keepdims=True)
    is_zero = tf.equal(square, 0)
    root = tf.sqrt(tf.where(is_zero, tf.ones_like(square), square))
    norm = tf.where(is_zero, tf.zeros_like(square), root)
    # Not a gather, whose gradient adds rows up in any order on GPUs; nor a matrix
    # product, which they may round to ten bits.
    chosen = tf.one_hot(labels, emotion_vectors.shape[1], dtype=latent.dtype)
    vectors = tf.reduce_sum(chosen[:, None, :] * emotion_vectors, axis=-1)
    return latent - norm * vectors


class EmotionClassifier(keras.layers.Layer):
    """Linear classifier whose columns are the emotion vectors, with batch norm.

    logits = BatchNorm(p·W): no bias, W orthogonal at the start, batch norm over the
    K logits with scale and offset.

    Attributes:
      emotion_vectors: W, (D, K).
      batch_norm: The normalisation of the logits (epsilon 1e-5, momentum 0.9).
    """

    def __init__(self, num_classes: int, make_norm: BatchNorm = batch_norm, **kwargs):
        """Makes the layer.

        Args:
          num_classes: K, at least 1.
          make_norm: Makes the batch norm; not part of `get_config`.
          **kwargs: `name` and `dtype` of a Keras layer.

        Raises:
          ValueError: If `num_classes` is below 1.
        """
        super().__init__(**kwargs)
        if num_classes < 1:
            raise ValueError(
                "EmotionClassifier needs at least one class. "
                f"Received: num_classes={num_classes}"
            )
        self.num_classes = num_classes
        self.batch_norm = make_norm("batch_norm", dtype=self.dtype)

    def build(self, input_shape):
        """Makes W for latents of size D, the last entry of `input_shape`."""
        self.emotion_vectors = self.add_weight(
            name="emotion_vectors",
            shape=(int(input_shape[-1]), self.num_classes),
            initializer=keras.initializers.Orthogonal(),
        )
        self.batch_norm.build((None, self.num_classes))
        super().build(input_shape)

    def call(self, latent: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Computes logits, (B, K), from latents, (B, D)."""
        logits = tf.matmul(latent, self.emotion_vectors)
        return self.batch_norm(logits, training=training)

    def get_config(self):
        """The arguments that make this layer again."""
        return {**super().get_config(), "num_classes": self.num_classes}
