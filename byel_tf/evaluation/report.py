"""`report.md` and its figures."""

import io
import urllib.parse
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from byel_tf.evaluation.assess import Assessment
from byel_tf.evaluation.markdown import cell, interval, number
from byel_tf.evaluation.metrics import Scores

matplotlib.use("Agg")  # never opens a window


def figure_png(scores: Scores, title: str, classes: Sequence[str]) -> bytes:
    """Draws the confusion matrix beside each class's F1.

    Args:
      scores: Scores of one data set.
      title: Name of the data set.
      classes: Names of the classes.

    Returns:
      A PNG file.
    """
    # A dollar sign would begin a formula.
    title, *classes_shown = (t.replace("$", r"\$") for t in (title, *classes))
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    figure.suptitle(f"{title}: macro F1 {scores.macro_f1:.3f}, {scores.count} images")
    matrix, bars = figure.subplots(1, 2, width_ratios=(1.15, 1))
    counts = np.array(scores.confusion_matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    matrix.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(classes))
    matrix.set_xticks(ticks, classes_shown, rotation=40, ha="right")
    matrix.set_yticks(ticks, classes_shown)
    matrix.set(xlabel="predicted", ylabel="labelled")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        matrix.text(
            column, row, str(count), ha="center", va="center", color=colour, fontsize=8
        )
    f1 = [scores.per_class[name]["f1"] for name in classes]
    drawn = bars.barh(ticks, f1, color="tab:blue")
    bars.axvline(scores.macro_f1, color="tab:orange", label="macro F1")
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    bars.bar_label(drawn, fmt="%.2f", padding=4, bbox=ground)
    bars.set_yticks(ticks, classes_shown)
    bars.set(xlim=(0, 1.12), xlabel="F1")
    bars.invert_yaxis()
    bars.legend(loc="lower right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


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


def report_markdown(
    assessments: Mapping[str, Assessment],
    classes: Sequence[str],
    facts: Mapping[str, str],
    figures: Mapping[str, str],
    details: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Writes the report.

    Args:
      assessments: Scores, intervals and calibration by data set.
      classes: Names of the classes.
      facts: What else to state: name and value.
      figures: Relative path of each data set's figure.
      details: Further lines of Markdown at the end of a data set's section.

    Returns:
      Markdown.
    """
    lines = [
        "# Results",
        "",
        "| data set | images | macro F1 | 95 % interval | macro F1 of guessing "
        "| accuracy | balanced accuracy | kappa | log loss | Brier | ECE |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, result in assessments.items():
        scores, found = result.scores, result.calibration["exported"].scores
        values = (
            cell(name),
            str(scores.count),
            number(scores.macro_f1),
            interval(result.intervals and result.intervals.macro_f1),
            number(guessing_macro_f1(scores)),
            number(scores.accuracy),
            number(scores.balanced_accuracy),
            number(scores.cohen_kappa),
            number(found.log_loss),
            number(found.brier),
            number(found.expected_calibration_error),
        )
        lines.append(f"| {' | '.join(values)} |")
    lines += ["", *_notes(assessments), "", "## The run", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    for name, result in assessments.items():
        lines += _section(name, result, classes, figures[name])
        lines += (details or {}).get(name, ())
    return "\n".join(lines) + "\n"


def _notes(assessments: Mapping[str, Assessment]) -> list[str]:
    """What the table's columns are, and what the intervals were drawn from."""
    drawn = [
        f"{name} {result.intervals.units} {result.intervals.unit}s"
        for name, result in assessments.items()
        if result.intervals
    ]
    lines = []
    if drawn:
        resamples = next(
            r.intervals.resamples for r in assessments.values() if r.intervals
        )
        lines.append(
            f"Intervals are bootstrapped, {resamples} resamples ({'; '.join(drawn)}): "
            "they hold for these images or persons, and for this one trained model."
        )
    return [
        *lines,
        "Kappa is Cohen's; Brier is summed over the classes (0 to 2); ECE is the "
        "expected calibration error over 15 bins of equal width.",
    ]


def _section(
    name: str, result: Assessment, classes: Sequence[str], figure: str
) -> list[str]:
    """Figure, classes and calibration of one data set."""
    lines = [
        "",
        f"## {name}",
        "",
        f"![confusion matrix and F1 of {name}]({urllib.parse.quote(figure)})",
        "",
        "| class | precision | recall | F1 | 95 % interval | support |",
        "|---|---:|---:|---:|---|---:|",
    ]
    for class_name in classes:
        row = result.scores.per_class[class_name]
        found = result.intervals and result.intervals.per_class_f1[class_name]
        lines.append(
            f"| {cell(class_name)} | {row['precision']:.3f} | {row['recall']:.3f} | "
            f"{row['f1']:.3f} | {interval(found, 3)} | {row['support']} |"
        )
    if len(result.calibration) > 1:
        lines += [
            "",
            "| probabilities | temperature | log loss | Brier | ECE |",
            "|---|---:|---:|---:|---:|",
        ]
        for kind, at in result.calibration.items():
            lines.append(
                f"| {kind} | {number(at.temperature)} | {number(at.scores.log_loss)} | "
                f"{number(at.scores.brier)} | "
                f"{number(at.scores.expected_calibration_error)} |"
            )
    return lines
