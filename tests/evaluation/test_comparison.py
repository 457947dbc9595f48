import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from byel_tf.evaluation.bootstrap import count_confusions, macro_f1
from byel_tf.evaluation.comparison import compare, mcnemar


def outcomes(both, first_only, second_only, neither):
    """Labels and two rows of predictions with these numbers of right answers."""
    first = np.repeat([0, 0, 1, 1], [both, first_only, second_only, neither])
    second = np.repeat([0, 1, 0, 1], [both, first_only, second_only, neither])
    return np.zeros_like(first), first, second


@pytest.mark.parametrize(
    ("first_only", "second_only"), [(0, 1), (1, 0), (5, 5), (3, 14), (40, 22), (7, 0)]
)
def test_mcnemar_by_its_formulas(first_only, second_only):
    found = mcnemar(*outcomes(9, first_only, second_only, 4))
    assert (found.first_only, found.second_only) == (first_only, second_only)
    n, least = first_only + second_only, min(first_only, second_only)
    tail = sum(math.comb(n, i) for i in range(least + 1)) / 2**n
    assert found.p_value == pytest.approx(min(2 * tail, 1))
    chi_square = max(abs(first_only - second_only) - 1, 0) ** 2 / n
    assert found.chi_square == pytest.approx(chi_square)
    # The square of a standard normal.
    expected = 2 * stats.norm.sf(math.sqrt(chi_square))
    assert found.chi_square_p_value == pytest.approx(expected)


def test_a_published_example():
    """Agresti, Categorical Data Analysis, approval ratings: 150 against 86."""
    found = mcnemar(*outcomes(794, 150, 86, 570))
    assert found.chi_square == pytest.approx(63**2 / 236)
    assert found.p_value == pytest.approx(3.7e-5, rel=0.1)


def test_models_that_never_differ():
    found = mcnemar(*outcomes(5, 0, 0, 3))
    assert (found.p_value, found.chi_square, found.chi_square_p_value) == (1, 0, 1)


@pytest.fixture
def images(rng):
    labels = rng.integers(4, size=600)
    first = np.where(rng.random(600) < 0.6, labels, rng.integers(4, size=600))
    second = np.where(rng.random(600) < 0.1, (labels + 1) % 4, first)
    return labels, first, second


def test_difference(images):
    labels, first, second = images
    found = compare(labels, first, second, 4)
    ours, other = (f1_score(labels, p, average="macro") for p in (first, second))
    assert found.macro_f1 == pytest.approx(ours)
    assert found.other_macro_f1 == pytest.approx(other)
    assert found.difference == pytest.approx(ours - other)
    lower, upper = found.interval
    assert 0 < lower < found.difference < upper
    assert found.mcnemar == mcnemar(labels, first, second)
    turned = compare(labels, second, first, 4)
    assert turned.difference == pytest.approx(-found.difference)
    np.testing.assert_allclose(turned.interval, (-upper, -lower))


def test_the_interval_is_paired(images, rng):
    labels, first, second = images
    found = compare(labels, first, second, 4, resamples=1000)

    def difference(y, p, q):
        one, other = macro_f1(count_confusions(y, np.array([p, q]), 4))
        return one - other

    oracle = stats.bootstrap(
        (labels, first, second),
        difference,
        paired=True,
        vectorized=False,
        n_resamples=400,
        method="percentile",
        rng=rng,
    ).confidence_interval
    np.testing.assert_allclose(found.interval, oracle, atol=0.01)


def test_persons_and_too_few_of_them(images):
    labels, first, second = images
    by_person = compare(labels, first, second, 4, [str(i % 5) for i in range(600)])
    assert by_person.interval != compare(labels, first, second, 4).interval
    alone = compare(labels, first, second, 4, ["Ada"] * 600)
    assert alone.interval is None
    assert alone.difference == by_person.difference


def test_a_model_beside_itself(images):
    labels, first, _ = images
    found = compare(labels, first, first, 4)
    assert (found.difference, found.interval) == (0, (0, 0))
