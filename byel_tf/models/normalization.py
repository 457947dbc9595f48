"""Batch norm: made in one place, handed to whatever needs it."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.distribution.replicas import values_of_replicas
from byel_tf.models.sync_norm import SyncBatchNormalization

#: BYOL's constants (arXiv 2006.07733, appendix F).
MOMENTUM, EPSILON = 0.9, 1e-5

#: Makes a batch norm layer of a name and, where it is not that of the policy, a dtype.
BatchNorm = Callable[..., keras.layers.Layer]


def batch_norm(name: str, dtype: str | None = None) -> keras.layers.Layer:
    """Batch norm with BYOL's constants; each replica normalises its own share."""
    return keras.layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, dtype=dtype, name=name
    )


def sync_batch_norm(name: str, dtype: str | None = None) -> keras.layers.Layer:
    """Batch norm with BYOL's constants over the global batch of all replicas."""
    return SyncBatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, dtype=dtype, name=name
    )


def renormalized(network: keras.Model, make_norm: BatchNorm) -> keras.Model:
    """A ready-made network with batch norm layers of this project's momentum.

    Those of `keras.applications` have up to 0.999: a third of their first statistics
    would still be there after 1,000 steps.

    Args:
      network: A built network of layers in a graph.
      make_norm: Makes batch norm; of what it makes the kind is taken, while each layer
        keeps its own epsilon.

    Returns:
      The same network, or one with its weights.
    """
    kind = type(make_norm("kind"))

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.BatchNormalization):
            return kind.from_config({**layer.get_config(), "momentum": MOMENTUM})
        return layer.__class__.from_config(layer.get_config())

    if kind is not keras.layers.BatchNormalization:
        other = keras.models.clone_model(network, clone_function=replace)
        other.set_weights(network.get_weights())
        return other
    for layer in network.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return network


def share_statistics(
    strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
) -> None:
    """Gives every replica the mean of all replicas' moving statistics.

    In training each replica keeps its own, and none of them is the shipped one, their
    mean. After this all replicas infer with what a checkpoint and an export hold.
    Call it outside of replicas, on all workers; of one replica it changes nothing, nor
    a second time.

    Args:
      strategy: That of the variables.
      variables: Any variables; those with a value for each replica, of which the mean
        is read, are changed.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    own = [variable for variable in variables if is_mean_of_replicas(variable)]
    for variable, rows in zip(own, values_of_replicas(strategy, own), strict=True):
        variable.assign(mean_of_replicas(rows))


def mean_of_replicas(rows: np.ndarray) -> np.ndarray:
    """The statistics that are its replicas' own, (replicas, …), as one.

    A mean of equal numbers may differ from them in the last bit: those stay.
    """
    if (rows == rows[:1]).all():
        return rows[0]
    return (rows.sum(axis=0, dtype=rows.dtype) / len(rows)).astype(rows.dtype)


def is_mean_of_replicas(variable: tf.Variable) -> bool:
    """Whether a variable has a value for each replica, and their mean is read."""
    return (
        variable.synchronization == tf.VariableSynchronization.ON_READ
        and variable.aggregation == tf.VariableAggregation.MEAN
    )
