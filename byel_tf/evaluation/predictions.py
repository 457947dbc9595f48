"""What a model said of every image: `predictions/NAME.csv`."""

import csv
import dataclasses
import io
import os
from collections.abc import Sequence

import numpy as np

from byel_tf.csv_cells import neutral, original
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError

_COLUMNS = ("filename", "label", "predicted")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """A model's predictions of N images, in the data set's order.

    Attributes:
      filenames: Where the images came from.
      labels: Class indices, (N,), int; -1 for an image without label.
      predicted: Indices of the most probable classes, (N,), int.
      probabilities: (N, K), float.
      subjects: The person on each image, empty where unknown; () if none is known.
        Not in the table.
      logits: Before temperature and softmax, (N, K), float32; None where they were
        not asked for. Not in the table.
      representations: (N, R), float32, or None likewise. Not in the table.
      action_units: The model's intensities, (N, U), float32, or None likewise. Not in
        the table.
      true_action_units: The records' intensities in the data set's order, (N, V),
        float32, NaN where a record has none; None likewise. Not in the table.
    """

    filenames: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    subjects: tuple[str, ...] = ()
    logits: np.ndarray | None = None
    representations: np.ndarray | None = None
    action_units: np.ndarray | None = None
    true_action_units: np.ndarray | None = None

    def labelled(self) -> "Predictions":
        """Those of the images that have a label."""
        chosen = np.flatnonzero(self.labels != UNLABELLED)
        if len(chosen) == len(self.labels):
            return self

        def rows(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[chosen]

        return Predictions(
            filenames=tuple(self.filenames[index] for index in chosen),
            labels=self.labels[chosen],
            predicted=self.predicted[chosen],
            probabilities=self.probabilities[chosen],
            subjects=tuple(self.subjects[i] for i in chosen) if self.subjects else (),
            logits=rows(self.logits),
            representations=rows(self.representations),
            action_units=rows(self.action_units),
            true_action_units=rows(self.true_action_units),
        )


def predictions_csv(predictions: Predictions, classes: Sequence[str]) -> bytes:
    """Writes predictions as a table.

    Args:
      predictions: The predictions.
      classes: Names of the K classes.

    Returns:
      A CSV file: filename, label (empty without one), predicted, and a column of
      probabilities named after each class. Texts are as `neutral` makes them.
    """
    table = io.StringIO(newline="")
    # All texts quoted: csv leaves a lone carriage return bare before Python 3.13.
    rows = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    classes = [neutral(name) for name in classes]
    rows.writerow((*_COLUMNS, *classes))
    for filename, label, predicted, probabilities in zip(
        predictions.filenames,
        predictions.labels,
        predictions.predicted,
        predictions.probabilities.astype(float).round(6).tolist(),
        strict=True,
    ):
        name = "" if label == UNLABELLED else classes[label]
        row = (neutral(filename), name, classes[predicted], *probabilities)
        rows.writerow(row)
    # Bytes of a name that are not UTF-8 are written as \udcXX.
    return table.getvalue().encode(errors="backslashreplace")


def read_predictions(path: str | os.PathLike) -> Predictions:
    """Reads what `predictions_csv` wrote.

    Args:
      path: The file.

    Raises:
      RunError: If it cannot be read or is another kind of file.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, quoting=csv.QUOTE_NONNUMERIC)
        if tuple(header[:3]) != _COLUMNS:
            raise ValueError(f"its columns begin with {', '.join(header[:3])}")
        indices = {name: index for index, name in enumerate(header[3:])}
        return Predictions(
            filenames=tuple(original(row[0]) for row in rows),
            labels=np.array(
                [indices[row[1]] if row[1] else UNLABELLED for row in rows], int
            ),
            predicted=np.array([indices[row[2]] for row in rows], int),
            probabilities=np.array([row[3:] for row in rows], float).reshape(
                len(rows), len(indices)
            ),
        )
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, csv.Error) as error:
        raise RunError(f"{path} is not a table of predictions ({error!r})") from error
