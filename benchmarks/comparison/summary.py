"""What finished runs say: scores, their intervals, and what these cover."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.comparison.folder import FinishedRun
from benchmarks.comparison.variants import Run, flag_differences, run_name
from byel_tf.errors import RunError
from byel_tf.evaluation.bootstrap import (
    count_confusions,
    macro_f1,
    percentile_interval,
    resampled_macro_f1,
    resampled_means,
)

# The same runs always give the same intervals.
_BOOTSTRAP_SEED = 1993


def summarize(
    flags: Mapping[str, str],
    planned: Mapping[str, Run],
    finished: Sequence[FinishedRun],
    asked: Sequence[str],
    resamples: int,
) -> dict[str, Any]:
    """The content of `summary.json`.

    Args:
      flags: Each variant's flags for people, the first variant first.
      planned: Every run by name.
      finished: The finished ones, at least one.
      asked: Names of the data sets to report; all if empty.
      resamples: Number of bootstrap resamples.

    Raises:
      RunError: If no data set, or not one that was asked for, can be compared.
    """
    runs = {
        name: group
        for name in flags
        if (group := [run for run in finished if run.variant == name])
    }
    first = next(iter(runs))
    # Of one seed, since {seed} may stand in the flags.
    configs = {run.variant: run.config for run in reversed(planned.values())}
    names, notes = comparable_datasets(finished, asked)
    missing = planned.keys() - {run_name(run.variant, run.seed) for run in finished}
    if missing:
        notes.append(f"Not finished, and missing above: {', '.join(sorted(missing))}.")
    return {
        "level": 0.95,
        "resamples": resamples,
        "variants": {
            name: {
                "flags": flags[name],
                "seeds": [run.seed for run in group],
                "wall_seconds": [
                    None if run.continued else run.wall_seconds for run in group
                ],
                "unlike_first": {
                    flag: [was, now]
                    for flag, was, now in flag_differences(
                        configs[first], configs[name]
                    )
                },
            }
            for name, group in runs.items()
        },
        "datasets": {name: compare(runs, name, resamples) for name in names},
        "notes": [*remarks(runs), *notes],
    }


def comparable_datasets(
    runs: Sequence[FinishedRun], asked: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Data sets whose images are the same in all runs.

    Args:
      runs: The runs.
      asked: Names to report; all if empty.

    Returns:
      Their names, and a note on each that is left out.

    Raises:
      RunError: If one that was asked for, or every one, has to be left out.
    """
    found = dict.fromkeys(name for run in runs for name in run.predictions)
    names, notes = [], []
    for name in asked or found:
        missing = [_title(run) for run in runs if name not in run.predictions]
        reason = None
        if missing:
            reason = f"not reported by {', '.join(missing)}"
        elif len({run.data_hash(f"eval_data {name}") for run in runs}) > 1:
            reason = "its files are not the same in all runs"
        elif not runs[0].predictions[name]["labels"]:
            reason = "none of its images has a label"
        if reason is None:
            names.append(name)
        elif asked:
            raise RunError(f"data set {name} cannot be compared: {reason}")
        else:
            notes.append(f"{name} is left out: {reason}.")
    if not names:
        raise RunError(f"no data set can be compared: {' '.join(notes)}")
    return names, notes


def compare(
    runs: Mapping[str, Sequence[FinishedRun]], dataset: str, resamples: int
) -> dict[str, Any]:
    """Scores of each variant, and its difference to the first, with intervals.

    Args:
      runs: Finished runs by variant, none without.
      dataset: Name of a data set that all of them report.
      resamples: Number of bootstrap resamples.

    Returns:
      "images", "variants" and "differences", as in `summary.json`.
    """
    every = [run for group in runs.values() for run in group]
    num_classes = len(every[0].results["classes"])
    labels = np.array(every[0].predictions[dataset]["labels"])
    predictions = np.array([run.predictions[dataset]["predicted"] for run in every])
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    scores = macro_f1(count_confusions(labels, predictions, num_classes))
    resampled = resampled_macro_f1(labels, predictions, num_classes, resamples, rng)
    variants, differences, columns, start = {}, {}, {}, 0
    for name, group in runs.items():
        own = columns[name] = slice(start, start + len(group))
        start = own.stop
        variants[name] = {
            "macro_f1": float(scores[own].mean()),
            "interval": percentile_interval(resampled[:, own].mean(axis=1)),
            "lowest": float(scores[own].min()),
            "highest": float(scores[own].max()),
            "by_seed": {
                str(run.seed): float(score)
                for run, score in zip(group, scores[own], strict=True)
            },
        }
    first, *others = runs
    for name in others:
        differences[name] = {
            "to": first,
            "macro_f1": variants[name]["macro_f1"] - variants[first]["macro_f1"],
            "interval": percentile_interval(
                resampled_means(resampled[:, columns[name]], rng)
                - resampled_means(resampled[:, columns[first]], rng)
            ),
        }
    return {"images": len(labels), "variants": variants, "differences": differences}


def remarks(runs: Mapping[str, Sequence[FinishedRun]]) -> list[str]:
    """What a reader has to know of how the runs came about, in sentences."""
    notes = []
    for name, group in runs.items():
        if any(run.results["selection"] == "real" for run in group):
            notes.append(f"{name} selected its epoch on other data than synthetic.")
    data = {
        name: {run.data_hash("train_data") for run in group}
        for name, group in runs.items()
    }
    if len(set().union(*data.values())) == 1:
        notes.append("All runs were trained on the same data.")
    for name, hashes in data.items():
        if len(hashes) > 1:
            notes.append(f"The training data of {name} depend on the seed.")
    if len(set(map(frozenset, data.values()))) > 1:
        notes.append("The variants were not trained on the same data.")
    for key in ("byel_tf", "git_commit", "python", "packages", "devices"):
        by_value: dict[str, set[str]] = {}
        for name, group in runs.items():
            for run in group:
                by_value.setdefault(str(run.run.get(key)), set()).add(name)
        if len(by_value) > 1:
            values = (
                f"{value} ({', '.join(sorted(names))})"
                for value, names in sorted(by_value.items())
            )
            notes.append(f"Not all runs have the same {key}: {'; '.join(values)}.")
    return notes


def _title(run: FinishedRun) -> str:
    return f"{run.variant} (seed {run.seed})"
