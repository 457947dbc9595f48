"""Runs an exported model over prepared data sets.

The SavedModel itself is evaluated, not the model in memory: the numbers are those of
what is shipped.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from byel_tf.data.manifest import PreparedDataset
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.evaluation.metrics import Scores, score
from byel_tf.evaluation.predictions import Predictions
from byel_tf.serving.load import ExportedModel


def require_classes(dataset: PreparedDataset, classes: Sequence[str]) -> None:
    """Refuses a data set whose labels mean something else than the model's.

    Raises:
      RunError: If its class list differs.
    """
    if dataset.manifest.classes != tuple(classes):
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has the classes "
            f"{', '.join(dataset.manifest.classes)}, the model has "
            f"{', '.join(classes)}: prepare it with --classes={','.join(classes)}"
        )


def require_split(dataset: PreparedDataset, split: str, purpose: str) -> None:
    """Refuses a data set without labelled records in a split.

    Raises:
      RunError: If the split is empty.
    """
    found = dataset.manifest.splits.get(split)
    if found is None or found.count == found.unlabelled:
        present = ", ".join(dataset.manifest.splits) or "none"
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has no {split} split to "
            f"{purpose} (it has: {present}): prepare it with --splits"
        )


def predict_test_split(
    model: ExportedModel, dataset: PreparedDataset, batch_size: int = 256
) -> Predictions:
    """Runs a model over a data set's test split.

    Args:
      model: The exported model.
      dataset: A prepared data set of the same classes.
      batch_size: Images at a time.

    Raises:
      RunError: If the classes differ, there is no labelled test record, a file is
        damaged, or an image of the data set cannot be decoded.
    """
    require_classes(dataset, model.classes)
    require_split(dataset, "test", "report on")
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
        "image/filename": tf.io.FixedLenFeature([], tf.string),
    }
    records = tf.data.TFRecordDataset(dataset.shard_paths("test")).batch(batch_size)
    filenames, labels, probabilities = [], [], []
    try:
        for serialized in records:
            batch = tf.io.parse_example(serialized, features)
            outputs = model.signature(image_bytes=batch["image/encoded"])
            names = [
                # Raw bytes of a file name: not always UTF-8.
                name.decode(errors="surrogateescape")
                for name in batch["image/filename"].numpy()
            ]
            valid = outputs["valid"].numpy()
            if not valid.all():
                raise RunError(
                    f"data set {dataset.name}: {names[valid.argmin()]} cannot be "
                    "decoded: prepare it again without this image"
                )
            filenames += names
            labels.append(batch["image/class/label"].numpy())
            probabilities.append(outputs["probabilities"].numpy())
    except tf.errors.DataLossError as error:
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has a damaged file: copy or "
            f"prepare it again ({' '.join(error.message.split())})"
        ) from error
    expected = dataset.manifest.splits["test"].count
    if len(filenames) != expected:
        raise RunError(
            f"data set {dataset.name}: {len(filenames)} test records were read, its "
            f"manifest says {expected}: prepare it again"
        )
    probabilities = np.concatenate(probabilities)
    return Predictions(
        tuple(filenames),
        np.concatenate(labels),
        probabilities.argmax(axis=-1),
        probabilities,
    )


def score_predictions(predictions: Predictions, classes: Sequence[str]) -> Scores:
    """Scores predictions of the images that have a label.

    Args:
      predictions: The predictions.
      classes: Names of the classes.
    """
    labelled = predictions.labels != UNLABELLED
    return score(predictions.labels[labelled], predictions.predicted[labelled], classes)


def evaluate(
    model: ExportedModel, dataset: PreparedDataset, batch_size: int = 256
) -> Scores:
    """Scores a model on a data set's test split.

    Args:
      model: The exported model.
      dataset: A prepared data set of the same classes.
      batch_size: Images at a time.

    Raises:
      RunError: As `predict_test_split` does.
    """
    predictions = predict_test_split(model, dataset, batch_size)
    return score_predictions(predictions, model.classes)
