"""An evaluation from exports and prepared data sets to all its numbers."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from byel_tf.data.manifest import (
    PreparedDataset,
    require_classes,
    require_split,
)
from byel_tf.errors import RunError
from byel_tf.evaluation.assess import Assessment, assess
from byel_tf.evaluation.comparison import Comparison, compare
from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.evaluate import (
    LOGITS,
    REPRESENTATION,
    predict_records,
)
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.probe_set import ProbeSet
from byel_tf.evaluation.settings import Settings, bar
from byel_tf.serving.load import ExportedModel


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All numbers of one data set.

    Attributes:
      dataset: The data set.
      split: The split that was scored.
      assessment: Scores, intervals and calibration.
      predictions: The model's predictions, with representations.
      comparisons: With each other model, by its name.
      probes: macro_f1 and accuracy of "linear_probe" and "nearest_neighbours".
      domain_gap: From the synthetic data set, or None.
    """

    dataset: PreparedDataset
    split: str
    assessment: Assessment
    predictions: Predictions
    comparisons: dict[str, Comparison]
    probes: dict[str, dict[str, float]]
    domain_gap: DomainGap | None

    def is_of(self, dataset: PreparedDataset, split: str) -> bool:
        """Whether these are the images of a split of a data set."""
        is_same = self.dataset.manifest_sha256 == dataset.manifest_sha256
        return is_same and self.split == split

    def to_json(self) -> dict[str, Any]:
        """The data set's entry in `results.json`."""
        content = {**self.assessment.to_json(), **self.probes}
        if self.comparisons:
            content["comparisons"] = {
                name: dataclasses.asdict(c) for name, c in self.comparisons.items()
            }
        if self.domain_gap:
            content["domain_gap"] = dataclasses.asdict(self.domain_gap)
        return content


def require_usable(
    models: Mapping[str, ExportedModel],
    datasets: Sequence[PreparedDataset],
    probe_data: PreparedDataset | None,
    split: str,
) -> None:
    """Refuses what the evaluation would trip over, before anything is computed.

    Raises:
      RunError: If class lists differ, or a data set lacks the split.
    """
    (name, model), *others = models.items()
    for other_name, other in others:
        if other.classes != model.classes:
            raise RunError(
                f"{other_name} has the classes {', '.join(other.classes)}, {name} has "
                f"{', '.join(model.classes)}: only models of the same classes, in the "
                "same order, can be compared"
            )
    for dataset in datasets:
        require_classes(dataset, model.classes)
        require_split(dataset, split, "report on")
    if probe_data:
        require_classes(probe_data, model.classes)
        if not probe_data.manifest.splits:
            raise RunError(f"data set {probe_data.name} ({probe_data.path}) is empty")


def evaluate_dataset(
    models: Mapping[str, ExportedModel],
    dataset: PreparedDataset,
    probe_set: ProbeSet | None,
    settings: Settings,
) -> Evaluation:
    """Evaluates the first of the models, beside the others, on one data set.

    Args:
      models: Exported models of the same classes, by name.
      dataset: A prepared data set of the same classes.
      probe_set: What was learned from the synthetic data set with the first model.
      settings: How.

    Raises:
      RunError: As `predict_records` does.
    """
    keep = (LOGITS, REPRESENTATION)
    count = dataset.manifest.splits[settings.split].count
    every = {}
    for index, (name, model) in enumerate(models.items()):
        with bar(count, f"{dataset.name}, {name}") as advance:
            every[name] = predict_records(
                model.signature,
                dataset,
                settings.split,
                settings.batch_size,
                () if index else keep,
                advance=advance,
            )
    name, *others = every
    model, predictions = models[name], every[name]
    assessment = assess(
        predictions,
        model.classes,
        exported_temperature(model),
        probe_set and probe_set.temperature,
        settings.resamples,
        settings.seed,
    )
    labelled = predictions.labelled()
    comparisons = {
        other: compare(
            labelled.labels,
            labelled.predicted,
            every[other].labelled().predicted,
            len(model.classes),
            labelled.subjects,
            settings.resamples,
            settings.seed,
        )
        for other in others
    }
    return Evaluation(
        dataset,
        settings.split,
        assessment,
        predictions,
        comparisons,
        probe_set.score_probes(predictions, model.classes) if probe_set else {},
        probe_set and probe_set.measure_gap(dataset, predictions, settings),
    )


def exported_temperature(model: ExportedModel) -> float | None:
    """The temperature of an export, as far as its metadata say."""
    temperature = model.metadata.get("temperature")
    if not isinstance(temperature, int | float) or not math.isfinite(temperature):
        return None
    return temperature
