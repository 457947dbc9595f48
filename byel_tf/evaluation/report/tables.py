"""The report's tables of scores."""

from collections.abc import Mapping, Sequence

import numpy as np

from byel_tf.evaluation.assess import Assessment
from byel_tf.evaluation.calibration import BINS
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.report.markdown import interval, literal, number, table

# The scores of the whole, in the order of their columns.
_SCORES = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "cohen_kappa": "kappa",
    "log_loss": "log loss",
    "brier": "Brier",
    "expected_calibration_error": "ECE",
}

# What the probabilities of each kind are.
_MEANINGS = {
    "exported": "as the model gives them",
    "uncalibrated": "at temperature 1",
    "fitted": "at the temperature of the least log loss on held-out synthetic images",
}


def guessing_macro_f1(scores: Scores) -> float:
    """About the macro F1 of naming each of the K classes equally often, blindly.

    A class with the share p of the images then has precision p and recall 1/K.

    Args:
      scores: Scores of a data set; only the classes' supports are used.

    Returns:
      The mean of 2·p/K / (p + 1/K) over the classes, in [0, 1].
    """
    supports = np.array([row["support"] for row in scores.per_class.values()])
    shares = supports / max(supports.sum(), 1)
    recall = 1 / len(supports)
    return float(np.mean(2 * shares * recall / (shares + recall)))


def score_table(assessments: Mapping[str, Assessment]) -> list[str]:
    """A row for each data set with its interval below, and how to read the report.

    Args:
      assessments: By data set.
    """
    header = ("data set", "images", "guessing", *_SCORES.values())
    rows = []
    for name, result in assessments.items():
        values = {**vars(result.scores), **vars(result.calibration["exported"].scores)}
        rows.append(
            (
                literal(name),
                str(result.scores.count),
                number(guessing_macro_f1(result.scores)),
                *(number(values[score]) for score in _SCORES),
            )
        )
        if result.intervals:
            ends = (getattr(result.intervals, score) for score in _SCORES)
            # A row of long cells would not fit on a screen.
            cells = (interval(pair, 3, between="–") for pair in ends)
            rows.append(("95 % interval", "", "", *cells))
    return [*table(header, rows), "", *_notes(assessments)]


def _notes(assessments: Mapping[str, Assessment]) -> list[str]:
    """How to read the table and the charts of each data set."""
    drawn = [
        f"{literal(name)} {result.intervals.units} {result.intervals.unit}s"
        for name, result in assessments.items()
        if result.intervals
    ]
    lines = []
    if drawn:
        resamples = next(
            r.intervals.resamples for r in assessments.values() if r.intervals
        )
        lines.append(
            f"- Intervals are bootstrapped, {resamples} resamples "
            f"({'; '.join(drawn)}): they hold for these images or persons, and for "
            "this one trained model."
        )
    return [
        *lines,
        "- Macro F1 is the mean of the classes' F1, balanced accuracy that of their "
        "recall, kappa Cohen's; guessing is about the macro F1 of naming the classes "
        "blindly, equally often.",
        "- Log loss, Brier (summed over the classes, 0 to 2) and ECE (expected "
        f"calibration error, {BINS} bins of equal width) rate the probabilities: less "
        "is better.",
        "- Confusion matrix: rows are labels, the colour is the share of the row. "
        "Reliability: below the dashed line the model is surer than it is right, above "
        "it less sure.",
    ]


def class_table(result: Assessment, classes: Sequence[str]) -> list[str]:
    """A row for each class.

    Args:
      result: Of one data set.
      classes: Names of the classes.
    """
    rows = []
    for name in classes:
        scores = result.scores.per_class[name]
        row = [literal(name)]
        for key in ("precision", "recall", "f1"):
            found = result.intervals and getattr(result.intervals, f"per_class_{key}")
            row.append(number(scores[key], 3))
            row.append(interval(found and found[name], 3))
        rows.append((*row, str(scores["support"])))
    ends = "95 % interval"
    header = ("class", "precision", ends, "recall", ends, "F1", ends, "support")
    return table(header, rows)


def calibration_table(result: Assessment) -> list[str]:
    """A row for each temperature; nothing if there is only that of the export.

    Args:
      result: Of one data set.
    """
    kinds: dict[float | None, list[str]] = {}
    for kind, at in result.calibration.items():
        kinds.setdefault(at.temperature, []).append(kind)
    if len(kinds) < 2:
        return []
    rows = []
    for temperature, same in kinds.items():
        scores = result.calibration[same[0]].scores
        rows.append(
            (
                ", ".join(same),
                number(temperature),
                number(scores.log_loss),
                number(scores.brier),
                number(scores.expected_calibration_error),
            )
        )
    header = ("probabilities", "temperature", "log loss", "Brier", "ECE")
    meanings = "; ".join(f"{kind}: {_MEANINGS[kind]}" for kind in result.calibration)
    return [*table(header, rows), "", f"{meanings[0].upper()}{meanings[1:]}."]
