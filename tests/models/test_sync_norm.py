"""Synchronised batch norm against Keras' own over the whole batch, and NumPy's."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.normalization import batch_norm, sync_batch_norm

SHAPES = [(8, 5), (8, 4, 3, 5), (8, 1, 1, 5)]


def build(make_norm, shape, values=None):
    layer = make_norm("norm")
    layer.build((None, *shape[1:]))
    if values is not None:
        layer.set_weights(values)
    return layer


def run(strategy, layer, inputs, weights):
    """Outputs and gradients of a weighted sum, as of one batch; updates the layer."""
    replicas = strategy.num_replicas_in_sync
    shares = [
        [tf.constant(part) for part in np.split(whole, replicas)]
        for whole in (inputs, weights)
    ]

    def share_of(context):
        return tuple(part[context.replica_id_in_sync_group] for part in shares)

    values = strategy.experimental_distribute_values_from_function(share_of)

    @tf.function
    def step(values):
        def one(values):
            inputs, weights = values
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs, training=True)
                loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2 * weights)
            sources = [inputs, layer.gamma, layer.beta]
            return outputs, *tape.gradient(loss, sources)

        return strategy.run(one, args=(values,))

    results = [strategy.experimental_local_results(r) for r in step(values)]
    outputs, towards_inputs = (np.concatenate(r) for r in results[:2])
    return outputs, towards_inputs, *(sum(r).numpy() for r in results[2:])


@pytest.mark.parametrize("shape", SHAPES)
def test_two_replicas_normalise_as_one_with_the_whole_batch(rng, two_replicas, shape):
    inputs = np.float32(rng.normal(3, 2, shape))
    inputs[: len(inputs) // 2] *= 5  # shares of unlike statistics
    weights = np.float32(rng.normal(size=shape))
    values = [np.float32(rng.uniform(0.5, 2, 5)) for _ in range(4)]
    one = build(batch_norm, shape, values)
    expected = run(tf.distribute.get_strategy(), one, inputs, weights)
    with two_replicas.scope():
        layer = build(sync_batch_norm, shape, values)
    found = run(two_replicas, layer, inputs, weights)
    for ours, theirs in zip(found, expected, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6 * scale)
    for ours, theirs in zip(layer.weights, one.weights, strict=True):
        for copy in two_replicas.experimental_local_results(ours):
            np.testing.assert_allclose(copy, theirs, rtol=1e-5)


def test_the_gradient_is_that_of_finite_differences(rng, two_replicas):
    shape = (4, 3)
    inputs, weights = np.float32(rng.normal(size=(2, *shape)))
    with two_replicas.scope():
        layer = build(sync_batch_norm, shape)
    gradient = run(two_replicas, layer, inputs, weights)[1]

    def loss(inputs):
        inputs = np.float64(inputs)
        normal = (inputs - inputs.mean(0)) / np.sqrt(inputs.var(0) + 1e-5)
        return (normal**2 * weights).sum()

    step = 1e-5
    for index in np.ndindex(shape):
        moved = np.float64(inputs)
        moved[index] += step
        slope = (loss(moved) - loss(inputs)) / step
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-3, atol=1e-4)


def test_bfloat16_has_statistics_in_float32(rng, two_replicas):
    """The mean of 4,096 numbers near 10 could be 64 off in bfloat16."""
    shape = (8, 16, 16, 2)
    inputs = np.float32(rng.normal(10, 1, shape))
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        with two_replicas.scope():
            layer = build(sync_batch_norm, shape)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    values = np.asarray(tf.cast(inputs, tf.bfloat16), np.float32)
    run(two_replicas, layer, values, np.float32(np.ones(shape)))
    np.testing.assert_allclose(
        layer.moving_mean, 0.1 * values.mean((0, 1, 2)), rtol=1e-4
    )
    variance = values.reshape(-1, 2).var(0, ddof=1)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-4)


def test_inference_and_frozen_layers_speak_to_nobody(rng, two_replicas):
    shape = (4, 3)
    with two_replicas.scope():
        layer = build(sync_batch_norm, shape)
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    inputs = tf.constant(rng.normal(size=shape), tf.float32)
    expected = (inputs - [1.0, 2.0, 3.0]) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-5)
    layer.trainable = False
    two_replicas.run(lambda: layer(inputs, training=True))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), [1.0, 2.0, 3.0])


def test_of_one_replica_it_is_keras_own(rng):
    shape = (6, 2, 2, 3)
    inputs = tf.constant(rng.normal(size=shape), tf.float32)
    ours, theirs = build(sync_batch_norm, shape), build(batch_norm, shape)
    np.testing.assert_array_equal(
        ours(inputs, training=True), theirs(inputs, training=True)
    )
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other)
