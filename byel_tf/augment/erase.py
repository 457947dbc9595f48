"""Random erasing: a rectangle of one grey value (arXiv 1708.04896)."""

import tensorflow as tf

from byel_tf.augment.crop import Box


def erase(images: tf.Tensor, box: Box, value: tf.Tensor) -> tf.Tensor:
    """Paints a rectangle of one grey value into each image.

    A pixel that the rectangle covers in part is blended by that part. A hard edge would
    move by a pixel where two devices round its position differently.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        box: rectangles, [B]; an empty one is the identity.
        value: float32 [B] in [0, 1], of all channels.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width, channels = images.shape[1:]
    rows = _coverage(box.top, box.bottom, height)
    # Channels are merged into the columns: broadcasting over an innermost axis of three
    # is several times slower on CPUs.
    columns = tf.repeat(_coverage(box.left, box.right, width), channels, axis=1)
    covered = rows[:, :, tf.newaxis] * columns[:, tf.newaxis, :]
    flat = tf.reshape(images, [tf.shape(images)[0], height, width * channels])
    painted = flat * (1.0 - covered) + covered * value[:, tf.newaxis, tf.newaxis]
    return tf.reshape(painted, tf.shape(images))


def _coverage(start: tf.Tensor, end: tf.Tensor, size: int) -> tf.Tensor:
    """Part of each pixel of an axis inside [start, end]: [B, size] in [0, 1]."""
    pixel = tf.range(size, dtype=tf.float32)
    start, end = (tf.cast(side[:, tf.newaxis], tf.float32) for side in (start, end))
    inside = tf.minimum(pixel + 1.0, end) - tf.maximum(pixel, start)
    return tf.clip_by_value(inside, 0.0, 1.0)
