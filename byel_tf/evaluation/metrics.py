"""Scores of a data set, all of them scikit-learn's."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn import metrics


@dataclasses.dataclass(frozen=True)
class Scores:
    """How well predictions match labels.

    Attributes:
      count: Number of images.
      accuracy: Share of right predictions; 0 for no image.
      macro_f1: Mean F1 over the classes that occur among labels or predictions,
        `f1_score(average="macro", zero_division=0)`.
      per_class: precision, recall, f1 and support of each class.
      confusion_matrix: Counts; rows are labels, columns predictions.
    """

    count: int
    accuracy: float
    macro_f1: float
    per_class: dict[str, dict[str, float]]
    confusion_matrix: list[list[int]]


def score(
    labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str]
) -> Scores:
    """Scores predictions.

    Args:
      labels: Class indices, (N,), int; N may be 0.
      predictions: Class indices, (N,), int.
      classes: Names of the K classes.
    """
    if not len(labels):
        nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
        size = len(classes)
        return Scores(
            0, 0.0, 0.0, {name: dict(nothing) for name in classes}, [[0] * size] * size
        )
    every = list(range(len(classes)))
    table = metrics.precision_recall_fscore_support(
        labels, predictions, labels=every, zero_division=0
    )
    return Scores(
        count=len(labels),
        accuracy=float(metrics.accuracy_score(labels, predictions)),
        macro_f1=float(
            metrics.f1_score(labels, predictions, average="macro", zero_division=0)
        ),
        per_class={
            name: {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "support": int(support),
            }
            for name, precision, recall, f1, support in zip(
                classes, *table, strict=True
            )
        },
        confusion_matrix=metrics.confusion_matrix(
            labels, predictions, labels=every
        ).tolist(),
    )
