"""Scores of a data set, all of them scikit-learn's."""

import dataclasses
import math
import warnings
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
      balanced_accuracy: Mean recall of the classes that have labels,
        `balanced_accuracy_score`; 0 for no image.
      cohen_kappa: Agreement beyond chance, in [-1, 1], `cohen_kappa_score`; None
        where that is NaN: for no image, or when labels and predictions are all of
        one and the same class, so that chance agrees always.
    """

    count: int
    accuracy: float
    macro_f1: float
    per_class: dict[str, dict[str, float]]
    confusion_matrix: list[list[int]]
    balanced_accuracy: float
    cohen_kappa: float | None


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
            count=0,
            accuracy=0.0,
            macro_f1=0.0,
            per_class={name: dict(nothing) for name in classes},
            confusion_matrix=[[0] * size for _ in classes],
            balanced_accuracy=0.0,
            cohen_kappa=None,
        )
    every = list(range(len(classes)))
    table = metrics.precision_recall_fscore_support(
        labels, predictions, labels=every, zero_division=0
    )
    with warnings.catch_warnings():
        # Of classes without labels, and of chance that agrees always: both defined.
        warnings.simplefilter("ignore")
        balanced_accuracy = float(metrics.balanced_accuracy_score(labels, predictions))
        kappa = float(metrics.cohen_kappa_score(labels, predictions))
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
        balanced_accuracy=balanced_accuracy,
        cohen_kappa=None if math.isnan(kappa) else kappa,
    )
