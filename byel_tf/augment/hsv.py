"""Saturation and hue of HSV, one amount per image.

Channels are kept as planes [B, C, H * W]: TensorFlow's CPU operations are several times
faster along a long last axis than along one of three channels. What depends on which
channel is largest is written as products with 0 and 1, which are exact and take a
fraction of the time of `tf.where`.
"""

import tensorflow as tf


def to_planes(images: tf.Tensor) -> tf.Tensor:
    """Images [B, H, W, C] as planes [B, C, H * W]."""
    height, width, channels = images.shape[1:]
    flat = tf.reshape(images, [tf.shape(images)[0], height * width, channels])
    return tf.transpose(flat, [0, 2, 1])


def from_planes(planes: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Planes [B, C, H * W] as images of the shape [B, H, W, C] of `like`."""
    return tf.reshape(tf.transpose(planes, [0, 2, 1]), tf.shape(like))


def adjust_hsv(planes: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Multiplies S by `scale`, at most to 1, and adds `shift` to H, modulo 1.

    Equal to a way there and back by tf.image, which takes several times as long.

    Args:
        planes: float32 [B, 3, N] in [0, 1]: red, green, blue.
        scale: float32 [B], at least 0; 1 is the identity.
        shift: float32 [B] in cycles; 0 is the identity.

    Returns:
        float32 [B, 3, N] in [0, 1]; for the identities equal up to rounding.
    """
    red, green, blue = tf.unstack(planes, axis=1)
    value = tf.maximum(tf.maximum(red, green), blue)
    chroma = value - tf.minimum(tf.minimum(red, green), blue)
    is_red = tf.cast(red == value, tf.float32)
    is_green = tf.cast(green == value, tf.float32) * (1.0 - is_red)
    is_blue = 1.0 - is_red - is_green
    difference = (
        is_red * (green - blue) + is_green * (blue - red) + is_blue * (red - green)
    )
    sector = 2.0 * is_green + 4.0 * is_blue
    # Without chroma the difference is 0 as well: any hue will do.
    hue = sector + difference / tf.maximum(chroma, 1e-12)
    hue += 6.0 * shift[:, tf.newaxis]
    hue -= 6.0 * tf.floor(hue / 6.0)

    # S is chroma / value, so the limit of S at 1 is one of chroma at value.
    chroma = tf.minimum(scale[:, tf.newaxis] * chroma, value)
    # How far each channel lies below the value, in units of chroma.
    depths = (2.0 - tf.abs(hue - 3.0), tf.abs(hue - 2.0) - 1.0, tf.abs(hue - 4.0) - 1.0)
    # With chroma at most value, nothing leaves [0, value]: there is nothing to clip.
    planes = [value - chroma * tf.clip_by_value(depth, 0.0, 1.0) for depth in depths]
    return tf.stack(planes, axis=1)
