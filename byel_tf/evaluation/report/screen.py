"""An evaluation's numbers for the screen."""

from collections.abc import Mapping

from byel_tf.evaluation.action_units import mean_scores
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.report.markdown import interval, number


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
    lines = [evaluation.note] if evaluation.note else []
    if evaluation.action_units:
        correlation, error = mean_scores(evaluation.action_units)
        lines.append(
            f"{len(evaluation.action_units)} action units, mean correlation "
            f"{number(correlation, 3) or 'unknown'}, mean absolute error "
            f"{number(error, 3)}"
        )
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
