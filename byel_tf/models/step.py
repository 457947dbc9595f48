"""What the training steps of both stages share."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.optimizers.apply import all_reduce_gradients, apply_reduced_gradients


def compiled(function: Callable, jit_compile: bool) -> Callable:
    """Makes the per-replica part of a step a function that XLA may compile.

    `compile(jit_compile=True)` would also compile the all-reduce and fails under
    MirroredStrategy; an inner function around the pure part does not.

    Args:
      function: Forward passes, losses and gradients: no Python state, no I/O.
      jit_compile: Whether XLA compiles it.
    """
    return tf.function(function, jit_compile=jit_compile or None)


def current_loss_scale(optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    """The optimizer's loss scale, (), float32; 1 without one."""
    if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        return tf.cast(optimizer.loss_scale, tf.float32)
    return tf.constant(1.0)


def reduce_and_apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
    loss_scale: tf.Tensor,
) -> tf.Tensor:
    """Sums gradients over replicas, takes the loss scale out, and applies them.

    Args:
      optimizer: The optimizer.
      gradients: This replica's gradients of loss · loss_scale.
      variables: The variables, in the optimizer's order.
      loss_scale: What `current_loss_scale` gave.

    Returns:
      Norm of the whole summed gradient, (), float32; 0 where a scaled loss
      overflowed, since the optimizer then skips the step and lowers the scale.
    """
    gradients = [g / loss_scale for g in all_reduce_gradients(gradients)]
    apply_reduced_gradients(optimizer, gradients, variables)
    norm = tf.linalg.global_norm(gradients)
    if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        norm = tf.where(tf.math.is_finite(norm), norm, 0.0)
    return norm


class Trackers:
    """Means of the step's scalars since the last reset, over all replicas."""

    def __init__(self, names: Sequence[str]):
        """Makes one mean a name; call it in the strategy's scope."""
        self.metrics = {name: keras.metrics.Mean(name=name) for name in names}

    def update(self, values: dict[str, tf.Tensor], weight: tf.Tensor) -> None:
        """Adds one step.

        Args:
          values: One scalar a name: this replica's mean over its examples.
          weight: This replica's share of the global batch, (): 0 where it has only
            examples that fill up the last batch.
        """
        for name, value in values.items():
            # A mean over no examples is NaN; its weight of 0 would not hide that.
            value = tf.where(weight > 0, value, tf.zeros_like(value))
            self.metrics[name].update_state(value, sample_weight=weight)

    def __iter__(self):
        """The Keras metrics, in the order of the names."""
        return iter(self.metrics.values())
