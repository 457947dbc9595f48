"""What an evaluation leaves: report, results and tables of predictions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.predictions import predictions_csv
from byel_tf.evaluation.report.build import Report


def evaluation_files(
    report: Report,
    evaluations: Mapping[str, Evaluation],
    classes: Sequence[str],
    results: Mapping[str, Any],
) -> Iterator[tuple[str, str | bytes]]:
    """The files of an evaluation, by name, one after the other.

    Args:
      report: What the report says.
      evaluations: Of each data set, by name.
      classes: Names of the classes.
      results: As `results_content` gave them.
    """
    yield from report.files().items()
    for name, evaluation in evaluations.items():
        table = predictions_csv(evaluation.predictions, classes)
        yield f"predictions/{name}.csv", table
    yield "results.json", json.dumps(results, indent=2, ensure_ascii=False) + "\n"


def results_content(
    evaluations: Mapping[str, Evaluation],
    classes: Sequence[str],
    content: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of `results.json`.

    Args:
      evaluations: Of each data set, by name.
      classes: Names of the classes.
      content: What it states besides.
    """
    return {
        "classes": list(classes),
        **content,
        "datasets": {name: e.to_json() for name, e in evaluations.items()},
    }
