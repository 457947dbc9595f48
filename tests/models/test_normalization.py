import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.normalization import (
    batch_norm,
    is_mean_of_replicas,
    renormalized,
    share_statistics,
    sync_batch_norm,
)
from byel_tf.models.sync_norm import SyncBatchNormalization


def build_norm(size=3):
    layer = batch_norm("norm")
    layer.build((None, size))
    return layer


def run_in_training(strategy, layer, shares):
    """A pass in training with a share for each replica."""
    values = strategy.experimental_distribute_values_from_function(
        lambda context: shares[context.replica_id_in_sync_group]
    )

    @tf.function
    def step(values):
        strategy.run(lambda value: layer(value, training=True), args=(values,))

    step(values)


def copies(strategy, variable):
    return [v.numpy() for v in strategy.experimental_local_results(variable)]


def test_batch_norm_has_the_constants_of_byol(rng):
    layer = build_norm()
    values = rng.normal(size=(50, 3)) * [1, 1e-3, 2] + [0, 1, 2]
    out = layer(tf.constant(values, tf.float32), training=True)
    mean, variance = values.mean(axis=0), values.var(axis=0)
    expected = (values - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(
        layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-3, atol=1e-6
    )


def test_batch_norm_takes_a_dtype_in_place_of_the_policys():
    assert batch_norm("norm", dtype="float64").dtype == "float64"
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        assert batch_norm("norm").compute_dtype == "bfloat16"
        assert batch_norm("norm", dtype="float32").compute_dtype == "float32"
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_momentum_is_set_however_deep_a_layer_lies():
    layers = [keras.layers.BatchNormalization(momentum=0.999) for _ in range(2)]
    inner = keras.Sequential([keras.layers.Dense(2), layers[0]])
    network = keras.Sequential([inner, layers[1]])
    network.build((None, 3))
    assert renormalized(network, batch_norm) is network
    assert [layer.momentum for layer in layers] == [0.9, 0.9]


def test_a_ready_made_network_is_synchronised_and_keeps_its_weights(rng):
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35
    )
    network.set_weights([rng.normal(size=w.shape) ** 2 for w in network.get_weights()])
    other = renormalized(network, sync_batch_norm)
    norms = [
        layer
        for layer in other.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert {type(layer) for layer in norms} == {SyncBatchNormalization}
    assert len(norms) == 52
    assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-3)}
    image = tf.constant(rng.normal(size=(2, 32, 32, 3)), tf.float32)
    np.testing.assert_allclose(other(image), network(image), rtol=1e-5)


def test_each_replica_normalises_its_own_share(rng, two_replicas):
    shares = [tf.constant(rng.normal(size=(4, 3)), tf.float32) for _ in range(2)]
    with two_replicas.scope():
        layer = build_norm()
    run_in_training(two_replicas, layer, shares)
    for copy, share in zip(
        copies(two_replicas, layer.moving_mean), shares, strict=True
    ):
        np.testing.assert_allclose(copy, 0.1 * share.numpy().mean(axis=0), rtol=1e-4)


def test_sharing_gives_every_replica_the_mean_and_the_second_time_nothing(
    rng, two_replicas
):
    shares = [tf.constant(rng.normal(size=(4, 3)), tf.float32) for _ in range(2)]
    with two_replicas.scope():
        layer = build_norm()
    run_in_training(two_replicas, layer, shares)
    statistics = [layer.moving_mean, layer.moving_variance]
    before = [copies(two_replicas, variable) for variable in statistics]
    shipped = [variable.numpy() for variable in statistics]
    share_statistics(two_replicas, layer.variables)
    for variable, values, whole in zip(statistics, before, shipped, strict=True):
        assert np.abs(values[0] - values[1]).max() > 1e-3
        expected = np.mean(np.float64(values), axis=0)
        for copy in copies(two_replicas, variable):
            np.testing.assert_allclose(copy, expected, rtol=1e-6)
            np.testing.assert_array_equal(copy, whole)
        np.testing.assert_array_equal(variable.numpy(), whole)
    shared = [copies(two_replicas, variable) for variable in statistics]
    share_statistics(two_replicas, layer.variables)
    np.testing.assert_array_equal(
        [copies(two_replicas, variable) for variable in statistics], shared
    )


def test_equal_statistics_stay_to_the_bit_where_their_mean_would_not(two_replicas):
    largest = np.finfo(np.float32).max  # of which the sum of two is not finite
    with two_replicas.scope():
        layer = build_norm(1)
    layer.moving_variance.assign([largest])
    share_statistics(two_replicas, layer.variables)
    assert [float(v[0]) for v in copies(two_replicas, layer.moving_variance)] == [
        largest
    ] * 2


def test_sharing_leaves_all_other_variables_alone(two_replicas):
    with two_replicas.scope():
        layer = build_norm()
        metric = keras.metrics.Sum()
        plain = tf.Variable([1.0, 2.0])

    def count():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        metric.update_state(1.0 + 2.0 * tf.cast(replica, tf.float32))

    tf.function(lambda: two_replicas.run(count))()
    variables = [*layer.trainable_variables, *metric.variables, plain]
    assert not any(is_mean_of_replicas(variable) for variable in variables)
    share_statistics(two_replicas, variables)
    assert copies(two_replicas, metric.variables[0]) == [1.0, 3.0]
    assert metric.result().numpy() == 4.0
    np.testing.assert_array_equal(plain.numpy(), [1.0, 2.0])


def test_one_replica_has_nothing_to_share(rng):
    layer = build_norm()
    layer(tf.constant(rng.normal(size=(4, 3)), tf.float32), training=True)
    before = layer.get_weights()
    assert is_mean_of_replicas(layer.moving_mean)
    share_statistics(tf.distribute.get_strategy(), layer.variables)
    share_statistics(tf.distribute.OneDeviceStrategy("/cpu:0"), layer.variables)
    for ours, theirs in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
