"""Dropout that depends on records, not on the state of a generator."""

import tensorflow as tf

from byel_tf import stateless


def record_dropout(vectors: tf.Tensor, keys: tf.Tensor, rate: float) -> tf.Tensor:
    """Zeroes a share of each vector and scales the rest up.

    Which entries go is a function of the record's key alone, so a resumed run, or one
    on more replicas, drops what an uninterrupted one on one device would.

    Args:
      vectors: (B, R), float.
      keys: Seed of each record in this epoch, (B, 2), int64.
      rate: Share to drop, in [0, 1).

    Returns:
      (B, R), of the dtype of `vectors`.
    """
    if rate == 0.0:
        return vectors
    size = vectors.shape[-1]
    uniforms = tf.map_fn(
        lambda key: stateless.uniform([size], key),
        keys,
        fn_output_signature=tf.TensorSpec([size], tf.float32),
    )
    kept = tf.cast(uniforms >= rate, vectors.dtype)
    return vectors * kept / tf.cast(1.0 - rate, vectors.dtype)
