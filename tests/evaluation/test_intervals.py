import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from byel_tf.evaluation.bootstrap import (
    balanced_accuracy,
    count_confusions,
    resampling_units,
)
from byel_tf.evaluation.calibration import score_probabilities
from byel_tf.evaluation.intervals import draw_units, score_intervals
from byel_tf.evaluation.metrics import score

CLASSES = tuple("abcd")


BY_CLASS = ("per_class_precision", "per_class_recall", "per_class_f1")


@pytest.fixture
def images(rng):
    """Labels, predictions and probabilities, right in about 70 % and overconfident."""
    labels = rng.integers(4, size=400)
    right = rng.random(400) < 0.6
    predicted = np.where(right, labels, rng.integers(4, size=400))
    probabilities = rng.dirichlet([0.5] * 4, size=400)
    probabilities[np.arange(400), predicted] += 1
    return labels, predicted, probabilities / 2


def scikit_learn(labels, predicted, probabilities):
    """All scores of one resample, the classes' in a row; NaN where undefined."""
    every = range(len(CLASSES))
    table = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "accuracy": metrics.accuracy_score(labels, predicted),
            "macro_f1": metrics.f1_score(
                labels, predicted, average="macro", zero_division=0
            ),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
            "cohen_kappa": metrics.cohen_kappa_score(labels, predicted),
            "log_loss": metrics.log_loss(labels, probabilities, labels=every),
            "brier": metrics.brier_score_loss(
                labels, probabilities, labels=every, scale_by_half=False
            ),
            "expected_calibration_error": error_bin_by_bin(labels, probabilities),
            **dict(zip(BY_CLASS, table[:3], strict=True)),
        }


def error_bin_by_bin(labels, probabilities):
    """Guo et al. 2017, equations 2 and 3, as written."""
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    error = 0.0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            gap = np.mean(predicted[inside] == labels[inside]) - confidence[inside]
            error += inside.mean() * abs(gap.mean())
    return error


# Scikit-learn takes a tenth of a second a case, too long to look for smaller ones.
@settings(deadline=None, max_examples=15, phases=[Phase.generate])
@given(
    pairs=st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=2, max_size=12),
    persons=st.sampled_from([0, 2, 5]),
    seed=st.integers(0, 99),
)
def test_every_interval_is_that_of_scikit_learn_on_the_drawn_images(
    pairs, persons, seed
):
    """The same draws, taken image by image or person by person."""
    labels, predicted = np.array(pairs).T
    probabilities = np.random.default_rng(seed).dirichlet([0.5] * 4, len(labels))
    subjects = [f"{index % persons}" for index in range(len(labels))] if persons else ()
    resamples = 17  # more than are drawn at a time
    found = score_intervals(
        labels, predicted, probabilities, CLASSES, subjects, resamples, seed
    )

    units = resampling_units(subjects) if persons else np.arange(len(labels))
    rng, count = np.random.default_rng(seed), units.max() + 1
    scores = []
    for _ in range(resamples):
        drawn = rng.integers(count, size=count)
        rows = np.concatenate([np.flatnonzero(units == unit) for unit in drawn])
        scores.append(scikit_learn(labels[rows], predicted[rows], probabilities[rows]))
    assert found.units == count
    for name in scores[0]:
        values = np.array([row[name] for row in scores])
        interval = getattr(found, name)
        if name in BY_CLASS:
            known = [place for place, of in enumerate(interval.values()) if of]
            values, interval = values[:, known], [interval[CLASSES[k]] for k in known]
        if interval is None:
            assert np.isnan(values).all()
            continue
        expected = np.nanquantile(values, [0.025, 0.975], axis=0).T
        np.testing.assert_allclose(interval, expected, atol=1e-9, err_msg=name)


def test_intervals_hold_the_scores(images):
    found = score_intervals(*images, CLASSES)
    scores = score(*images[:2], CLASSES)
    of_probabilities = score_probabilities(images[0], images[2])
    assert (found.unit, found.units, found.resamples) == ("image", 400, 2000)
    pairs = [
        (found.accuracy, scores.accuracy),
        (found.macro_f1, scores.macro_f1),
        (found.balanced_accuracy, scores.balanced_accuracy),
        (found.cohen_kappa, scores.cohen_kappa),
        (found.log_loss, of_probabilities.log_loss),
        (found.brier, of_probabilities.brier),
        (
            found.expected_calibration_error,
            of_probabilities.expected_calibration_error,
        ),
        *(
            (getattr(found, f"per_class_{what}")[name], scores.per_class[name][what])
            for what in ("precision", "recall", "f1")
            for name in CLASSES
        ),
    ]
    for (lower, upper), value in pairs:
        assert lower < value < upper
        assert 0.05 < upper - lower < 0.5


def test_the_accuracy_interval_is_that_of_the_binomial(images):
    labels, predicted, _ = images
    hits = np.count_nonzero(labels == predicted)
    expected = stats.binom(400, hits / 400).interval(0.95)
    found = score_intervals(*images, CLASSES, resamples=5000)
    np.testing.assert_allclose(found.accuracy, np.array(expected) / 400, atol=0.005)


def test_the_balanced_accuracy_interval_is_that_of_scipy(images, rng):
    oracle = stats.bootstrap(
        images[:2],
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


def test_classes_that_do_not_occur():
    labels, predicted = np.array([0, 0, 2, 2]), np.array([0, 3, 2, 2])
    found = score_intervals(labels, predicted, np.full((4, 4), 0.25), CLASSES)
    assert found.per_class_f1["b"] is None
    assert found.per_class_precision["b"] is found.per_class_recall["b"] is None
    assert found.per_class_recall["d"] is None
    assert found.per_class_f1["d"] == found.per_class_precision["d"] == (0, 0)


def test_one_class_only_has_no_kappa():
    labels = np.zeros(5, int)
    found = score_intervals(labels, labels, np.eye(4)[labels], CLASSES)
    assert found.cohen_kappa is None
    assert found.accuracy == found.per_class_precision["a"] == (1, 1)
    assert found.brier == found.expected_calibration_error == (0, 0)
    assert found.log_loss == pytest.approx((0, 0), abs=1e-15)


def test_too_few_units():
    labels, probabilities = np.array([0, 1]), np.full((2, 4), 0.25)
    for count in (0, 1):
        few = labels[:count], labels[:count], probabilities[:count]
        assert score_intervals(*few, CLASSES) is None
    both = labels, labels, probabilities, CLASSES
    assert score_intervals(*both, ["Ada", "Ada"]) is None
    assert score_intervals(*both, ["Ada", "Bo"]).units == 2
