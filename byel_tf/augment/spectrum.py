"""Jitter of the amplitude spectrum: each octave of detail stronger or fainter.

The gain depends on the spatial frequency's magnitude alone and is positive, so every
phase stays, and with it where edges lie. The transform is the discrete cosine
transform, which is the Fourier transform of the picture continued by its mirror
images: no border wraps around, and it is two matrix products.
"""

import math

import numpy as np
import tensorflow as tf

#: Octaves of spatial frequency that have a gain of their own: those about 1, 2, 4, …
#: cycles over the picture.
NUM_OCTAVES = 7


def jitter_spectrum(images: tf.Tensor, log_gains: tf.Tensor) -> tf.Tensor:
    """Multiplies the spectrum of each image by a smooth radial gain and clips.

    The mean stays.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        log_gains: float32 [B, NUM_OCTAVES], natural logarithms of the gains at 1, 2,
            4, … cycles over the picture; 0 is the identity up to rounding. Between
            octaves the logarithm goes over smoothly, beyond the last ones it stays.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width, channels = images.shape[1:]
    rows, columns = cosines(height), cosines(width)
    gains = tf.exp(tf.matmul(log_gains, octave_shares(height, width)))
    gains = tf.reshape(gains, [-1, 1, height, width])
    planes = tf.transpose(images, [0, 3, 1, 2])
    spectrum = tf.matmul(rows, _times(planes, columns.T)) * gains
    planes = _times(tf.matmul(rows.T, spectrum), columns)
    planes = tf.reshape(planes, [-1, channels, height, width])
    return tf.clip_by_value(tf.transpose(planes, [0, 2, 3, 1]), 0.0, 1.0)


def _times(planes: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """[B, C, H, W] times [W, W], as one product of two matrices."""
    flat = tf.matmul(tf.reshape(planes, [-1, planes.shape[3]]), matrix)
    return tf.reshape(flat, tf.shape(planes))


def cosines(size: int) -> np.ndarray:
    """The orthonormal discrete cosine transform (DCT-II) of an axis.

    Args:
        size: n, pixels.

    Returns:
        float32 [n, n]; row k goes through k / 2 cycles.
    """
    position = (np.arange(size) + 0.5) / size
    matrix = np.cos(np.pi * np.arange(size)[:, None] * position)
    matrix *= np.sqrt(np.where(np.arange(size) == 0, 1.0, 2.0) / size)[:, None]
    return matrix.astype(np.float32)


def octave_shares(height: int, width: int) -> np.ndarray:
    """How much each octave's logarithm counts at each frequency.

    Raised cosines over the logarithm of the frequency: two neighbours add to 1.

    Args:
        height: H, pixels.
        width: W, pixels.

    Returns:
        float32 [NUM_OCTAVES, H * W]; 0 for the mean.
    """
    cycles = np.hypot(np.arange(height)[:, None] / 2, np.arange(width) / 2).ravel()
    octave = np.log2(np.maximum(cycles, 1.0)).clip(0, NUM_OCTAVES - 1)
    distance = np.abs(octave - np.arange(NUM_OCTAVES)[:, None]).clip(0, 1)
    shares = np.cos(math.pi / 2 * distance) ** 2
    return np.where(cycles > 0, shares, 0.0).astype(np.float32)
