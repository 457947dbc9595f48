"""What an evaluation adds to a data set's section of the report."""

from byel_tf.evaluation.comparison import Comparison
from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.markdown import cell, interval, number
from byel_tf.evaluation.run import Evaluation

_PROBE_NAMES = {"linear_probe": "linear probe", "nearest_neighbours": "k-NN (cosine)"}


def detail_lines(evaluation: Evaluation) -> list[str]:
    """Comparisons, probes and domain gap as lines of Markdown."""
    lines = []
    if evaluation.comparisons:
        lines += [
            "",
            "### Beside other models",
            "",
            "| other model | its macro F1 | difference | 95 % interval "
            "| only this one right | only the other | McNemar's exact p |",
            "|---|---:|---:|---|---:|---:|---:|",
        ]
        lines += [_comparison(n, c) for n, c in evaluation.comparisons.items()]
        lines += [
            "",
            "Differences: this model's macro F1 less the other's, on the same images.",
        ]
    if evaluation.probes:
        lines += [
            "",
            "### Frozen representation",
            "",
            "| learned from synthetic images | macro F1 | accuracy |",
            "|---|---:|---:|",
        ]
        for name, scores in evaluation.probes.items():
            lines.append(
                f"| {_PROBE_NAMES[name]} | {number(scores['macro_f1'])} | "
                f"{number(scores['accuracy'])} |"
            )
    if evaluation.domain_gap:
        lines += _gap(evaluation.domain_gap)
    return lines


def _comparison(name: str, comparison: Comparison) -> str:
    test = comparison.mcnemar
    return (
        f"| {cell(name)} | {number(comparison.other_macro_f1)} | "
        f"{comparison.difference:+.4f} | {interval(comparison.interval)} | "
        f"{test.first_only} | {test.second_only} | {test.p_value:.3g} |"
    )


def _gap(gap: DomainGap) -> list[str]:
    lines = [
        "",
        "### Distance from synthetic images",
        "",
        f"{gap.count} images, {gap.reference_count} synthetic ones. A linear probe "
        f"tells them apart with accuracy {number(gap.domain_accuracy) or 'unknown'} "
        "(0.5: not at all); Fréchet distance of the representations "
        f"{number(gap.frechet_distance, 2) or 'unknown'}.",
        "",
        "| shift of the class centroid | 1 - cosine | relative distance |",
        "|---|---:|---:|",
    ]
    for name, shift in gap.centroid_shift.items():
        shift = shift or {"cosine": None, "euclidean": None}
        lines.append(
            f"| {cell(name)} | {number(shift['cosine'])} | "
            f"{number(shift['euclidean'])} |"
        )
    return lines
