"""An evaluation from exports and prepared data sets to all its numbers."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from byel_tf.data.prepared_dataset import (
    PreparedDataset,
    require_classes,
    require_split,
)
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.evaluation.action_units import UnitScores, score_action_units
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
from byel_tf.evaluation.scored_classes import ScoredClasses, choose_scored_classes
from byel_tf.evaluation.settings import Settings, bar
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.load import ExportedModel


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All numbers of one data set.

    Attributes:
      dataset: The data set.
      split: The split that was scored.
      assessment: Scores, intervals and calibration.
      predictions: The model's predictions, with representations, among all its
        classes.
      comparisons: With each other model, by its name.
      probes: macro_f1 and accuracy of "linear_probe" and "nearest_neighbours".
      domain_gap: From the synthetic data set, or None.
      scored: The classes that counted; None for all.
      images_left_out: Images of classes that did not count.
      action_units: Scores of each action unit, by its name; empty where the model
        gives none or the data set has none.
    """

    dataset: PreparedDataset
    split: str
    assessment: Assessment
    predictions: Predictions
    comparisons: dict[str, Comparison]
    probes: dict[str, dict[str, float]]
    domain_gap: DomainGap | None
    scored: ScoredClasses | None = None
    images_left_out: int = 0
    action_units: dict[str, UnitScores] = dataclasses.field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that counted."""
        return tuple(self.assessment.scores.per_class)

    @property
    def scored_predictions(self) -> Predictions:
        """Predictions of the images that counted, among the classes that did."""
        if self.scored is None:
            return self.predictions.labelled()
        return self.scored.narrow(self.predictions)

    @property
    def note(self) -> str | None:
        """Says which classes did not count; None if all did."""
        return self.scored and self.scored.words(self.images_left_out)

    def is_of(self, dataset: PreparedDataset, split: str) -> bool:
        """Whether these are the images of a split of a data set."""
        is_same = self.dataset.manifest_sha256 == dataset.manifest_sha256
        return is_same and self.split == split

    def to_json(self) -> dict[str, Any]:
        """The data set's entry in `results.json`."""
        content = {**self.assessment.to_json(), **self.probes}
        if self.scored:
            content |= self.scored.to_json(self.images_left_out)
        if self.action_units:
            content[ACTION_UNITS] = {
                name: dataclasses.asdict(u) for name, u in self.action_units.items()
            }
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
    classes: Sequence[str] = (),
) -> None:
    """Refuses what the evaluation would trip over, before anything is computed.

    Args:
      models: Exported models, by name.
      datasets: Those to score them on.
      probe_data: The synthetic one, or None.
      split: The split that is scored.
      classes: The only ones that are to count; none for all.

    Raises:
      RunError: If models' class lists differ, or a data set has classes that cannot be
        scored or lacks the split.
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
        choose_scored_classes(model.classes, dataset, classes)
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
      dataset: A prepared data set of the same classes, or of some of them.
      probe_set: What was learned from the synthetic data set with the first model.
      settings: How.

    Raises:
      RunError: As `predict_records` does.
    """
    keep = [LOGITS, REPRESENTATION]
    model = next(iter(models.values()))
    if model.action_units and dataset.manifest.action_units:
        keep.append(ACTION_UNITS)
    scored = choose_scored_classes(model.classes, dataset, settings.classes)
    count = dataset.manifest.splits[settings.split].count
    every = {}
    for index, (name, model) in enumerate(models.items()):
        with bar(count, f"{dataset.name}, {name}") as advance:
            found = predict_records(
                model.signature,
                dataset,
                settings.split,
                settings.batch_size,
                () if index else keep,
                advance=advance,
            )
            left_out = int((found.labels != UNLABELLED).sum())
            every[name] = scored.restrict(found)
    name, *others = every
    model, predictions = models[name], every[name]
    left_out -= int((predictions.labels != UNLABELLED).sum())
    assessment = assess(
        scored.narrow(predictions),
        scored.names,
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
        probe_set.score_probes(predictions, model.classes, scored.columns)
        if probe_set
        else {},
        probe_set and probe_set.measure_gap(dataset, predictions, settings),
        scored,
        left_out,
        _score_action_units(model, dataset, predictions),
    )


def _score_action_units(
    model: ExportedModel, dataset: PreparedDataset, predictions: Predictions
) -> dict[str, UnitScores]:
    if predictions.action_units is None:
        return {}
    return score_action_units(
        predictions.action_units,
        model.action_units,
        predictions.true_action_units,
        dataset.manifest.action_units,
    )


def exported_temperature(model: ExportedModel) -> float | None:
    """The temperature of an export, as far as its metadata say."""
    temperature = model.metadata.get("temperature")
    if not isinstance(temperature, int | float) or not math.isfinite(temperature):
        return None
    return temperature
