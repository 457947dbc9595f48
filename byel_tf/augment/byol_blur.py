"""Gaussian blur as BYOL's published code does it: beyond the border lies black."""

import tensorflow as tf

from byel_tf.augment.separable import resample


def byol_blur(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Blurs each image with its own Gaussian kernel; the borders darken.

    Weights are exp(-d^2 / (2 sigma^2)) at the distances |d| <= floor(s / 20), where s
    is the images' smaller side (23 taps for 224 pixels, below 20 pixels none but the
    middle one), normalised to sum 1. Beyond the border the images are 0.

    Source: google-deepmind/deepmind-research, byol/utils/augmentations.py.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        sigma: float32 [B], standard deviation in pixels; 0 is the identity.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width = images.shape[1:3]
    reach = min(height, width) // 20
    rows = _blur_matrix(sigma, reach, height)
    columns = rows if width == height else _blur_matrix(sigma, reach, width)
    return resample(images, rows, columns)


def _blur_matrix(sigma: tf.Tensor, reach: int, size: int) -> tf.Tensor:
    """The blur of one axis, float32 [B, size, size]; rows at the border sum to less."""
    # Below 1/1000 pixel every neighbour's weight underflows to 0: the identity.
    sigma = tf.maximum(sigma, 1e-3)[:, tf.newaxis]
    distance = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (distance / sigma) ** 2)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    position = tf.range(size)
    tap = position[:, tf.newaxis] - position + reach
    # One-hot rows are all zero for taps that the kernel does not have.
    taps = tf.one_hot(tf.reshape(tap, [-1]), 2 * reach + 1, axis=0)
    matrix = tf.matmul(weights, taps)
    return tf.reshape(matrix, [tf.shape(sigma)[0], size, size])
