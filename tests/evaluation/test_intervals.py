import numpy as np
import pytest
from scipy import stats

from byel_tf.evaluation.bootstrap import balanced_accuracy, count_confusions
from byel_tf.evaluation.intervals import draw_units, score_intervals
from byel_tf.evaluation.metrics import score

CLASSES = tuple("abcd")


@pytest.fixture
def images(rng):
    labels = rng.integers(4, size=400)
    right = rng.random(400) < 0.6
    return labels, np.where(right, labels, rng.integers(4, size=400))


def test_intervals_hold_the_scores(images):
    found = score_intervals(*images, CLASSES)
    scores = score(*images, CLASSES)
    assert (found.unit, found.units, found.resamples) == ("image", 400, 2000)
    pairs = [
        (found.accuracy, scores.accuracy),
        (found.macro_f1, scores.macro_f1),
        (found.balanced_accuracy, scores.balanced_accuracy),
        *((found.per_class_f1[n], scores.per_class[n]["f1"]) for n in CLASSES),
    ]
    for (lower, upper), value in pairs:
        assert lower < value < upper
        assert 0.05 < upper - lower < 0.25


def test_the_accuracy_interval_is_that_of_the_binomial(images):
    labels, predicted = images
    hits = np.count_nonzero(labels == predicted)
    expected = stats.binom(400, hits / 400).interval(0.95)
    found = score_intervals(labels, predicted, CLASSES, resamples=5000)
    np.testing.assert_allclose(found.accuracy, np.array(expected) / 400, atol=0.005)


def test_the_balanced_accuracy_interval_is_that_of_scipy(images, rng):
    oracle = stats.bootstrap(
        images,
        lambda y, p: balanced_accuracy(count_confusions(y, p[None], 4))[0],
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=rng,
    ).confidence_interval
    found = score_intervals(*images, CLASSES)
    np.testing.assert_allclose(found.balanced_accuracy, oracle, atol=0.01)


def test_level(images):
    narrow, wide = (score_intervals(*images, CLASSES, level=x) for x in (0.5, 0.99))
    assert wide.macro_f1[0] < narrow.macro_f1[0] < narrow.macro_f1[1]
    assert narrow.macro_f1[1] < wide.macro_f1[1]
    assert (narrow.level, wide.level) == (0.5, 0.99)


def test_the_seed_decides(images):
    first, again, other = (score_intervals(*images, CLASSES, seed=s) for s in (3, 3, 4))
    assert first == again != other


def test_persons(images):
    subjects = [f"person {index % 20}" for index in range(399)] + [""]
    found = score_intervals(*images, CLASSES, subjects)
    assert (found.unit, found.units) == ("subject", 21)
    assert draw_units(["", ""]) == (None, "image")
    assert draw_units(()) == (None, "image")


def test_a_class_that_does_not_occur():
    labels = np.array([0, 0, 2, 2])
    found = score_intervals(labels, np.array([0, 3, 2, 2]), CLASSES)
    assert found.per_class_f1["b"] is None
    assert found.per_class_f1["d"] == (0, 0)


def test_too_few_units():
    labels = np.array([0, 1])
    assert score_intervals(labels[:0], labels[:0], CLASSES) is None
    assert score_intervals(labels[:1], labels[:1], CLASSES) is None
    assert score_intervals(labels, labels, CLASSES, ["Ada", "Ada"]) is None
    assert score_intervals(labels, labels, CLASSES, ["Ada", "Bo"]).units == 2
