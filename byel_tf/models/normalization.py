"""Batch norm: made in one place, handed to whatever needs it."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.compat import keras

#: BYOL's constants (arXiv 2006.07733, appendix F).
MOMENTUM, EPSILON = 0.9, 1e-5

#: Makes a batch norm layer of a name and, where it is not that of the policy, a dtype.
BatchNorm = Callable[..., keras.layers.Layer]


def batch_norm(name: str, dtype: str | None = None) -> keras.layers.Layer:
    """Batch norm with BYOL's constants; each replica normalises its own share."""
    return keras.layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, dtype=dtype, name=name
    )


def set_momentum(network: keras.Model) -> None:
    """Gives the batch norm layers of a ready-made network BYOL's momentum.

    Those of `keras.applications` have up to 0.999: a third of their first statistics
    would still be there after 1,000 steps.

    Args:
      network: A built network.
    """
    for layer in network.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM


def share_statistics(
    strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
) -> None:
    """Gives every replica the mean of all replicas' moving statistics.

    In training each replica keeps its own, and none of them is the shipped one, their
    mean. After this all replicas infer with what a checkpoint and an export hold.
    Call it outside of replicas; of one replica it changes nothing, nor a second time.

    Args:
      strategy: That of the variables.
      variables: Any variables; those with a value for each replica, of which the mean
        is read, are changed.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    for variable in variables:
        if is_mean_of_replicas(variable):
            copies = strategy.experimental_local_results(variable)
            values = tf.stack([copy.read_value() for copy in copies])
            # A mean of equal numbers may differ from them in the last bit.
            is_same = tf.reduce_all(values == values[0])
            variable.assign(
                tf.where(is_same, values[0], tf.reduce_mean(values, axis=0))
            )


def is_mean_of_replicas(variable: tf.Variable) -> bool:
    """Whether a variable has a value for each replica, and their mean is read."""
    return (
        variable.synchronization == tf.VariableSynchronization.ON_READ
        and variable.aggregation == tf.VariableAggregation.MEAN
    )
