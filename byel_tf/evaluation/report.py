"""`report.md` and its figures."""

import io
import urllib.parse
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

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
    scores: Mapping[str, Scores],
    classes: Sequence[str],
    facts: Mapping[str, str],
    figures: Mapping[str, str],
) -> str:
    """Writes the report.

    Args:
      scores: Scores by data set.
      classes: Names of the classes.
      facts: What else to state: name and value.
      figures: Relative path of each data set's figure.

    Returns:
      Markdown.
    """
    lines = [
        "# Results",
        "",
        "| data set | images | macro F1 | macro F1 of guessing | accuracy |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, result in scores.items():
        lines.append(
            f"| {_cell(name)} | {result.count} | {result.macro_f1:.4f} | "
            f"{guessing_macro_f1(result):.4f} | {result.accuracy:.4f} |"
        )
    lines += [
        "",
        "## The run",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
    ]
    for name, result in scores.items():
        figure = urllib.parse.quote(figures[name])
        lines += [
            "",
            f"## {name}",
            "",
            f"![confusion matrix and F1 of {name}]({figure})",
            "",
            "| class | precision | recall | F1 | support |",
            "|---|---:|---:|---:|---:|",
        ]
        for class_name, row in result.per_class.items():
            lines.append(
                f"| {_cell(class_name)} | {row['precision']:.3f} | "
                f"{row['recall']:.3f} | {row['f1']:.3f} | {row['support']} |"
            )
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """The text as one cell of a table."""
    return text.replace("|", r"\|")
