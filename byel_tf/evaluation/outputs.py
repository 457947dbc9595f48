"""What an evaluation leaves: results, report, figures and tables of predictions."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from byel_tf.evaluation.details import detail_lines
from byel_tf.evaluation.markdown import interval, number
from byel_tf.evaluation.predictions import predictions_csv
from byel_tf.evaluation.report import figure_png, report_markdown
from byel_tf.evaluation.run import Evaluation
from byel_tf.files import new_directory, write_atomically


def write_evaluation(
    output: str | os.PathLike,
    evaluations: Mapping[str, Evaluation],
    classes: Sequence[str],
    facts: Mapping[str, str],
    content: Mapping[str, Any],
) -> None:
    """Writes a folder that appears whole or not at all.

    Args:
      output: The folder; it must not exist, or be empty.
      evaluations: Of each data set, by name.
      classes: Names of the classes.
      facts: What the report states besides.
      content: What `results.json` states besides.

    Raises:
      RunError: If the folder exists and holds something, or cannot be made.
    """
    figures = {name: f"figures/{name}.png" for name in evaluations}
    with new_directory(output) as folder:
        for name, evaluation in evaluations.items():
            scores = evaluation.assessment.scores
            picture = figure_png(scores, name, classes)
            write_atomically(folder / figures[name], picture)
            table = predictions_csv(evaluation.predictions, classes)
            write_atomically(folder / "predictions" / f"{name}.csv", table)
        report = report_markdown(
            {name: e.assessment for name, e in evaluations.items()},
            classes,
            facts,
            figures,
            {name: detail_lines(e) for name, e in evaluations.items()},
        )
        write_atomically(folder / "report.md", report)
        results = {
            "classes": list(classes),
            **content,
            "datasets": {name: e.to_json() for name, e in evaluations.items()},
        }
        text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / "results.json", text)


def screen_table(evaluations: Mapping[str, Evaluation]) -> str:
    """A row for each data set, one for each comparison, and the probes.

    Args:
      evaluations: Of each data set, by name.
    """
    rows = [
        (
            "data set",
            "images",
            "macro F1",
            "95 % interval",
            "accuracy",
            "balanced",
            "kappa",
            "log loss",
            "Brier",
            "ECE",
        )
    ]
    further = []
    for name, evaluation in evaluations.items():
        assessment = evaluation.assessment
        scores, found = assessment.scores, assessment.calibration["exported"].scores
        rows.append(
            (
                name,
                str(scores.count),
                number(scores.macro_f1),
                interval(assessment.intervals and assessment.intervals.macro_f1),
                number(scores.accuracy),
                number(scores.balanced_accuracy),
                number(scores.cohen_kappa),
                number(found.log_loss),
                number(found.brier),
                number(found.expected_calibration_error),
            )
        )
        further += [f"{name}: {line}" for line in _lines(evaluation)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [c.rjust(w) for c, w in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join([*lines, *further])


def _lines(evaluation: Evaluation) -> list[str]:
    """What a data set's row has no place for."""
    lines = []
    fitted = evaluation.assessment.calibration.get("fitted")
    if fitted:
        lines.append(
            f"with the fitted temperature {number(fitted.temperature, 3)} log loss "
            f"{number(fitted.scores.log_loss)}, Brier {number(fitted.scores.brier)}, "
            f"ECE {number(fitted.scores.expected_calibration_error)}"
        )
    for other, found in evaluation.comparisons.items():
        ends = interval(found.interval) or "no interval"
        lines.append(
            f"macro F1 {found.difference:+.4f} beside {other} ({ends}), McNemar's p "
            f"{found.mcnemar.p_value:.3g}"
        )
    if evaluation.probes:
        linear, nearest = evaluation.probes.values()
        lines.append(
            f"macro F1 of the linear probe {number(linear['macro_f1'])}, of k-NN "
            f"{number(nearest['macro_f1'])}"
        )
    gap = evaluation.domain_gap
    if gap and gap.domain_accuracy is not None:
        lines.append(
            f"told from synthetic images with accuracy {number(gap.domain_accuracy)}, "
            f"Fréchet distance {number(gap.frechet_distance, 2)}"
        )
    return lines
