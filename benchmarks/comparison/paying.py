"""What the grid of `benchmarks.pays` has found: numbers, charts and words."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.comparison.folder import FinishedRun
from benchmarks.comparison.grid import CONTROL, Cell, controls
from benchmarks.comparison.summary import comparable_datasets, compare, remarks
from byel_tf.evaluation.report.figures import (
    class_colours,
    legend_columns,
    new_chart,
    to_png,
)

_OBJECTIVES = {
    "supervised": "labels and action units of the labelled faces alone",
    "fixmatch": "these, and FixMatch on all faces",
    "joint": "these and BYEL on the same passes, in one stage, on all faces",
    "byel": "BYEL on all faces, then supervised",
    "byol": "BYOL on all faces, then supervised",
    "joint_standard": "as joint, the target's directions being standardised",
    "byel_standard": "as byel, the target's directions being standardised",
    "byol_standard": "as byol, the target's directions being standardised",
    "joint_units": "as joint, the drawn movements being subtracted",
    "byel_units": "as byel, the drawn movements being subtracted",
}
_PAIRS = {
    "none": "both views from one picture",
    "label": "views from two pictures of one class",
    "expression": "from two persons with the same movements; what learns from labels "
    "sees both pictures, and so twice as many",
    "neutral": "from a face and its twin at rest",
}
_ON_FIXMATCH = (
    "- FixMatch has no label smoothing, for smoothed labels teach no answer as sure as "
    "its threshold; of images without labels it runs its weak view forward and "
    "backward as well, which it need not, and so has fewer epochs than a budget could."
)
_PROBES = ("linear_probe", "nearest_neighbours")
_CHART = (6.5, 5.0)


def found(
    cells: Sequence[Cell],
    finished: Sequence[FinishedRun],
    resamples: int,
    machine: str,
) -> dict[str, Any]:
    """The content of `pays.json`.

    Args:
      cells: The grid.
      finished: Its finished runs, at least one.
      resamples: Number of bootstrap resamples.
      machine: Date, processor and versions.

    Returns:
      "datasets": by name a list of points, one for each cell with finished runs:
      arm, share, budget, seeds, encoder passes (mean over seeds), macro F1 with
      interval and by seed, the probes' macro F1, and under the name of each of its
      `controls` of the same share and budget the difference to that, with interval and
      relative to its score; "notes".
    """
    names, notes = comparable_datasets(finished, ())
    by_name: dict[str, list[FinishedRun]] = {}
    for run in finished:
        by_name.setdefault(run.variant, []).append(run)
    points = {name: [] for name in names}
    places = dict.fromkeys((cell.budget, cell.share) for cell in cells)
    for budget, share in places:
        here = [c for c in cells if (c.budget, c.share) == (budget, share)]
        runs = {c.arm: by_name[c.name] for c in here if c.name in by_name}
        for name in names if runs else ():
            place = {"share": share, "budget": budget}
            points[name] += [place | point for point in _points(runs, name, resamples)]
    return {
        "control": CONTROL,
        "machine": machine,
        "resamples": resamples,
        "datasets": points,
        "notes": [*remarks(by_name), *notes],
    }


def _points(
    runs: Mapping[str, Sequence[FinishedRun]], dataset: str, resamples: int
) -> list[dict[str, Any]]:
    """What the arms of one share and budget score on a data set."""
    points = []
    for arm, group in runs.items():
        point = {
            "arm": arm,
            "encoder_passes": statistics.mean(
                sum(run.results["encoder_passes"].values()) for run in group
            ),
        }
        for probe in _PROBES:
            results = [run.results["datasets"][dataset].get(probe) for run in group]
            if all(results):
                point[probe] = statistics.mean(one["macro_f1"] for one in results)
        for control in controls(arm):
            if control != arm and control in runs:
                point[control] = _difference(runs, arm, control, dataset, resamples)
        points.append(point)
    scores = compare(runs, dataset, resamples)["variants"]
    return [point | scores[point["arm"]] for point in points]


def _difference(runs, arm: str, control: str, dataset: str, resamples: int):
    pair = {control: runs[control], arm: runs[arm]}
    found = compare(pair, dataset, resamples)
    difference, base = found["differences"][arm], found["variants"][control]
    macro_f1 = difference["macro_f1"]
    relative = {"relative": macro_f1 / base["macro_f1"]} if base["macro_f1"] else {}
    return {"difference": macro_f1, "interval": difference["interval"], **relative}


def charts(content: Mapping[str, Any]) -> dict[str, bytes]:
    """Curves over passes at each share, and over shares at the largest budget of all.

    Args:
      content: That of `pays.json`.

    Returns:
      PNG files by name, without folder.
    """
    made = {}
    for number, (dataset, points) in enumerate(content["datasets"].items()):
        shares = list(dict.fromkeys(point["share"] for point in points))
        for share in shares:
            chosen = [point for point in points if point["share"] == share]
            made[f"pays-{number}-share{share:g}.png"] = _chart(
                chosen,
                "encoder_passes",
                "encoder passes",
                f"{dataset}: {100 * share:g} % labelled",
            )
        budgets = [{p["budget"] for p in points if p["share"] == s} for s in shares]
        if common := set.intersection(*budgets):
            chosen = [point for point in points if point["budget"] == max(common)]
            made[f"pays-{number}-shares.png"] = _chart(
                chosen,
                "share",
                "share of the persons that is labelled",
                f"{dataset}: budget {max(common)}",
            )
    return made


def _chart(points: Sequence[Mapping[str, Any]], x: str, label: str, title: str):
    """Macro F1 of each arm with its interval over the seeds' images."""
    figure, axes = new_chart(_CHART)
    arms = list(dict.fromkeys(point["arm"] for point in points))
    for arm, colour in zip(arms, class_colours(len(arms)), strict=True):
        own = sorted((p for p in points if p["arm"] == arm), key=lambda p: p[x])
        middle = [point["macro_f1"] for point in own]
        # A mean may lie at the end of its percentile interval, not beyond a chart's.
        errors = [
            [max(p["macro_f1"] - p["interval"][0], 0) for p in own],
            [max(p["interval"][1] - p["macro_f1"], 0) for p in own],
        ]
        style = {"lw": 2.5, "ls": "--"} if arm == CONTROL else {}
        axes.errorbar(
            [point[x] for point in own],
            middle,
            errors,
            label=arm,
            color=colour,
            marker="o",
            ms=3,
            capsize=2,
            **style,
        )
    axes.set(xlabel=label, ylabel="macro F1", title=title, xscale="log")
    axes.grid(alpha=0.3)
    columns = legend_columns(arms, most=3)
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return to_png(figure)


def document(
    content: Mapping[str, Any],
    command: str,
    folder: str,
    names: Sequence[str],
    kept: str | None = None,
) -> str:
    """The document: what pays first, then every number.

    Args:
      content: That of `pays.json`.
      command: What makes it again.
      folder: Of the charts, as seen from the document.
      names: File names of the charts.
      kept: Folder of the runs' results, as seen from the document; None if they are
        not beside it.
    """
    lines = [
        "# When BYEL pays",
        "",
        f"Every arm against `{content['control']}` of the same label share and budget "
        "of encoder passes; a backward pass counts as two, and only training counts. "
        "A budget of N is the encoder passes of N epochs of supervised training over "
        "all images; no arm takes more. All arms of a share have one recipe, made for "
        "supervised training of all labels, or of few where the command has "
        "--few_labels_flagfile; the epoch is the best on the validation split, whose "
        "labels are all known at every share. Who has more epochs in a budget chooses "
        "among more. Made by:",
        "",
        f"    {command}",
        "",
        f"Last made: {content['machine']}.{_kept(kept)}",
        "",
        "The paper's own gain is 2.8 % of its baseline's score (macro F1 from 0.30 to "
        "0.3084; arXiv 2207.10003).",
        "",
        *_legend(next(iter(content["datasets"].values()), [])),
        "",
    ]
    for number, (dataset, points) in enumerate(content["datasets"].items()):
        lines += [f"## {dataset}", "", *_verdict(points), ""]
        own = [name for name in names if name.startswith(f"pays-{number}-")]
        lines += [f"![{name}]({folder}/{name})" for name in own]
        lines += ["", *_table(points), ""]
    lines += ["## How to read it", ""]
    lines += [
        "- Macro F1 is the mean over the seeds; its 95 % interval resamples images. A "
        "difference's interval resamples images, the same for both, and seeds, of "
        "each arm apart: below a share of 1 it is wider than it need be, for one seed "
        "labels the same persons in all arms. With three seeds it holds the true "
        "difference in about 88 cases of 100 where seeds differ by more than single "
        "images.",
        "- An arm pays where the intervals of its differences lie above 0: to the "
        "control, and where it learns from second pictures with labels, to supervised "
        "training on these.",
        "- Of many arms one lies above the control by chance: believe an arm that does "
        "so on several data sets of other images. Two sets of labels of the same "
        "images are one.",
        "- Linear probe and neighbours learn from the representations of the training "
        "images whose labels the arm has.",
        *([_ON_FIXMATCH] if _is_trained(content, "fixmatch") else []),
        "- Drawn pairs are the renderer's knowledge: at a share below 1, faces without "
        "a label have them as well. Photographs have none.",
        *(f"- {note}" for note in content["notes"]),
        "",
    ]
    return "\n".join(lines)


def _kept(folder: str | None) -> str:
    if folder is None:
        return ""
    return (
        f" Every run's results are in [{folder}/]({folder}/): copied to the folder "
        "--output of the command, they are read in place of training, and this page "
        "is computed anew."
    )


def _is_trained(content: Mapping[str, Any], objective: str) -> bool:
    points = [point for some in content["datasets"].values() for point in some]
    return any(point["arm"].startswith(f"{objective}-") for point in points)


def _legend(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """What arms are called, as objective-pairs."""
    arms = [point["arm"].split("-") for point in points]
    lines = ["An arm is named after what learns and what its pairs show:", ""]
    for names, number in ((_OBJECTIVES, 0), (_PAIRS, 1)):
        known = {arm[number] for arm in arms}
        lines += [f"- `{n}`: {text}" for n, text in names.items() if n in known]
    return lines


def _verdict(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each share and budget the best arm with bootstrapping, and without."""
    lines = []
    for share, budget in dict.fromkeys((p["share"], p["budget"]) for p in points):
        here = [p for p in points if (p["share"], p["budget"]) == (share, budget)]
        arms = [point for point in here if CONTROL in point]
        kinds = {
            "best with bootstrapping": [p for p in arms if _bootstraps(p["arm"])],
            "best without": [p for p in arms if not _bootstraps(p["arm"])],
        }
        best = [
            f"{kind}: {_against(max(some, key=lambda p: p[CONTROL]['difference']))}"
            for kind, some in kinds.items()
            if some
        ]
        if best:
            place = f"{100 * share:g} % labelled, budget {budget}"
            lines.append(f"- {place}: {'; '.join(best)}.")
    return lines or ["- Nothing is finished that the control can be compared to."]


def _bootstraps(arm: str) -> bool:
    return not arm.startswith(("supervised", "fixmatch"))


def _against(point: Mapping[str, Any]) -> str:
    """An arm beside its controls; it pays where every interval lies above 0."""
    others = [name for name in controls(point["arm"]) if name != point["arm"]]
    known = [name for name in others if name in point]
    missing = [f"`{name}`" for name in others if name not in point]
    seeds = len(point["by_seed"])
    pays = all(point[name]["interval"][0] > 0 for name in known)
    verdict = "pays" if pays else "does not pay"
    if missing and pays:
        verdict = f"may pay, {' and '.join(missing)} being unfinished"
    if seeds == 1:
        verdict += " (one seed, which says little)"
    words = [f"{_signed(point[name])} against `{name}`" for name in known]
    return f"`{point['arm']}`, {verdict}: {', '.join(words)}"


def _signed(difference: Mapping[str, Any]) -> str:
    low, high = difference["interval"]
    relative = f", {difference['relative']:+.1%}" if "relative" in difference else ""
    return f"{difference['difference']:+.4f} ({low:+.4f} to {high:+.4f}{relative})"


def _table(points: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "| labelled | budget | arm | encoder passes | macro F1 | difference | "
        "to supervised on the same pictures | linear probe | neighbours | seeds |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for p in points:
        low, high = p["interval"]
        same = controls(p["arm"])[1:]
        cells = [
            f"{100 * p['share']:g} %",
            str(p["budget"]),
            p["arm"],
            f"{p['encoder_passes']:,.0f}",
            f"{p['macro_f1']:.4f} ({low:.4f} to {high:.4f})",
            _signed(p[CONTROL]) if CONTROL in p else "",
            "".join(_signed(p[name]) for name in same if name in p),
            *(f"{p[probe]:.4f}" if probe in p else "" for probe in _PROBES),
            str(len(p["by_seed"])),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
