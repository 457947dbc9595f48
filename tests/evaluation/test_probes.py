import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.evaluation.probes import NEIGHBOURS, fit_probes


def clusters(rng, count, scale=1.0):
    """Three classes in three directions of six, float32."""
    labels = rng.integers(3, size=count)
    points = np.eye(6)[labels] * 4 + rng.normal(size=(count, 6)) * 0.5
    return (points * scale).astype(np.float32), labels


def test_both_learn_what_can_be_told(rng):
    probes = fit_probes(*clusters(rng, 300))
    points, labels = clusters(rng, 200)
    assert probes.count == 300
    assert np.mean(probes.linear.predict(points) == labels) > 0.98
    assert np.mean(probes.neighbours.predict(points) == labels) > 0.98


def test_neighbours_are_the_nearest_by_cosine(rng):
    points, labels = clusters(rng, 120)
    labels = rng.permutation(labels)  # so that single neighbours matter
    probes = fit_probes(points, labels)
    new = rng.normal(size=(50, 6)).astype(np.float32)
    unit, other = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (points, new))
    nearest = np.argsort(-(other @ unit.T), axis=1)[:, :NEIGHBOURS]
    votes = np.array([np.bincount(row, minlength=3) for row in labels[nearest]])
    is_clear = np.sort(votes, axis=1)[:, -1] > np.sort(votes, axis=1)[:, -2]
    predicted = probes.neighbours.predict(new)
    np.testing.assert_array_equal(predicted[is_clear], votes.argmax(axis=1)[is_clear])
    # Length says nothing.
    np.testing.assert_array_equal(probes.neighbours.predict(7 * new), predicted)


def test_the_linear_probe_is_standardised(rng):
    """What tells the classes is small, what does not is large or constant."""
    points, labels = clusters(rng, 300)
    new, expected = clusters(rng, 200)
    units = np.array([1e-4, 1e-4, 1e-4, 1e4, 0, 1], np.float32)
    predicted = fit_probes(points * units, labels).linear.predict(new * units)
    assert np.mean(predicted == expected) > 0.98


def test_noise_tells_nothing(rng):
    labels = rng.integers(3, size=2000)
    points = rng.normal(size=(2000, 6))
    probes = fit_probes(points[:1000], labels[:1000])
    for probe in (probes.linear, probes.neighbours):
        assert np.mean(probe.predict(points[1000:]) == labels[1000:]) < 0.42


def test_few_images_and_a_point_at_the_origin(rng):
    points, labels = clusters(rng, 4)
    labels = np.array([0, 1, 2, 2])
    points[0] = 0
    probes = fit_probes(points, labels)
    assert probes.neighbours.n_neighbors == 4
    assert len(probes.neighbours.predict(points)) == 4


@pytest.mark.parametrize("labels", [[1, 1, 1], []])
def test_one_class(labels):
    with pytest.raises(RunError, match="two classes at least, found [01]: give"):
        fit_probes(np.ones((len(labels), 2), np.float32), np.array(labels, int))
