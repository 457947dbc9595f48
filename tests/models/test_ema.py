import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.ema import (
    constant_momentum,
    cosine_momentum,
    update_moving_average,
    warmed_up_momentum,
)


@pytest.mark.parametrize("base", [0.0, 0.97, 0.996, 1.0])
def test_cosine_momentum_against_numpy(base):
    for step in (0, 1, 33, 99, 100, 140):
        k = min(step, 100)
        expected = 1 - (1 - base) * (1 + np.cos(np.pi * k / 100)) / 2
        ours = cosine_momentum(step, 100, base).numpy()
        assert ours == pytest.approx(expected, abs=1e-6)


def test_constant_momentum_is_the_same_at_every_step():
    for step in (0, 7, 200):
        ours = constant_momentum(tf.constant(step, tf.int64), 100, 0.97)
        assert ours.dtype == tf.float32 and ours.numpy() == np.float32(0.97)


@pytest.mark.parametrize("base", [0.0, 0.9, 0.999])
def test_warmed_up_momentum_against_numpy(base):
    for step in (0, 1, 8, 80, 81, 10**6):
        expected = min(base, (1 + step) / (10 + step))
        ours = warmed_up_momentum(tf.constant(step, tf.int64), base).numpy()
        assert ours == pytest.approx(expected, rel=1e-6)


def test_update_moves_every_variable(rng):
    online = [tf.Variable(rng.normal(size=s), dtype=tf.float32) for s in ((3, 2), (4,))]
    target = [tf.Variable(tf.zeros_like(v)) for v in online]
    update_moving_average(target, online, tf.constant(0.9))
    for t, o in zip(target, online, strict=True):
        np.testing.assert_allclose(t.numpy(), 0.1 * o.numpy(), rtol=1e-6)


def test_networks_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="1 target and 2 online"):
        update_moving_average(
            [tf.Variable(0.0)], [tf.Variable(0.0)] * 2, tf.constant(0.9)
        )


def test_update_reaches_every_replica(two_replicas):
    with two_replicas.scope():
        online, target = tf.Variable([2.0]), tf.Variable([0.0])

    @tf.function
    def step():
        two_replicas.run(
            lambda: update_moving_average([target], [online], tf.constant(0.5))
        )

    step()
    for copy in two_replicas.experimental_local_results(target):
        assert copy.numpy() == 1.0


def test_each_replica_averages_its_own_statistics(two_replicas):
    """As batch norm's moving statistics, of which every replica has its own."""

    def statistic():
        return tf.Variable(
            [0.0],
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
        )

    with two_replicas.scope():
        online, target = statistic(), statistic()

    def replica_step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        online.assign([2.0 + 2.0 * tf.cast(replica, tf.float32)])
        update_moving_average([target], [online], tf.constant(0.5))

    tf.function(lambda: two_replicas.run(replica_step))()
    copies = two_replicas.experimental_local_results(target)
    assert [float(copy[0]) for copy in copies] == [1.0, 2.0]
    assert target.numpy() == 1.5
