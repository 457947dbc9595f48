"""Exponential moving averages: the target network's, and that of trained weights."""

import math
from collections.abc import Sequence

import tensorflow as tf


def constant_momentum(step: tf.Tensor, total_steps: int, base: float) -> tf.Tensor:
    """τ(k) = base at every step; the counterpart of `cosine_momentum`."""
    del step, total_steps
    return tf.constant(base, tf.float32)


def cosine_momentum(step: tf.Tensor, total_steps: int, base: float) -> tf.Tensor:
    """BYOL's ramp τ(k) = 1 − (1 − base)·(1 + cos(πk/K))/2 (arXiv 2006.07733, 3.2).

    Args:
      step: k, the steps done so far, (), int or float; beyond K the value stays 1.
      total_steps: K, at least 1.
      base: τ at step 0, in [0, 1].

    Returns:
      τ(k), (), float32, from `base` up to 1.
    """
    progress = tf.cast(step, tf.float32) / tf.cast(total_steps, tf.float32)
    progress = tf.clip_by_value(progress, 0.0, 1.0)
    return 1.0 - (1.0 - base) * (1.0 + tf.cos(math.pi * progress)) / 2.0


def warmed_up_momentum(step: tf.Tensor, base: float) -> tf.Tensor:
    """τ(k) = min(base, (1 + k)/(10 + k)): an average that soon forgets its start.

    The warm-up is that of `tf.train.ExponentialMovingAverage` with `num_updates`.

    Args:
      step: k, the steps done before this one, (), int or float.
      base: τ after the warm-up, in [0, 1).

    Returns:
      τ(k), (), float32, from 0.1 or less up to `base`.
    """
    step = tf.cast(step, tf.float32)
    return tf.minimum(base, (1.0 + step) / (10.0 + step))


def update_moving_average(
    target: Sequence[tf.Variable], online: Sequence[tf.Variable], momentum: tf.Tensor
) -> None:
    """Moves the target towards the online network, ξ ← τξ + (1 − τ)θ.

    Call it in replica context, after the optimizer. Every replica updates its own
    copy of the target from its own copy of the online network, so nothing crosses
    devices.

    Args:
      target: Variables ξ, changed in place.
      online: Variables θ in the same order.
      momentum: τ, (), float32.

    Raises:
      ValueError: If the two networks do not pair up.
    """
    shapes = [[tuple(v.shape) for v in variables] for variables in (target, online)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "target and online variables must pair up. Received: "
            f"{len(target)} target and {len(online)} online variables"
        )

    def blend(variable, online_value, momentum):
        share = tf.cast(1.0 - momentum, variable.dtype)
        variable.assign_sub(share * (variable - online_value))

    def update_all(strategy, momentum):
        for variable, source in zip(target, online, strict=True):
            strategy.extended.update(
                variable, blend, args=(source, momentum), group=False
            )

    tf.distribute.get_replica_context().merge_call(update_all, args=(momentum,))
