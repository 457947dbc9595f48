import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.projection_deviation import ProjectionDeviation


def directions(rng, count, size=5):
    vectors = rng.normal(size=(count, size)) + 0.5
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def update(metric, vectors, is_counted=None):
    if is_counted is None:
        is_counted = np.ones(len(vectors), bool)
    metric.update_state(tf.constant(vectors, tf.float32), tf.constant(is_counted))


def test_deviation_is_numpys_over_all_batches(rng):
    metric = ProjectionDeviation(5)
    vectors = directions(rng, 30)
    for part in (vectors[:4], vectors[4:5], vectors[5:]):
        update(metric, part)
    expected = vectors.std(axis=0).mean()
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-5)


def test_only_counted_vectors_count_even_beside_nan(rng):
    metric = ProjectionDeviation(5)
    vectors = directions(rng, 12)
    is_counted = np.arange(12) % 3 > 0
    spoilt = np.where(is_counted[:, None], vectors, np.nan)
    update(metric, spoilt, is_counted)
    update(metric, np.full([2, 5], np.nan), np.zeros(2, bool))
    expected = vectors[is_counted].std(axis=0).mean()
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-5)


def test_collapse_is_zero_and_even_directions_are_even(rng):
    metric = ProjectionDeviation(256)
    assert metric.result().numpy() == 0
    update(metric, np.repeat(directions(rng, 1, 256), 20, axis=0))
    assert metric.result().numpy() == pytest.approx(0, abs=1e-3)
    metric.reset_state()
    vectors = rng.normal(size=(2000, 256))
    update(metric, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    assert metric.even == pytest.approx(1 / 16)
    assert metric.result().numpy() == pytest.approx(metric.even, rel=0.01)
    metric.reset_state()
    assert metric.result().numpy() == 0


def test_deviation_does_not_depend_on_the_number_of_replicas(rng, two_replicas):
    # Unlike halves, and of unlike numbers that count.
    vectors = directions(rng, 12) + np.repeat([[0.0], [0.3]], 6, axis=0)
    is_counted = np.array([True] * 6 + [True, False] * 3)
    with two_replicas.scope():
        metric = ProjectionDeviation(5)

    @tf.function
    def step(parts):
        two_replicas.run(metric.update_state, args=parts)

    def half(values):
        return two_replicas.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                np.split(values, 2)[context.replica_id_in_sync_group]
            )
        )

    step((half(vectors.astype(np.float32)), half(is_counted)))
    expected = vectors[is_counted].std(axis=0).mean()
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-5)
    halves = vectors[:6][is_counted[:6]], vectors[6:][is_counted[6:]]
    mean = np.mean([half.std(axis=0).mean() for half in halves])
    assert mean != pytest.approx(expected, rel=1e-2)
