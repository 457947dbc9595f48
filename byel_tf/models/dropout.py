"""Dropout that depends on records, not on the state of a generator."""

import tensorflow as tf

from byel_tf import stateless
from byel_tf.batch import DROPOUT


def record_dropout(vectors: tf.Tensor, keys: tf.Tensor, rate: float) -> tf.Tensor:
    """Zeroes a share of each vector and scales the rest up.

    Which entries go is a function of the record's key alone, so a resumed run, or one
    on more replicas, drops what an uninterrupted one on one device would.

    Args:
      vectors: (B, R), float.
      keys: Key of each record in this epoch, (B, 2), uint32.
      rate: Share to drop, in [0, 1).

    Returns:
      (B, R), of the dtype of `vectors`.
    """
    if rate == 0.0:
        return vectors
    uniforms = stateless.uniform(keys, vectors.shape[-1], DROPOUT)
    kept = tf.cast(uniforms >= rate, vectors.dtype)
    return vectors * kept / tf.cast(1.0 - rate, vectors.dtype)
