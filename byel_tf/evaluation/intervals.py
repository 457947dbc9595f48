"""The interval of every score of one model on one data set."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from byel_tf.evaluation.bootstrap import (
    accuracy,
    balanced_accuracy,
    class_f1,
    class_precision,
    class_recall,
    cohen_kappa,
    confusion_rows,
    macro_f1,
    percentile_interval,
    resampled_sums,
    resampling_units,
)
from byel_tf.evaluation.calibration import probability_means, probability_rows

#: Of the images that are drawn, as many as others report with.
DEFAULT_RESAMPLES = 2000

#: Lower and upper end.
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Intervals:
    """95 % percentile intervals over resampled images or persons, the same for all.

    In a resample, what is 0/0 counts as 0, as in `metrics.Scores`; kappa, which then
    has no value, is of the resamples that have one.

    Attributes:
      level: Share of the resamples inside.
      resamples: Number of resamples.
      unit: What was drawn: "image", or "subject", with all images of that person.
      units: How many there are; images of unknown persons count one each. Intervals
        of few units, below about 30, are too narrow.
      accuracy: Interval of the accuracy.
      macro_f1: Interval of the macro F1.
      balanced_accuracy: Interval of the balanced accuracy.
      cohen_kappa: Interval of Cohen's kappa; None where no resample has one.
      log_loss: Interval of the log loss.
      brier: Interval of the Brier score.
      expected_calibration_error: That of the error. Chance opens gaps in every bin,
        and a resample has that of the images and its own: where the error is hardly
        more than chance, the interval lies too high, even above the error.
      per_class_precision: That of each class; None for one that is not predicted.
      per_class_recall: That of each class; None for one without labels.
      per_class_f1: That of each class; None for one that neither labels nor
        predictions have.
    """

    level: float
    resamples: int
    unit: str
    units: int
    accuracy: Interval
    macro_f1: Interval
    balanced_accuracy: Interval
    cohen_kappa: Interval | None
    log_loss: Interval
    brier: Interval
    expected_calibration_error: Interval
    per_class_precision: dict[str, Interval | None]
    per_class_recall: dict[str, Interval | None]
    per_class_f1: dict[str, Interval | None]


def draw_units(subjects: Sequence[str]) -> tuple[np.ndarray | None, str]:
    """What is drawn together, and what it is called.

    Args:
      subjects: The person on each image, empty where unknown; () if none is known.

    Returns:
      The units of `resampled_confusions`, or None where each image is one; "subject"
      or "image".
    """
    if not any(subjects):
        return None, "image"
    return resampling_units(subjects), "subject"


def score_intervals(
    labels: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    subjects: Sequence[str] = (),
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 1,
    level: float = 0.95,
) -> Intervals | None:
    """Bootstraps the scores of a model.

    Args:
      labels: Class indices in [0, K), (N,), int.
      predicted: Class indices, (N,), int.
      probabilities: (N, K), as of `score_probabilities`.
      classes: Names of the K classes.
      subjects: The person on each image, empty where unknown; () if none is known.
      resamples: Number of resamples.
      seed: Decides what is drawn.
      level: Share of the resamples inside, in (0, 1).

    Returns:
      The intervals; None for fewer than two units, of which nothing can be said.
    """
    units, unit = draw_units(subjects)
    count = len(labels) if units is None else len(np.unique(units))
    if count < 2:
        return None
    size = len(classes)
    of_predictions = confusion_rows(labels, predicted[np.newaxis], size)
    rows = sparse.hstack([of_predictions, probability_rows(labels, probabilities)])
    rng = np.random.default_rng(seed)
    sums = resampled_sums(rows.tocsr(), resamples, rng, units)
    # Whole numbers in float64, exact below 2⁵³.
    confusions = sums[:, : size**2].astype(int).reshape(-1, size, size)
    log_loss, brier, calibration_error = probability_means(
        sums[:, size**2 :], confusions.sum(axis=(1, 2))
    )
    kappa = cohen_kappa(confusions)
    has_kappa = ~np.isnan(kappa)
    is_label = np.isin(range(size), labels)
    is_predicted = np.isin(range(size), predicted)

    def interval(values: np.ndarray) -> Interval:
        return percentile_interval(values, level)

    def by_class(values: np.ndarray, known: np.ndarray) -> dict[str, Interval | None]:
        columns = zip(classes, values.T, known, strict=True)
        return {name: interval(of) if knows else None for name, of, knows in columns}

    return Intervals(
        level=level,
        resamples=resamples,
        unit=unit,
        units=count,
        accuracy=interval(accuracy(confusions)),
        macro_f1=interval(macro_f1(confusions)),
        balanced_accuracy=interval(balanced_accuracy(confusions)),
        cohen_kappa=interval(kappa[has_kappa]) if has_kappa.any() else None,
        log_loss=interval(log_loss),
        brier=interval(brier),
        expected_calibration_error=interval(calibration_error),
        per_class_precision=by_class(class_precision(confusions), is_predicted),
        per_class_recall=by_class(class_recall(confusions), is_label),
        per_class_f1=by_class(class_f1(confusions), is_label | is_predicted),
    )
