"""All methods on all data sets: numbers for `results.json` and for the screen."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from byel_tf.adaptation.export import SourceModel
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.images import read_split
from byel_tf.adaptation.orders import ORDERS
from byel_tf.adaptation.protocol import BATCHES, Case, Protocol
from byel_tf.adaptation.settings import MethodSettings
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.errors import RunError
from byel_tf.progress import progress

# Two offline ones, and the online ones.
_CASES = 2 + len(ORDERS) * len(BATCHES)

#: The cases of each method, by data set and method.
Cases = Mapping[str, Mapping[str, Sequence[Case]]]


def compare_methods(
    model: SourceModel,
    datasets: Sequence[PreparedDataset],
    split: str,
    methods: Sequence[str],
    settings: MethodSettings,
    guard: Guard | None,
    limit: int,
) -> dict[str, dict[str, list[Case]]]:
    """Runs the protocol.

    Args:
      model: The export that is adapted.
      datasets: Prepared data sets of its classes.
      split: The split that adapts and is scored.
      methods: Names of the methods.
      settings: Those of the methods.
      guard: What keeps from harm; None for nothing.
      limit: Most images of a data set.

    Raises:
      RunError: If a data set has fewer than two labelled images, or cannot be read.
    """
    found = {}
    for dataset in datasets:
        count = dataset.manifest.splits[split].count
        with progress(count, "image", f"{dataset.name} read") as bar:
            images, labels = read_split(
                dataset,
                split,
                int(model.facts["image_size"]),
                limit,
                settings.seed,
                bar.update,
            )
        if len(labels) < 2:
            raise RunError(
                f"data set {dataset.name} ({dataset.path}) has {len(labels)} labelled "
                f"images in its {split} split: --adapt needs one half to adapt to and "
                "one to score"
            )
        _, logits = model.running.outputs(images)
        protocol = Protocol(
            model.running, model.source, images, labels, settings, guard, logits
        )
        found[dataset.name] = {}
        for method in methods:
            with progress(_CASES, "case", f"{dataset.name} {method}") as bar:
                found[dataset.name][method] = protocol.cases(method, bar.update)
    return found


def comparison_json(
    found: Cases, settings: MethodSettings, guard: Guard | None
) -> dict[str, Any]:
    """The entry in `results.json`.

    Args:
      found: As of `compare_methods`.
      settings: Those of the methods.
      guard: What kept from harm.
    """
    return {
        "settings": dataclasses.asdict(settings),
        "guard": guard and dataclasses.asdict(guard),
        "datasets": {
            name: {
                method: {
                    "worst_difference": worst_case(cases).difference,
                    "cases": [case.to_json() for case in cases],
                }
                for method, cases in of_set.items()
            }
            for name, of_set in found.items()
        },
    }


def worst_case(cases: Sequence[Case]) -> Case:
    """The one with the least difference to no adaptation."""
    return min(cases, key=lambda case: case.difference)


def comparison_table(found: Cases) -> str:
    """Rows of the screen: macro F1 without, and the differences of every way.

    Args:
      found: As of `compare_methods`.
    """
    header = ("data set", "method", "none", "offline")
    rows = [(*header, *(f"{order} {_batches(BATCHES)}" for order in ORDERS), "worst")]
    for name, of_set in found.items():
        for method, cases in of_set.items():
            offline = [case for case in cases if case.mode == "offline"]
            cells = [
                _differences([c for c in cases if c.mode == "online" and c.order == o])
                for o in ORDERS
            ]
            none = sum(case.unadapted for case in offline) / len(offline)
            worst = worst_case(cases)
            rows.append(
                (
                    name,
                    method,
                    f"{none:.4f}",
                    _differences(offline),
                    *cells,
                    f"{worst.difference:+.4f}",
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(["macro F1 beside no adaptation:", *lines])


def _differences(cases: Sequence[Case]) -> str:
    return " ".join(f"{case.difference:+.3f}" for case in cases)


def _batches(batches: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, batches)) + ")"
