import numpy as np
import pytest
from scipy import stats

from byel_tf.evaluation.action_units import mean_scores, score_action_units


def test_units_are_matched_by_name(rng):
    true = rng.uniform(0, 1, (50, 3))
    read = np.stack([true[:, 2] + rng.normal(0, 0.2, 50), rng.uniform(size=50)], axis=1)
    true[7] = np.nan  # a record without
    found = score_action_units(read, ("lip", "tail"), true, ("brow", "lid", "lip"))
    assert list(found) == ["lip"]
    kept = np.delete(np.arange(50), 7)
    lip = found["lip"]
    assert lip.count == 49
    expected = stats.pearsonr(read[kept, 0], true[kept, 2]).statistic
    assert lip.correlation == pytest.approx(expected)
    error = np.abs(read[kept, 0] - true[kept, 2]).mean()
    assert lip.mean_absolute_error == pytest.approx(error)
    spread = np.abs(true[kept, 2] - true[kept, 2].mean()).mean()
    assert lip.guessing_error == pytest.approx(spread)


def test_without_variation_there_is_no_correlation(rng):
    read = np.stack([np.full(9, 0.1), rng.uniform(size=9)], axis=1)
    true = np.stack([rng.uniform(size=9), np.zeros(9)], axis=1)
    found = score_action_units(read, ("a", "b"), true, ("a", "b"))
    assert [unit.correlation for unit in found.values()] == [None, None]
    mean, error = mean_scores(found)
    assert mean is None
    assert error == pytest.approx(np.abs(read - true).mean())


def test_records_without_units_are_not_scored():
    nothing = np.full((4, 1), np.nan)
    assert score_action_units(np.zeros((4, 1)), ("a",), nothing, ("a",)) == {}
