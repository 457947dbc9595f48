import math
import statistics

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from byel_tf.augment import draws

GRID = ((np.arange(10_000) + 0.5) / 10_000).astype(np.float32)
LARGEST = np.float32(1.0 - 2.0**-24)

uniforms = st.floats(0.0, float(LARGEST), width=32)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.25, 0.3, 0.8, 1.0])
def test_bernoulli_has_its_frequency(probability):
    happened = draws.bernoulli(tf.constant(GRID), probability).numpy()
    assert happened.mean() == pytest.approx(probability, abs=1e-4)


def test_bernoulli_ends_are_certain():
    ends = tf.constant([0.0, LARGEST])
    assert not draws.bernoulli(ends, 0.0).numpy().any()
    assert draws.bernoulli(ends, 1.0).numpy().all()


def test_between_is_uniform():
    values = draws.between(tf.constant(GRID), -2.0, 3.0).numpy()
    np.testing.assert_allclose(values, -2.0 + 5.0 * GRID.astype(np.float64), atol=1e-6)


def test_log_between_is_uniform_in_the_logarithm():
    values = draws.log_between(tf.constant(GRID), 0.75, 4 / 3).numpy()
    position = np.log(values.astype(np.float64) / 0.75) / np.log(16 / 9)
    np.testing.assert_allclose(position, GRID, atol=1e-6)


def test_bell_is_the_truncated_normal_distribution():
    normal = statistics.NormalDist(0.0, 0.15)
    values = draws.bell(tf.constant(GRID), 0.3).numpy().astype(np.float64)
    low, high = normal.cdf(-0.3), normal.cdf(0.3)
    share = [(normal.cdf(value) - low) / (high - low) for value in values]
    np.testing.assert_allclose(share, GRID, atol=1e-5)


@given(uniform=uniforms, limit=st.floats(0.01, 10.0))
def test_bell_keeps_its_limit(uniform, limit):
    value = float(draws.bell(tf.constant([uniform]), limit)[0])
    assert math.isfinite(value)
    assert abs(value) <= limit * (1 + 1e-5)


@given(uniform=uniforms, count=st.integers(1, 1000))
@example(uniform=float(LARGEST), count=24)
@example(uniform=float(LARGEST), count=999)
def test_integer_is_floor(uniform, count):
    value = int(draws.integer(tf.constant([uniform]), count)[0])
    assert 0 <= value < count
    assert abs(value + 0.5 - uniform * count) <= 0.5 + 1e-4


def test_integers_are_equally_likely():
    values = draws.integer(tf.constant(GRID[:9_600] / GRID[9_600]), 24).numpy()
    assert (np.abs(np.bincount(values, minlength=24) - 400) <= 1).all()


def test_per_image_broadcasts():
    assert draws.per_image(tf.zeros([7])).shape == (7, 1, 1, 1)
