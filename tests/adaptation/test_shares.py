import numpy as np
import pytest
from scipy import optimize

from byel_tf.adaptation.shares import (
    effective_classes,
    entropies,
    estimate_shares,
    raise_to_floor,
)


@pytest.fixture
def shifted(rng):
    """Probabilities of a classifier of three Gaussian classes, right for its source."""
    source, true = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
    labels = rng.choice(3, 4000, p=true)
    values = labels + rng.normal(0, 0.6, 4000)
    joint = np.exp(-((values[:, None] - np.arange(3)) ** 2) / 0.72) * source
    return joint / joint.sum(axis=1, keepdims=True), source, true


def test_shares_are_found_again(shifted):
    probabilities, source, true = shifted
    shares = estimate_shares(probabilities, source)
    assert np.abs(probabilities.mean(axis=0) - true).max() > 0.1  # without EM
    np.testing.assert_allclose(shares, true, atol=0.03)


def test_shares_are_the_most_likely(shifted):
    probabilities, source, _ = shifted

    def loss(logits):
        shares = np.exp(logits - np.logaddexp.reduce(logits))
        return -np.log(probabilities @ (shares / source)).sum()

    best = optimize.minimize(loss, np.zeros(3), tol=1e-10).x
    expected = np.exp(best - np.logaddexp.reduce(best))
    shares = estimate_shares(probabilities, source)
    np.testing.assert_allclose(shares, expected, atol=1e-4)


def test_floor():
    sure = np.eye(3)[[0, 0, 0, 1]]
    source = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(estimate_shares(sure, source), [0.75, 0.25, 0])
    floored = estimate_shares(sure, source, floor=0.5)
    np.testing.assert_allclose(floored, [0.75 * 0.75, 0.25 * 0.75, 0.25])
    # What is taken for the floor must not push another class below its own.
    twice = raise_to_floor(np.array([0.6, 0.4, 0.0]), np.array([0.1, 0.39, 0.5]))
    np.testing.assert_allclose(twice, [0.11, 0.39, 0.5])
    np.testing.assert_allclose(estimate_shares(sure, source, floor=1.0), source)


def test_diversity():
    assert effective_classes(np.full(6, 1 / 6)) == pytest.approx(6)
    assert effective_classes(np.array([1.0, 0.0])) == 1
    assert entropies(np.array([[0.5, 0.5], [1, 0]])) == pytest.approx([np.log(2), 0])
