"""What an evaluation adds to a data set's section of the report."""

from collections.abc import Mapping

from byel_tf.evaluation.action_units import UnitScores
from byel_tf.evaluation.comparison import Comparison
from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.report.markdown import interval, literal, number, table

_PROBE_NAMES = {"linear_probe": "linear probe", "nearest_neighbours": "k-NN (cosine)"}


def detail_lines(evaluation: Evaluation) -> list[str]:
    """Comparisons, probes and domain gap as lines of Markdown."""
    lines = []
    if evaluation.comparisons:
        header = (
            "other model",
            "its macro F1",
            "difference",
            "95 % interval",
            "only this one right",
            "only the other",
            "McNemar's exact p",
        )
        rows = [_comparison(*item) for item in evaluation.comparisons.items()]
        lines += [
            "",
            "### Beside other models",
            "",
            *table(header, rows),
            "",
            "Differences: this model's macro F1 less the other's, on the same images.",
        ]
    if evaluation.probes:
        rows = [
            (_PROBE_NAMES[name], number(scores["macro_f1"]), number(scores["accuracy"]))
            for name, scores in evaluation.probes.items()
        ]
        lines += [
            "",
            "### Frozen representation",
            "",
            *table(("probe", "macro F1", "accuracy"), rows),
            "",
            "Classifiers that learned from the model's representations of synthetic "
            "images, scored on these.",
        ]
    if evaluation.action_units:
        lines += _units(evaluation.action_units)
    if evaluation.domain_gap:
        lines += _gap(evaluation.domain_gap)
    return lines


def _comparison(name: str, comparison: Comparison) -> tuple[str, ...]:
    test = comparison.mcnemar
    return (
        literal(name),
        number(comparison.other_macro_f1),
        f"{comparison.difference:+.4f}",
        interval(comparison.interval),
        str(test.first_only),
        str(test.second_only),
        f"{test.p_value:.3g}",
    )


def _units(units: Mapping[str, UnitScores]) -> list[str]:
    rows = [
        (
            literal(name),
            number(unit.correlation, 3),
            number(unit.mean_absolute_error, 3),
            number(unit.guessing_error, 3),
        )
        for name, unit in units.items()
    ]
    count = next(iter(units.values())).count
    header = ("action unit", "correlation", "mean absolute error", "of guessing")
    return [
        "",
        "### Action units",
        "",
        *table(header, rows),
        "",
        f"Of {count} images: Pearson's correlation of the intensities that the model "
        "reads with those that the faces were drawn with, and their mean absolute "
        "error; guessing names each unit's mean.",
    ]


def _gap(gap: DomainGap) -> list[str]:
    rows = []
    for name, shift in gap.centroid_shift.items():
        shift = shift or {"cosine": None, "euclidean": None}
        rows.append(
            (literal(name), number(shift["cosine"]), number(shift["euclidean"]))
        )
    return [
        "",
        "### Distance from synthetic images",
        "",
        f"{gap.count} images, {gap.reference_count} synthetic ones. A linear probe "
        f"tells them apart with accuracy {number(gap.domain_accuracy) or 'unknown'} "
        "(0.5: not at all); Fréchet distance of the representations "
        f"{number(gap.frechet_distance, 2) or 'unknown'}.",
        "",
        *table(
            ("shift of the class centroid", "1 - cosine", "relative distance"), rows
        ),
        "",
        "A class's shift is from the mean representation of its synthetic images to "
        "that of these: 1 less their cosine, and their distance over the length of "
        "the synthetic one.",
    ]
