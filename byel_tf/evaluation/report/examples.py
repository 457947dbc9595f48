"""The images that say most about a model: sure mistakes, and doubts."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from scipy import special

from byel_tf.data.contact_sheets import thumbnail_of
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import UNLABELLED
from byel_tf.data.records import read_records
from byel_tf.evaluation.predictions import Predictions


@dataclasses.dataclass(frozen=True)
class Example:
    """One image of a data set.

    Attributes:
      index: Its place in the split.
      caption: What it is labelled, what it was taken for, and how surely.
      filename: Where it came from.
    """

    index: int
    caption: str
    filename: str


def confident_errors(
    predictions: Predictions, classes: Sequence[str], most: int
) -> list[Example]:
    """The mistakes with the greatest probability.

    Args:
      predictions: Of a whole split, in its order.
      classes: Names of the classes.
      most: Number of images, at most.
    """
    confidence = predictions.probabilities.max(axis=1)
    is_error = predictions.labels != predictions.predicted
    is_error &= predictions.labels != UNLABELLED
    errors = np.flatnonzero(is_error)
    order = np.argsort(-confidence[errors], kind="stable")[:most]
    return [_example(predictions, classes, index) for index in errors[order]]


def most_uncertain(
    predictions: Predictions, classes: Sequence[str], most: int
) -> list[Example]:
    """The images whose probabilities have the greatest entropy.

    Args:
      predictions: Of a whole split, in its order.
      classes: Names of the classes.
      most: Number of images, at most.
    """
    entropy = special.entr(predictions.probabilities.astype(np.float64)).sum(axis=1)
    order = np.argsort(-entropy, kind="stable")[:most]
    return [_example(predictions, classes, index) for index in order]


def thumbnails(
    dataset: PreparedDataset, split: str, examples: Sequence[Example]
) -> list[bytes]:
    """Small pictures of examples, as JPEG files.

    Args:
      dataset: Their data set.
      split: Their split.
      examples: The examples.

    Raises:
      RunError: If a file of the data set is damaged.
    """
    records = read_records(dataset, split, [example.index for example in examples])
    files = []
    for record in records:
        buffer = io.BytesIO()
        thumbnail_of(dataset, record).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def _example(
    predictions: Predictions, classes: Sequence[str], index: np.integer
) -> Example:
    label, predicted = predictions.labels[index], predictions.predicted[index]
    probability = predictions.probabilities[index, predicted]
    labelled = "unlabelled" if label == UNLABELLED else classes[label]
    caption = f"{labelled} → {classes[predicted]} {probability:.2f}"
    return Example(int(index), caption, predictions.filenames[index])
