import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.ema import cosine_momentum, update_moving_average


@pytest.mark.parametrize("base", [0.0, 0.97, 0.996, 1.0])
def test_cosine_momentum_against_numpy(base):
    for step in (0, 1, 33, 99, 100, 140):
        k = min(step, 100)
        expected = 1 - (1 - base) * (1 + np.cos(np.pi * k / 100)) / 2
        ours = cosine_momentum(step, 100, base).numpy()
        assert ours == pytest.approx(expected, abs=1e-6)


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
