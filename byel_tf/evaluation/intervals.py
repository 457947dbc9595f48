"""The interval of every headline score of one model on one data set."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from byel_tf.evaluation.bootstrap import (
    accuracy,
    balanced_accuracy,
    class_f1,
    macro_f1,
    percentile_interval,
    resampled_confusions,
    resampling_units,
)

#: Of the images that are drawn, as many as others report with.
DEFAULT_RESAMPLES = 2000

#: Lower and upper end.
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Intervals:
    """95 % percentile intervals over resampled images or persons.

    Attributes:
      level: Share of the resamples inside.
      resamples: Number of resamples.
      unit: What was drawn: "image", or "subject", with all images of that person.
      units: How many there are; images of unknown persons count one each. Intervals
        of few units, below about 30, are too narrow.
      accuracy: Interval of the accuracy.
      macro_f1: Interval of the macro F1.
      balanced_accuracy: Interval of the balanced accuracy.
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
    confusions = resampled_confusions(
        labels,
        predicted[np.newaxis],
        len(classes),
        resamples,
        np.random.default_rng(seed),
        units,
    )[:, 0]
    f1 = class_f1(confusions)
    occurring = set(labels.tolist()) | set(predicted.tolist())
    return Intervals(
        level=level,
        resamples=resamples,
        unit=unit,
        units=count,
        accuracy=percentile_interval(accuracy(confusions), level),
        macro_f1=percentile_interval(macro_f1(confusions), level),
        balanced_accuracy=percentile_interval(balanced_accuracy(confusions), level),
        per_class_f1={
            name: percentile_interval(f1[:, index], level)
            if index in occurring
            else None
            for index, name in enumerate(classes)
        },
    )
