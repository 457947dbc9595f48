"""The summary for people: `summary.md`, and the same on the screen."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.comparison.variants import shown

_HEADER = (
    "variant",
    "seeds",
    "macro F1",
    "95 % interval",
    "lowest to highest seed",
    "difference",
    "95 % interval",
)


def summary_markdown(summary: Mapping[str, Any]) -> str:
    """Writes the summary as Markdown that can be read as it is.

    Args:
      summary: Content of `summary.json`.
    """
    first, *others = summary["variants"]
    lines = ["# Comparison", ""]
    for name, variant in summary["variants"].items():
        seeds = ", ".join(map(str, variant["seeds"]))
        seconds = [s for s in variant["wall_seconds"] if s is not None]
        duration = f", {statistics.mean(seconds):,.0f} s a run" if seconds else ""
        lines.append(f"- {name}: `{variant['flags']}` (seeds {seeds}{duration})")
        if name != first:
            changed = ", ".join(
                f"--{flag}={shown(now)} ({shown(was)})"
                for flag, (was, now) in variant["unlike_first"].items()
            )
            lines.append(f"  In effect, unlike {first}: {changed or 'nothing'}.")
    for name, result in summary["datasets"].items():
        rows = [_row(v, result, summary) for v in result["variants"]]
        lines += ["", f"## {name}, {result['images']:,} images", ""]
        lines += _table([_HEADER, *rows] if others else [_HEADER[:5], *rows])
    lines += ["", "## How to read it", "", *_explanation(summary), ""]
    return "\n".join(lines)


def _row(
    name: str, result: Mapping[str, Any], summary: Mapping[str, Any]
) -> tuple[str, ...]:
    variant = result["variants"][name]
    row = (
        name,
        str(len(variant["by_seed"])),
        f"{variant['macro_f1']:.4f}",
        _range(variant["interval"], ".4f"),
        _range((variant["lowest"], variant["highest"]), ".4f"),
    )
    if len(summary["variants"]) == 1:
        return row
    if name not in result["differences"]:
        return (*row, "", "")
    difference = result["differences"][name]
    return (
        *row,
        f"{difference['macro_f1']:+.4f}",
        _range(difference["interval"], "+.4f"),
    )


def _range(ends: Sequence[float], form: str) -> str:
    return f"{ends[0]:{form}} to {ends[1]:{form}}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as a Markdown table with columns under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(text.rjust(w) for text, w in others)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [line(rows[0]), line(rule), *map(line, rows[1:])]


def _explanation(summary: Mapping[str, Any]) -> list[str]:
    first, *others = summary["variants"]
    seeds = [len(variant["seeds"]) for variant in summary["variants"].values()]
    lines = [
        f"Macro F1 is the mean over a variant's seeds. Its interval is the 95 % "
        f"percentile bootstrap over images ({summary['resamples']:,} resamples, each "
        "the same for all runs): it covers other images of the same kind, scored by "
        "these very models.",
    ]
    if others and min(seeds) > 1:
        lines.append(
            f"A difference is to {first}. Its interval resamples images, the same for "
            "both variants, and seeds, of each variant anew: it covers other images of "
            "the same kind and other seeds. With few seeds it is rough: where seeds "
            "differ by more than single images, it holds the true difference with "
            "three seeds in about 88 cases of 100."
        )
    elif others:
        lines.append(
            f"A difference is to {first}. Its interval resamples images, the same for "
            "both variants, and seeds where there are several: of a variant with one "
            "seed it does not cover how much seeds differ, and is too narrow."
        )
    lines.append(
        "No interval covers other data sets, or training data that the runs share."
    )
    return [f"- {text}" for text in (*lines, *summary["notes"])]
