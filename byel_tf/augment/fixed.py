"""The fixed policy of evaluation: nothing is random, pixels are only scaled."""

import tensorflow as tf


def fixed(images: tf.Tensor) -> tf.Tensor:
    """Scales 8-bit images to [0, 1].

    Evaluation, prediction and the first step of every random policy share this
    function. Mean and standard deviation belong to the encoder.

    Args:
        images: uint8 [B, H, W, C], C is 1 or 3.

    Returns:
        float32 [B, H, W, C] in [0, 1].

    Raises:
        ValueError: if the images are not uint8, not of rank 4, or have another
            number of channels.
    """
    images = tf.convert_to_tensor(images)
    if images.dtype != tf.uint8:
        raise ValueError(
            "images must be uint8 (0 to 255); decode without converting to float. "
            f"Received: images.dtype={images.dtype.name}"
        )
    if images.shape.rank != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            "images must have the shape [batch, height, width, channels] with 1 or 3 "
            f"channels. Received: images.shape={images.shape}"
        )
    return tf.cast(images, tf.float32) / 255.0
