"""Decoding and resizing: one function for training, evaluation and the export."""

import tensorflow as tf


def decode_and_resize(encoded: tf.Tensor, image_size: int) -> tf.Tensor:
    """Decodes a JPEG or PNG and resizes it, as every part of the project does.

    Bicubic with antialiasing; the sides' ratio is not kept (the BYEL authors resize
    to a square likewise).

    Args:
      encoded: File content, (), string.
      image_size: Side of the result in pixels.

    Returns:
      (image_size, image_size, 3), uint8, RGB; a grey image has three equal channels.

    Raises:
      tf.errors.InvalidArgumentError: If it cannot be decoded.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return resize(image, image_size)


def resize(image: tf.Tensor, image_size: int) -> tf.Tensor:
    """Resizes a decoded image.

    Args:
      image: (H, W, 3), uint8, RGB.
      image_size: Side of the result in pixels.

    Returns:
      (image_size, image_size, 3), uint8, RGB.
    """

    def resample() -> tf.Tensor:
        size = [image_size, image_size]
        resized = tf.image.resize(image, size, method="bicubic", antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)

    # Of an image that has the size already, resampling changes nothing.
    has_size = tf.reduce_all(tf.shape(image)[:2] == image_size)
    resized = tf.cond(has_size, lambda: image, resample)
    return tf.ensure_shape(resized, [image_size, image_size, 3])
