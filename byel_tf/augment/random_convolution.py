"""Random convolutions: local texture and colour change, shape stays.

Source: Xu et al., "Robust and Generalizable Visual Representation Learning via Random
Convolutions" (arXiv 2007.13003), in the form that mixes with the picture. Two things
differ: a filter's sum is made positive, since a face whose light and dark are swapped
is none that a camera takes, and its output gets the picture's own mean and deviation.
"""

import numpy as np
import tensorflow as tf

from byel_tf.augment.noise import unit_noise

#: Taps of a filter along each axis; an image draws one of them.
SIZES = (1, 3, 5)
_LARGEST = max(SIZES)
# Added to the noise, which has steps of 0.35 through 0: no sum is 0, nor one tap alone.
_OFFSET = 0.05
# What a filter leaves of a picture's deviation is raised tenfold at most.
_LEAST_DEVIATION = 0.1


def random_convolution(
    images: tf.Tensor, share: tf.Tensor, size: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Blends each image with the output of its own random filter and clips.

    Each channel of the output is a filter over all channels; borders are reflected.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        share: float32 [B] in [0, 1], of the image in the blend; 1 is the identity.
        size: int32 [B], indices into `SIZES`.
        seed: float32 [B] in [0, 1), that of the filter's weights.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    filters = draw_filters(seed, size, images.shape[-1])
    return _blend(images, _filtered(images, filters), share)


def draw_filters(seed: tf.Tensor, size: tf.Tensor, channels: int) -> tf.Tensor:
    """Draws the weights of the filters: noise of a positive sum.

    Args:
        seed: float32 [B] in [0, 1).
        size: int32 [B], indices into `SIZES`; a smaller filter is the middle of the
            largest.
        channels: C, of the images.

    Returns:
        float32 [B, 5, 5, C, C]: rows, columns, channels read, channel made. The
        weights of each channel made have a positive sum and a sum of squares of 1.
    """
    weights = unit_noise(seed, _LARGEST**2 * channels**2) + _OFFSET
    weights = tf.reshape(weights, [-1, _LARGEST, _LARGEST, channels, channels])
    weights *= tf.gather(_masks(), size)[..., tf.newaxis, tf.newaxis]
    taps = [1, 2, 3]
    total = tf.reduce_sum(weights, taps, keepdims=True)
    norm = tf.sqrt(tf.reduce_sum(weights**2, taps, keepdims=True))
    sign = tf.where(total < 0.0, -1.0, 1.0)
    return weights * sign / norm


def _masks() -> tf.Tensor:
    """Which taps filters of each size have, float32 [sizes, 5, 5]."""
    distance = np.abs(np.arange(_LARGEST) - _LARGEST // 2)
    reach = np.array(SIZES)[:, None, None] // 2
    inside = np.maximum(distance[:, None], distance) <= reach
    return tf.constant(inside, tf.float32)


def _filtered(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    """The output of each image's own filter, borders reflected.

    A sum over taps, which XLA makes one loop of, where it is slow at convolutions of as
    many groups as there are images.

    Args:
        images: float32 [B, H, W, C].
        filters: float32 [B, 5, 5, C, C].

    Returns:
        float32 [B, H, W, C].
    """
    height, width, channels = images.shape[1:]
    reach = _LARGEST // 2
    beyond = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    padded = tf.pad(images, beyond, mode="SYMMETRIC")
    filters = filters[:, tf.newaxis, tf.newaxis]
    made = tf.zeros_like(images)
    for row, column in np.ndindex(_LARGEST, _LARGEST):
        moved = padded[:, row : row + height, column : column + width]
        for channel in range(channels):
            weights = filters[..., row, column, channel, :]
            made += moved[..., channel, tf.newaxis] * weights
    return made


def _blend(images: tf.Tensor, filtered: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Mixes each channel with its filtered one, brought to its mean and deviation.

    Args:
        images: float32 [B, H, W, C].
        filtered: float32 [B, H, W, C].
        share: float32 [B], of the first.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    mean, variance = tf.nn.moments(images, [1, 2], keepdims=True)
    filtered_mean, filtered_variance = tf.nn.moments(filtered, [1, 2], keepdims=True)
    deviation = tf.sqrt(variance)
    least = _LEAST_DEVIATION * deviation + 1e-6
    share = share[:, tf.newaxis, tf.newaxis, tf.newaxis]
    gain = (1.0 - share) * deviation / tf.maximum(tf.sqrt(filtered_variance), least)
    offset = (1.0 - share) * mean - gain * filtered_mean
    return tf.clip_by_value(images * share + filtered * gain + offset, 0.0, 1.0)
