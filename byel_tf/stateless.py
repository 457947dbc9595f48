"""Random numbers that are functions of a key, the same on host, GPU and in XLA.

A counter-based generator over whole batches: the i-th number of a record is a hash of
the record's key and of i. All of it is arithmetic of 32-bit integers, which every
device does alike; floats are made of integers last.
"""

import tensorflow as tf

_BITS = 24  # of a float32's precision
_INCREMENT = 0x9E3779B9  # so that zeros do not stay zeros
_STARTS = (0x243F6A88, 0x85A308D3)  # the first digits of π: nothing chosen


def record_keys(
    seed: int, stage: int, epoch: tf.Tensor, records: tf.Tensor
) -> tf.Tensor:
    """A key for each record in an epoch.

    Args:
      seed: The run's seed, in [0, 2³²).
      stage: Stages of one run draw apart.
      epoch: The epoch, (), int.
      records: What tells the records apart, such as their positions in the data set,
        (B,), int64.

    Returns:
      (B, 2), uint32.
    """
    low = tf.bitwise.bitwise_and(records, tf.constant(0xFFFFFFFF, tf.int64))
    high = tf.bitwise.right_shift(records, tf.constant(32, tf.int64))
    words = [tf.cast(word, tf.uint32) for word in (low, high, epoch, stage, seed)]
    keys = []
    for start in _STARTS:
        key = tf.fill(tf.shape(low), tf.constant(start, tf.uint32))
        for word in words:
            key = mix(tf.bitwise.bitwise_xor(key, word) + _uint32(_INCREMENT))
        keys.append(key)
    return tf.stack(keys, axis=1)


def uniform(keys: tf.Tensor, count: int, stream: int = 0) -> tf.Tensor:
    """Draws numbers in [0, 1).

    Args:
      keys: (B, 2), uint32.
      count: Numbers a record.
      stream: Draws of one key for different uses differ in it.

    Returns:
      float32, (B, count), multiples of 2⁻²⁴.
    """
    low, high = tf.unstack(keys, axis=1)
    high = mix(high + _uint32(_INCREMENT * stream % 2**32))
    # Hashing keys and positions apart leaves little to do to the large tensor.
    positions = mix(tf.cast(tf.range(1, count + 1), tf.uint32))
    bits = mix(tf.bitwise.bitwise_xor(low[:, None], positions))
    bits = tf.bitwise.bitwise_xor(bits, high[:, None])
    bits = fold(multiply(bits, 0x9E3779B1), 15)
    bits = multiply(bits, 0x85EBCA77)
    top = tf.bitwise.right_shift(bits, _uint32(32 - _BITS))
    return tf.cast(top, tf.float32) * 2.0**-_BITS


def mix(values: tf.Tensor) -> tf.Tensor:
    """Hashes 32-bit integers: `lowbias32` of nullprogram.com/blog/2018/07/31.

    Args:
      values: uint32, any shape.

    Returns:
      uint32 of the shape; no two values have the same hash.
    """
    values = multiply(fold(values, 16), 0x7FEB352D)
    values = multiply(fold(values, 15), 0x846CA68B)
    return fold(values, 16)


def fold(values: tf.Tensor, bits: int) -> tf.Tensor:
    """The exclusive or of x and x >> bits, of uint32."""
    return tf.bitwise.bitwise_xor(values, tf.bitwise.right_shift(values, _uint32(bits)))


def multiply(values: tf.Tensor, factor: int) -> tf.Tensor:
    """The product modulo 2³², of uint32."""
    return values * _uint32(factor)


def _uint32(number: int) -> tf.Tensor:
    return tf.constant(number, tf.uint32)
