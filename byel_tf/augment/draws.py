"""Turns columns of uniform numbers into the draws that augmentations need.

Uniforms are drawn once per record elsewhere and travel with the batch, so a draw
here depends on nothing but its own number: not on batch size, device or replica.

The arithmetic is float64 and rounded to float32 last. In float32, the vectorised code
of a large batch, the scalar code of its remainder and XLA differ in the last bit, and
further on such a bit moves a crop by 1e-5 pixels.
"""

import math

import tensorflow as tf


def bernoulli(uniform: tf.Tensor, probability: float) -> tf.Tensor:
    """Decides per record whether an event happens.

    Args:
        uniform: float32 [B] in [0, 1).
        probability: of True, in [0, 1]; 0 never and 1 always gives True.

    Returns:
        bool [B].
    """
    return uniform < probability


def between(uniform: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Draws uniformly from an interval.

    Args:
        uniform: float32 [B] in [0, 1).
        low: value at 0.
        high: value that 1 would give.

    Returns:
        float32 [B] in [low, high], up to rounding.
    """
    position = tf.cast(uniform, tf.float64)
    return tf.cast(low + position * (high - low), tf.float32)


def log_between(uniform: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Draws log-uniformly from a positive interval.

    Args:
        uniform: float32 [B] in [0, 1).
        low: positive lower end.
        high: positive upper end.

    Returns:
        float32 [B] in [low, high], up to rounding.
    """
    position = tf.cast(uniform, tf.float64)
    exponent = math.log(low) + position * (math.log(high) - math.log(low))
    return tf.cast(tf.exp(exponent), tf.float32)


def bell(uniform: tf.Tensor, limit: float) -> tf.Tensor:
    """Draws from a normal distribution of mean 0, cut off at two deviations.

    It is the inverse distribution function of the normal law truncated to
    [-2 sd, 2 sd], where sd = limit / 2, so nothing beyond the limit appears.

    Args:
        uniform: float32 [B] in [0, 1).
        limit: largest magnitude, twice the standard deviation before truncation.

    Returns:
        float32 [B] in [-limit, limit], up to rounding.
    """
    mass = math.erf(math.sqrt(2.0))
    position = 2.0 * tf.cast(uniform, tf.float64) - 1.0
    deviations = math.sqrt(2.0) * tf.math.erfinv(position * mass)
    return tf.cast(limit / 2 * deviations, tf.float32)


def integer(uniform: tf.Tensor, count: int) -> tf.Tensor:
    """Draws an integer from 0 to count - 1, all equally likely.

    Args:
        uniform: float32 [B] in [0, 1).
        count: number of possible values, at least 1.

    Returns:
        int32 [B].
    """
    # The product is below count: 1 - 2^-24 times count never rounds up to it.
    return tf.cast(uniform * count, tf.int32)


def per_image(values: tf.Tensor) -> tf.Tensor:
    """Shapes one value per record so that it broadcasts over [B, H, W, C].

    Args:
        values: any dtype [B].

    Returns:
        The same values, [B, 1, 1, 1].
    """
    return values[:, tf.newaxis, tf.newaxis, tf.newaxis]


def choose(chosen: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Takes whole records from one of two tensors.

    Args:
        chosen: bool [B].
        first: any dtype [B, …]: records where `chosen` is true.
        second: the same: the others.

    Returns:
        The same dtype and shape.
    """
    # The older operation copies rows; tf.where's broadcasting reads every element.
    return tf.raw_ops.Select(condition=chosen, x=first, y=second)
