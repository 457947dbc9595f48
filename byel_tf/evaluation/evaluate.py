"""Runs an exported model over prepared data sets.

The SavedModel itself is evaluated, not the model in memory: the numbers are those of
what is shipped.

Kept in memory are file names, subjects and outputs, not images: a representation of R
numbers takes 4·R bytes an image, 200 MB for 100,000 of 512.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.data.prepared_dataset import (
    PreparedDataset,
    require_classes,
    require_split,
)
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.evaluation.metrics import Scores, score
from byel_tf.evaluation.predictions import Predictions
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.load import ExportedModel

#: Takes `image_bytes`, gives the outputs of an export's signature.
Signature = Callable[..., Mapping[str, tf.Tensor]]

#: Outputs that are kept only where asked for.
LOGITS, REPRESENTATION = "logits", "representation"

_INTENSITIES = "image/face/action_units"
_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/filename": tf.io.FixedLenFeature([], tf.string),
    "image/subject": tf.io.FixedLenFeature([], tf.string, default_value=""),
}


def predict_split(
    model: ExportedModel,
    dataset: PreparedDataset,
    split: str = "test",
    batch_size: int = 256,
    keep: Sequence[str] = (),
    limit: int | None = None,
    advance: Callable[[int], object] | None = None,
) -> Predictions:
    """Runs an exported model over a split of a data set.

    Args:
      model: The exported model.
      dataset: A prepared data set of the same classes.
      split: Name of the split.
      batch_size: As of `predict_records`, as are the other arguments.
      keep: `LOGITS`, `REPRESENTATION`, both or none.
      limit: Most images.
      advance: Called with the number of images done.

    Raises:
      RunError: If the classes differ or there is no labelled record, and as
        `predict_records` does.
    """
    require_classes(dataset, model.classes)
    require_split(dataset, split, "report on")
    return predict_records(
        model.signature, dataset, split, batch_size, keep, limit, advance
    )


def predict_records(
    signature: Signature,
    dataset: PreparedDataset,
    split: str,
    batch_size: int = 256,
    keep: Sequence[str] = (),
    limit: int | None = None,
    advance: Callable[[int], object] | None = None,
    among: np.ndarray | None = None,
) -> Predictions:
    """Runs a signature over the records of a split.

    Args:
      signature: That of an export.
      dataset: A prepared data set.
      split: Name of a split that it has.
      batch_size: Images at a time.
      keep: `LOGITS`, `REPRESENTATION` and, of a model and a data set that have them,
        `ACTION_UNITS`: any or none of them.
      limit: Most images; of more records so many are chosen at random, always the
        same ones.
      advance: Called with the number of images done.
      among: Whether each record of the split counts, (count,), bool; None for all.

    Raises:
      RunError: If a file is damaged, an image cannot be decoded, or the model fails
        or gives numbers that are not finite.
    """
    records, expected = _records(dataset, split, limit, among)
    filenames, subjects, labels = [], [], []
    features, intensities = dict(_FEATURES), []
    if ACTION_UNITS in keep:
        unknown = [float("nan")] * len(dataset.manifest.action_units)
        features[_INTENSITIES] = tf.io.FixedLenFeature(
            [len(unknown)], tf.float32, unknown
        )
    every = {name: [] for name in ("probabilities", *keep)}
    try:
        for serialized in records.batch(batch_size).prefetch(1):
            batch = tf.io.parse_example(serialized, features)
            outputs = signature(image_bytes=batch["image/encoded"])
            names = _texts(batch["image/filename"])
            valid = outputs["valid"].numpy()
            if not valid.all():
                raise RunError(
                    f"data set {dataset.name}: {names[valid.argmin()]} cannot be "
                    "decoded: prepare it again without this image"
                )
            filenames += names
            subjects += _texts(batch["image/subject"])
            labels.append(batch["image/class/label"].numpy())
            _require_labels(dataset, names, labels[-1])
            if ACTION_UNITS in keep:
                intensities.append(batch[_INTENSITIES].numpy())
            for name, values in every.items():
                values.append(outputs[name].numpy())
                is_finite = np.isfinite(values[-1]).all(axis=-1)
                if not is_finite.all():
                    raise RunError(
                        f"data set {dataset.name}: the model's output {name} for "
                        f"{names[is_finite.argmin()]} is not finite: the model is "
                        "damaged or its training diverged, make it again"
                    )
            if advance:
                advance(len(names))
    except tf.errors.DataLossError as error:
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has a damaged file: copy or "
            f"prepare it again ({' '.join(error.message.split())})"
        ) from error
    except tf.errors.OpError as error:
        raise RunError(
            f"data set {dataset.name} ({dataset.path}): the model cannot be run on it "
            f"({' '.join(error.message.split())})"
        ) from error
    if len(filenames) != expected:
        raise RunError(
            f"data set {dataset.name}: {len(filenames)} {split} records were read, its "
            f"manifest says {expected}: prepare it again"
        )
    outputs = {name: np.concatenate(values) for name, values in every.items()}
    probabilities = outputs["probabilities"]
    return Predictions(
        filenames=tuple(filenames),
        labels=np.concatenate(labels),
        predicted=probabilities.argmax(axis=-1),
        probabilities=probabilities,
        subjects=tuple(subjects),
        logits=outputs.get(LOGITS),
        representations=outputs.get(REPRESENTATION),
        action_units=outputs.get(ACTION_UNITS),
        true_action_units=np.concatenate(intensities) if intensities else None,
    )


def _require_labels(
    dataset: PreparedDataset, names: Sequence[str], labels: np.ndarray
) -> None:
    """Refuses labels that are of no class.

    Raises:
      RunError: With the first of them.
    """
    classes = len(dataset.manifest.classes)
    is_wrong = (labels < UNLABELLED) | (labels >= classes)
    if is_wrong.any():
        first = is_wrong.argmax()
        raise RunError(
            f"data set {dataset.name} ({dataset.path}): {names[first]} has the label "
            f"{labels[first]}, of {classes} classes: prepare it again"
        )


def _records(
    dataset: PreparedDataset, split: str, limit: int | None, among: np.ndarray | None
) -> tuple[tf.data.Dataset, int]:
    """The serialized records of a split, or a sample of them, and how many."""
    records = tf.data.TFRecordDataset(dataset.shard_paths(split))
    count = dataset.manifest.splits[split].count
    places = np.arange(count) if among is None else np.flatnonzero(among)
    if limit is not None and limit < len(places):
        places = places[np.random.default_rng(0).permutation(len(places))[:limit]]
    if len(places) == count:
        return records, count
    is_chosen = np.zeros(count, bool)
    is_chosen[places] = True
    chosen = records.enumerate().filter(lambda index, _: tf.gather(is_chosen, index))
    return chosen.map(lambda _, record: record), len(places)


def _texts(values: tf.Tensor) -> list[str]:
    """Raw bytes, as of a file name, which is not always UTF-8."""
    return [value.decode(errors="surrogateescape") for value in values.numpy()]


def score_predictions(predictions: Predictions, classes: Sequence[str]) -> Scores:
    """Scores predictions of the images that have a label.

    Args:
      predictions: The predictions.
      classes: Names of the classes.
    """
    labelled = predictions.labelled()
    return score(labelled.labels, labelled.predicted, classes)


def evaluate(
    model: ExportedModel, dataset: PreparedDataset, batch_size: int = 256
) -> Scores:
    """Scores a model on a data set's test split.

    Args:
      model: The exported model.
      dataset: A prepared data set of the same classes.
      batch_size: Images at a time.

    Raises:
      RunError: As `predict_split` does.
    """
    predictions = predict_split(model, dataset, batch_size=batch_size)
    return score_predictions(predictions, model.classes)
