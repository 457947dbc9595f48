"""Gaussian blur with one width per image."""

import numpy as np
import tensorflow as tf

from byel_tf.augment.separable import resample


def gaussian_blur(images: tf.Tensor, sigma: tf.Tensor, kernel_size: int) -> tf.Tensor:
    """Blurs each image with its own Gaussian kernel; borders are reflected.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        sigma: float32 [B], standard deviation in pixels; 0 is the identity.
        kernel_size: odd number of taps per axis.

    Returns:
        float32 [B, H, W, C] in [0, 1].

    Raises:
        ValueError: if `kernel_size` is not odd and positive.
    """
    height, width = images.shape[1:3]
    rows = blur_matrix(sigma, kernel_size, height)
    columns = rows if width == height else blur_matrix(sigma, kernel_size, width)
    return resample(images, rows, columns)


def blur_matrix(sigma: tf.Tensor, kernel_size: int, size: int) -> tf.Tensor:
    """Builds the matrix that blurs one axis, as torchvision's gaussian_blur.

    Weights are exp(-d^2 / (2 sigma^2)) at the distances |d| <= (kernel_size - 1) / 2,
    normalised to sum 1. What the kernel would read beyond a border is reflected
    without repeating the border pixel.

    Args:
        sigma: float32 [B], standard deviation in pixels; 0 gives the identity.
        kernel_size: odd number of taps.
        size: number of pixels of the axis.

    Returns:
        float32 [B, size, size]; every row is non-negative with sum 1.

    Raises:
        ValueError: if `kernel_size` is not odd and positive.
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(
            "kernel_size must be odd and positive, for a kernel with a centre. "
            f"Received: kernel_size={kernel_size}"
        )
    reach = kernel_size // 2
    distance = tf.range(-reach, reach + 1, dtype=tf.float32)
    # Below 1/1000 pixel every neighbour's weight underflows to 0: the identity.
    width = tf.maximum(sigma, 1e-3)[:, tf.newaxis]
    weights = tf.exp(-0.5 * (distance / width) ** 2)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)

    padded = np.pad(np.arange(size), reach, mode="reflect")
    source = np.stack([padded[tap : tap + size] for tap in range(kernel_size)])
    taps = tf.one_hot(source.astype(np.int32), size)
    matrix = tf.matmul(weights, tf.reshape(taps, [kernel_size, size * size]))
    return tf.reshape(matrix, [tf.shape(sigma)[0], size, size])
