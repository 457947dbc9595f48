"""One way to sum gradients over replicas and apply them, for every optimizer."""

from collections.abc import Sequence

import tensorflow as tf

from byel_tf.compat import keras


def all_reduce_gradients(gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Sums each gradient over the replicas; call it in replica context."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return list(gradients)
    return context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))


def apply_reduced_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
) -> None:
    """Applies gradients that are already the same on every replica.

    Args:
      optimizer: A Keras optimizer, current or legacy (tensorflow-addons has legacy
        ones).
      gradients: One summed gradient a variable.
      variables: The variables, in the optimizer's order.
    """
    pairs = list(zip(gradients, variables, strict=True))
    if isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        optimizer.apply_gradients(pairs, experimental_aggregate_gradients=False)
    else:
        optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)
