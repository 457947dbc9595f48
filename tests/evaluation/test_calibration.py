import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import logsumexp
from sklearn import metrics

from byel_tf.evaluation.calibration import (
    TEMPERATURE_RANGE,
    fit_temperature,
    reliability,
    score_probabilities,
    temper,
)


def log_loss(labels, logits, temperature):
    scaled = np.asarray(logits, np.float64) / temperature
    return np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels])


def draw(rng, count, num_classes, temperature=1.0, scale=2.0):
    """Logits, and labels drawn from their softmax at a temperature."""
    logits = rng.normal(size=(count, num_classes)) * scale
    chances = temper(logits, temperature)
    labels = (chances.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return logits, np.minimum(labels, num_classes - 1)


def calibration_error(labels, probabilities):
    return score_probabilities(labels, probabilities).expected_calibration_error


def error_bin_by_bin(labels, probabilities, bins=15):
    """Guo et al. 2017, equations 2 and 3, as written."""
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    error = 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if inside.any():
            accuracy = np.mean(predicted[inside] == labels[inside])
            gap = abs(accuracy - confidence[inside].mean())
            error += inside.mean() * gap
    return error


def test_many_cases_equal_scikit_learn_and_the_formulas(rng):
    for _ in range(200):
        count, num_classes = rng.choice([1, 2, 40]), rng.choice([2, 3, 6])
        logits, labels = draw(rng, count, num_classes, scale=rng.choice([0.1, 2, 9]))
        if rng.random() < 0.2:
            labels[:] = rng.integers(num_classes)  # one class only
        probabilities = temper(logits, 1.0)
        scores = score_probabilities(labels, probabilities)
        every = range(num_classes)
        expected = metrics.log_loss(labels, probabilities, labels=every)
        assert scores.log_loss == pytest.approx(expected, rel=1e-12)
        squares = (probabilities - np.eye(num_classes)[labels]) ** 2
        assert scores.brier == pytest.approx(squares.sum(axis=1).mean(), abs=1e-12)
        expected = metrics.brier_score_loss(
            labels, probabilities, labels=every, scale_by_half=False
        )
        assert scores.brier == pytest.approx(expected, abs=1e-12)
        expected = error_bin_by_bin(labels, probabilities)
        assert scores.expected_calibration_error == pytest.approx(expected, abs=1e-12)
        # As far as no probability is below what scikit-learn takes for the least.
        if probabilities.min() > 1e-12:
            assert scores.log_loss == pytest.approx(log_loss(labels, logits, 1.0))


def test_no_image():
    scores = score_probabilities(np.zeros(0, int), np.zeros((0, 3)))
    assert scores.log_loss is scores.brier is scores.expected_calibration_error is None


def test_float32_rows_that_do_not_quite_sum_to_one(rng, recwarn):
    logits, labels = draw(rng, 200, 6)
    exact = temper(logits, 1.0)
    rough = (exact * (1 + 1e-4 * rng.normal(size=(200, 1)))).astype(np.float32)
    scores, expected = (score_probabilities(labels, p) for p in (rough, exact))
    assert scores.log_loss == pytest.approx(expected.log_loss, abs=1e-6)
    assert scores.brier == pytest.approx(expected.brier, abs=1e-6)
    assert not recwarn.list


def test_certain_and_wrong_is_finite():
    scores = score_probabilities(np.array([1, 0]), np.array([[1.0, 0], [1.0, 0]]))
    assert scores.log_loss == pytest.approx(-np.log(np.finfo(float).eps) / 2, rel=1e-3)
    assert (scores.brier, scores.expected_calibration_error) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("confidences", "hits", "expected"),
    [
        ([0.8, 0.8, 0.8, 0.8, 0.8], [1, 1, 1, 1, 0], 0),
        ([1, 1], [1, 1], 0),
        ([1, 1], [0, 0], 1),
        # One bin each, though both lie in (0.6, 0.8].
        ([0.65, 0.75], [1, 0], (0.35 + 0.75) / 2),
        # A bin's upper end belongs to it, its lower end to the bin below.
        ([0.6, 0.601], [1, 0], (0.4 + 0.601) / 2),
        ([0.61, 0.66], [1, 0], 0.635 - 0.5),
    ],
)
def test_calibration_error_of_known_cases(confidences, hits, expected):
    confidences = np.array(confidences)
    probabilities = np.stack([confidences, 1 - confidences], axis=1)
    labels = 1 - np.array(hits)
    assert calibration_error(labels, probabilities) == pytest.approx(expected)


def test_what_is_drawn_from_its_probabilities_is_calibrated(rng):
    logits, labels = draw(rng, 50_000, 6)
    assert calibration_error(labels, temper(logits, 1.0)) < 0.01
    assert calibration_error(labels, temper(logits, 0.4)) > 0.15


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 5.0])
def test_the_temperature_behind_the_labels_is_found(rng, temperature):
    logits, labels = draw(rng, 30_000, 5, temperature)
    assert fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.05)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 60), scale=st.floats(0.01, 30))
def test_the_fit_is_the_minimum_and_keeps_every_decision(seed, count, scale):
    rng = np.random.default_rng(seed)
    logits, labels = draw(rng, count, 4, rng.uniform(0.2, 8), scale)
    fitted = fit_temperature(labels, logits.astype(np.float32))
    assert TEMPERATURE_RANGE[0] <= fitted <= TEMPERATURE_RANGE[1]
    np.testing.assert_array_equal(
        temper(logits, fitted).argmax(axis=1), logits.argmax(axis=1)
    )
    is_fittable = len(set(labels)) > 1 and (logits.argmax(axis=1) != labels).any()
    if not is_fittable:
        assert fitted == 1
        return
    logits = logits.astype(np.float32)
    oracle = optimize.minimize_scalar(
        lambda log: log_loss(labels, logits, np.exp(log)),
        bounds=np.log(TEMPERATURE_RANGE),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert log_loss(labels, logits, fitted) <= oracle.fun + 1e-9
    assert log_loss(labels, logits, fitted) <= log_loss(labels, logits, 1.0) + 1e-12


@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        ([], np.zeros((0, 3))),
        ([1], [[5.0, 0, 0]]),
        ([1, 1, 1], [[5.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ([0, 1, 2], np.ones((3, 3))),
        ([0, 1], [[3.0, 1, 0], [0, 4, 1]]),
    ],
    ids=["empty", "one image", "one class", "logits say nothing", "no mistake"],
)
def test_nothing_to_fit(labels, logits):
    assert fit_temperature(np.array(labels, int), np.array(logits)) == 1


def test_the_ends_of_the_range():
    labels = np.array([0, 1] * 50)
    wrong = -10 * np.eye(2)[labels]
    assert fit_temperature(labels, wrong) == TEMPERATURE_RANGE[1]
    right = 1e-3 * np.eye(2)[labels]
    right[0] = -right[0]
    assert fit_temperature(labels, right) == TEMPERATURE_RANGE[0]


def test_huge_logits_do_not_overflow(rng):
    logits, labels = draw(rng, 500, 3)
    fitted = fit_temperature(labels, logits * 4)
    assert fitted == pytest.approx(4 * fit_temperature(labels, logits), rel=1e-6)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(fit_temperature(labels, logits * 1e4))


def test_reliability_sorts_by_confidence():
    # 0.6 is the upper end of the ninth of 15 bins; of equal probabilities the first
    # class counts.
    confidences = np.array([0.5, 0.53, 0.6, 0.59, 1.0])
    probabilities = np.stack([confidences, 1 - confidences], axis=1)
    found = reliability(np.array([0, 1, 0, 0, 1]), probabilities)
    filled = [7, 8, 14]
    np.testing.assert_array_equal(np.flatnonzero(found.counts), filled)
    np.testing.assert_array_equal(found.counts[filled], [2, 2, 1])
    np.testing.assert_allclose(found.confidence[filled], [0.515, 0.595, 1])
    np.testing.assert_allclose(found.accuracy[filled], [0.5, 1, 0])
