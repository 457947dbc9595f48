import numpy as np
import pytest
from scipy import linalg

from byel_tf.evaluation import domain_gap
from byel_tf.evaluation.domain_gap import (
    centroid_shift,
    domain_accuracy,
    frechet_distance,
    measure_domain_gap,
)


def by_square_root(first, second):
    """Heusel et al. 2017, equation 6, with scipy's matrix root."""
    difference = first.mean(axis=0) - second.mean(axis=0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = linalg.sqrtm(one @ two).real
    return difference @ difference + np.trace(one + two - 2 * root)


def test_frechet_distance_is_the_formula(rng):
    for size in (1, 3, 8):
        first = rng.normal(size=(60, size)) @ rng.normal(size=(size, size)) + 1
        second = rng.normal(size=(40, size)) @ rng.normal(size=(size, size))
        expected = by_square_root(first, second) if size > 1 else None
        if size == 1:
            means, deviations = zip(
                *((x.mean(), x.std(ddof=1)) for x in (first, second)), strict=True
            )
            expected = np.diff(means)[0] ** 2 + np.diff(deviations)[0] ** 2
        found = frechet_distance(first, second)
        assert found == pytest.approx(expected, rel=1e-6)
        assert frechet_distance(second, first) == pytest.approx(found, rel=1e-6)
        rough = frechet_distance(first.astype(np.float32), second.astype(np.float32))
        assert rough == pytest.approx(found, rel=1e-4)


def test_a_shift_and_a_scale_are_known(rng):
    points = rng.normal(size=(50, 4))
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(points, points + [3, 0, 4, 0]) == pytest.approx(25)
    spread = np.trace(np.cov(points, rowvar=False))
    mean = points.mean(axis=0)
    scaled = (points - mean) * 3 + mean
    assert frechet_distance(points, scaled) == pytest.approx(4 * spread)


def test_fewer_images_than_dimensions(rng):
    first, second = rng.normal(size=(5, 30)), rng.normal(size=(2, 30))
    distance = frechet_distance(first, second)
    assert np.isfinite(distance)
    assert distance > 0
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(np.zeros((3, 4)), np.zeros((2, 4))) == 0


def test_domains_that_are_told_apart(rng):
    first, second = rng.normal(size=(120, 5)), rng.normal(size=(60, 5))
    assert domain_accuracy(first, second + [9, 0, 0, 0, 0]) == 1
    somewhat = domain_accuracy(first, second + [1.5, 0, 0, 0, 0])
    assert 0.6 < somewhat < 0.95


def test_domains_that_are_the_same(rng):
    """Held-out images: what the probe learned by heart does not count."""
    accuracies = [
        domain_accuracy(rng.normal(size=(60, 20)), rng.normal(size=(90, 20)))
        for _ in range(4)
    ]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.1)


def test_a_larger_data_set_is_no_hint(rng):
    """Always naming the larger one would be right in 90 % of the images."""
    first, second = rng.normal(size=(900, 3)), rng.normal(size=(100, 3))
    assert domain_accuracy(first, second) < 0.65


def test_the_seed_decides(rng, monkeypatch):
    first, second = rng.normal(size=(80, 3)), rng.normal(size=(70, 3)) + 0.5
    assert domain_accuracy(first, second, 2) == domain_accuracy(first, second, 2)
    monkeypatch.setattr(domain_gap, "MAX_PROBED", 11)
    hits = domain_accuracy(first, second) * 22
    assert hits == pytest.approx(round(hits))


@pytest.mark.parametrize("size", [2, 3])
def test_few_images(size):
    accuracy = domain_accuracy(np.zeros((size, 2)), np.ones((size, 2)))
    assert 0 <= accuracy <= 1


def test_centroid_shift():
    reference = np.array([[3.0, 0], [5, 0], [0, 2], [0, 2], [1, 1]])
    labels = np.array([0, 0, 1, 1, -1])
    moved = np.array([[0.0, 4], [4, 4], [0, 5]], np.float32)
    shifts = centroid_shift(reference, labels, moved, np.array([0, 0, 1]), "abc")
    # (4, 0) to (2, 4), and (0, 2) to (0, 5).
    assert shifts["a"]["cosine"] == pytest.approx(1 - 2 / np.sqrt(20))
    assert shifts["a"]["euclidean"] == pytest.approx(np.sqrt(20) / 4)
    assert shifts["b"] == {"cosine": pytest.approx(0), "euclidean": pytest.approx(1.5)}
    assert shifts["c"] is None


def test_centroid_shift_that_is_undefined():
    zeros, ones, label = np.zeros((1, 2)), np.ones((1, 2)), np.array([0])
    assert centroid_shift(zeros, label, ones, label, "a") == {"a": None}
    assert centroid_shift(ones, label, zeros, label, "a") == {"a": None}
    assert centroid_shift(ones, label, ones, label + 1, "ab") == {"a": None, "b": None}


def test_all_of_it(rng):
    reference, other = rng.normal(size=(50, 4)) + 5, rng.normal(size=(30, 4))
    labels = np.arange(50) % 2
    gap = measure_domain_gap(reference, labels, other, labels[:30], "ab")
    assert (gap.count, gap.reference_count, gap.domain_accuracy) == (30, 50, 1)
    assert gap.frechet_distance == frechet_distance(reference, other)
    assert gap.centroid_shift == centroid_shift(
        reference, labels, other, labels[:30], "ab"
    )
    alone = measure_domain_gap(reference, labels, other[:1], labels[:1], "ab")
    assert alone.domain_accuracy is alone.frechet_distance is None
    assert alone.centroid_shift["a"] is not None
