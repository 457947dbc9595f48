"""How well a model reads the action units of drawn faces, which are known."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class UnitScores:
    """Of one action unit.

    Attributes:
      count: Number of images.
      correlation: Pearson's, between read and true intensities, in [-1, 1]; None where
        one of them is the same on all images.
      mean_absolute_error: Of the intensity.
      guessing_error: The error of who says the mean intensity of every image.
    """

    count: int
    correlation: float | None
    mean_absolute_error: float
    guessing_error: float


def score_action_units(
    read: np.ndarray,
    read_names: Sequence[str],
    true: np.ndarray,
    true_names: Sequence[str],
) -> dict[str, UnitScores]:
    """Scores the units that both the model and the data set know, by name.

    Args:
      read: The model's intensities, (N, U).
      read_names: Names of its U units.
      true: The records' intensities, (N, V); NaN in a row for which none are known.
      true_names: Names of the data set's V units.
    """
    is_known = np.isfinite(true).all(axis=1)
    if not is_known.any():
        return {}
    places = {name: place for place, name in enumerate(true_names)}
    return {
        name: _score(read[is_known, place], true[is_known, places[name]])
        for place, name in enumerate(read_names)
        if name in places
    }


def mean_scores(units: Mapping[str, UnitScores]) -> tuple[float | None, float]:
    """Correlation and mean absolute error, means over the units.

    Args:
      units: Of each unit, at least one; those without a correlation are left out of
        its mean, which is None if all are.
    """
    known = [u.correlation for u in units.values() if u.correlation is not None]
    errors = [u.mean_absolute_error for u in units.values()]
    return float(np.mean(known)) if known else None, float(np.mean(errors))


def _score(read: np.ndarray, true: np.ndarray) -> UnitScores:
    read, true = read.astype(np.float64), true.astype(np.float64)
    correlation = None
    if np.ptp(read) > 0 and np.ptp(true) > 0:
        correlation = float(np.corrcoef(read, true)[0, 1])
    return UnitScores(
        len(true),
        correlation,
        float(np.abs(read - true).mean()),
        float(np.abs(true - true.mean()).mean()),
    )
