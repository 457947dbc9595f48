import numpy as np
import pytest

from byel_tf.monitoring.threshold_counts import ThresholdCounts


def expected_counts(labels, probabilities, thresholds):
    """True and false positives, true and false negatives, (4, K, T)."""
    is_class = labels[:, None] == np.arange(probabilities.shape[1])
    is_class = is_class[:, :, None]
    is_found = probabilities[:, :, None] >= thresholds
    outcomes = (
        is_class & is_found,
        ~is_class & is_found,
        ~is_class & ~is_found,
        is_class & ~is_found,
    )
    return np.stack([outcome.sum(axis=0) for outcome in outcomes])


@pytest.fixture
def batches(rng):
    """Labels, probabilities and weights; the ends of the range occur."""
    made = []
    for size in (50, 7):
        probabilities = rng.dirichlet([0.5] * 4, size).astype(np.float32)
        probabilities[0] = (0, 1, 0, 0)
        weights = rng.integers(0, 3, size).astype(np.float32)
        made.append((rng.integers(4, size=size), probabilities, weights))
    return made


def test_counts_over_all_batches(batches):
    metric = ThresholdCounts(4, num_thresholds=11)
    for batch in batches:
        metric.update_state(*batch)
    labels, probabilities, weights = map(np.concatenate, zip(*batches, strict=True))
    kept = weights > 0
    expected = expected_counts(labels[kept], probabilities[kept], np.linspace(0, 1, 11))
    np.testing.assert_array_equal(metric.result(), expected)

    metric.reset_state()
    labels, probabilities, _ = batches[1]
    metric.update_state(labels, probabilities)
    expected = expected_counts(labels, probabilities, np.linspace(0, 1, 11))
    np.testing.assert_array_equal(metric.result(), expected)


def test_replicas_are_summed(batches, two_replicas):
    single = ThresholdCounts(4)
    with two_replicas.scope():
        metric = ThresholdCounts(4)
    for labels, probabilities, weights in batches:
        single.update_state(labels, probabilities, weights)
        half = len(labels) // 2

        def replica(number, batch=(labels, probabilities, weights), half=half):
            part = slice(half) if number == 0 else slice(half, None)
            return tuple(values[part] for values in batch)

        given = two_replicas.experimental_distribute_values_from_function(
            lambda context: replica(context.replica_id_in_sync_group)
        )
        two_replicas.run(lambda batch: metric.update_state(*batch), args=(given,))
    np.testing.assert_array_equal(metric.result(), single.result())
