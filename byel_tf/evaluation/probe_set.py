"""What a synthetic data set teaches about a model: probes, temperature, domain gap."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.evaluation.calibration import fit_temperature
from byel_tf.evaluation.domain_gap import DomainGap, measure_domain_gap
from byel_tf.evaluation.evaluate import (
    LOGITS,
    REPRESENTATION,
    Signature,
    predict_records,
)
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.probes import Probes, fit_probes, most_probable
from byel_tf.evaluation.settings import DEFAULT_PROBE_IMAGES, Settings, bar
from byel_tf.serving.load import ExportedModel

# Where the domain gap is measured from: best what the encoder never saw.
_GAP_SPLITS = ("test", "validation", "train")


@dataclasses.dataclass(frozen=True)
class ProbeSet:
    """What is known of the synthetic data set.

    Attributes:
      dataset: The data set.
      probes: Fitted on its train split, or None if it has none.
      temperature: Fitted on its validation split, or None if it has none.
      gap_split: The split that the domain gap is measured from.
      gap_predictions: Those of that split.
    """

    dataset: PreparedDataset
    probes: Probes | None
    temperature: float | None
    gap_split: str
    gap_predictions: Predictions

    def to_json(self) -> dict[str, Any]:
        """The data set's entry in `results.json`."""
        return {
            "name": self.dataset.name,
            "sha256": self.dataset.manifest_sha256,
            "temperature": self.temperature,
            "probe_images": self.probes.count if self.probes else 0,
            "gap_split": self.gap_split,
        }

    def score_probes(
        self,
        predictions: Predictions,
        classes: Sequence[str],
        columns: Sequence[int] | None = None,
    ) -> dict[str, dict[str, float]]:
        """Scores the probes on representations of labelled images.

        Args:
          predictions: With representations.
          classes: Names of the classes.
          columns: Indices of those that count; None for all.

        Returns:
          macro_f1 and accuracy of "linear_probe" and of "nearest_neighbours"; nothing
          without probes.
        """
        if not self.probes:
            return {}
        labelled = predictions.labelled()
        scored = {}
        for name, probe in (
            ("linear_probe", self.probes.linear),
            ("nearest_neighbours", self.probes.neighbours),
        ):
            predicted = probe.predict(labelled.representations)
            if columns is not None and len(columns) < len(classes):
                predicted = most_probable(probe, labelled.representations, columns)
            scores = score(labelled.labels, predicted, classes)
            scored[name] = {"macro_f1": scores.macro_f1, "accuracy": scores.accuracy}
        return scored

    def measure_gap(
        self, dataset: PreparedDataset, predictions: Predictions, settings: Settings
    ) -> DomainGap | None:
        """Measures how far a data set is from the synthetic one.

        Args:
          dataset: The data set.
          predictions: Those of its scored split, with representations.
          settings: How.

        Returns:
          The distances; None where both are the very same images.
        """
        is_same = self.dataset.manifest_sha256 == dataset.manifest_sha256
        if is_same and self.gap_split == settings.split:
            return None
        rng = np.random.default_rng(settings.seed)
        drawn = rng.permutation(len(predictions.labels))[: settings.probe_images]
        return measure_domain_gap(
            self.gap_predictions.representations,
            self.gap_predictions.labels,
            predictions.representations[drawn],
            predictions.labels[drawn],
            self.dataset.manifest.classes,
            settings.seed,
        )


def learn_probe_set(
    model: ExportedModel,
    dataset: PreparedDataset,
    settings: Settings,
    fitted_temperature: float | None = None,
    labelled: np.ndarray | None = None,
) -> ProbeSet:
    """Fits probes and a temperature on a synthetic data set.

    Args:
      model: The exported model, of the same classes.
      dataset: The data set, not empty; splits that it lacks are done without.
      settings: How.
      fitted_temperature: One that was fitted on its validation split before; None to
        fit it here.
      labelled: Whether the label of each of its training images is known, (count,),
        bool; None for all. Probes learn from these.

    Raises:
      RunError: As `predict_records` and `fit_probes` do.
    """
    splits = dataset.manifest.splits

    def predict(split: str, among: np.ndarray | None = None) -> Predictions:
        count = splits[split].count if among is None else int(among.sum())
        count = min(count, settings.probe_images)
        with bar(count, f"{dataset.name} {split}") as advance:
            return predict_records(
                model.signature,
                dataset,
                split,
                settings.batch_size,
                (REPRESENTATION,),
                settings.probe_images,
                advance,
                among,
            )

    probes = temperature = None
    if "train" in splits:
        learned = predict("train", labelled).labelled()
        probes = fit_probes(learned.representations, learned.labels)
    if "validation" in splits and fitted_temperature is not None:
        temperature = fitted_temperature
    elif "validation" in splits:
        count = min(splits["validation"].count, settings.probe_images)
        with bar(count, f"{dataset.name} validation") as advance:
            temperature = fit_held_out(
                model.signature, dataset, settings.probe_images, advance
            )
    gap_split = next(name for name in _GAP_SPLITS if name in splits)
    return ProbeSet(dataset, probes, temperature, gap_split, predict(gap_split))


def fit_held_out(
    signature: Signature,
    dataset: PreparedDataset,
    limit: int = DEFAULT_PROBE_IMAGES,
    advance: Callable[[int], object] | None = None,
) -> float:
    """The temperature that fits a data set's validation split best.

    Args:
      signature: Gives `logits`.
      dataset: A prepared data set of the same classes.
      limit: Most images.
      advance: Called with the number of images done.

    Returns:
      The temperature, as `fit_temperature` says; 1 if there is no such split.

    Raises:
      RunError: As `predict_records` does.
    """
    if "validation" not in dataset.manifest.splits:
        return 1.0
    predictions = predict_records(
        signature, dataset, "validation", keep=(LOGITS,), limit=limit, advance=advance
    ).labelled()
    return fit_temperature(predictions.labels, predictions.logits)
