"""Random numbers that are functions of a key, the same on host, GPU and in XLA."""

from collections.abc import Sequence

import tensorflow as tf

_BITS = 24  # of a float32's precision


def uniform(shape: Sequence[int], key: tf.Tensor) -> tf.Tensor:
    """Draws numbers in [0, 1).

    `tf.random.stateless_uniform` makes floats of the same Philox bits in two ways,
    from the low ones on the host and from the high ones in XLA; its integers agree.

    Args:
      shape: Static shape of the result.
      key: Seed, (2,), int64.

    Returns:
      float32 of the shape, multiples of 2⁻²⁴.
    """
    bits = tf.random.stateless_uniform(
        shape, key, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    high = tf.bitwise.right_shift(bits, tf.constant(32 - _BITS, tf.uint32))
    return tf.cast(high, tf.float32) * 2.0**-_BITS
