"""Which of a model's classes a data set is scored on, where they have not the same.

A model of seven classes is scored on the six of a data set that knows no neutral: what
is asked then is which of the six it is, so the probability of the others is removed and
the rest divided by its sum.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from byel_tf.data.prepared_dataset import PreparedDataset, require_classes
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.evaluation.predictions import Predictions


@dataclasses.dataclass(frozen=True)
class ScoredClasses:
    """The classes that count for a data set.

    Attributes:
      model: Names of all K classes of the model.
      columns: Indices of the C classes that count, ascending.
      labels: What each label of the data set is to the model: its index, or
        `UNLABELLED` where the class does not count.
      left_out: Classes of the data set that do not count.
    """

    model: tuple[str, ...]
    columns: tuple[int, ...]
    labels: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of those that count, in the model's order."""
        return tuple(self.model[column] for column in self.columns)

    @property
    def removed(self) -> tuple[str, ...]:
        """Names of the model's others, whose probability is removed."""
        return tuple(name for name in self.model if name not in self.names)

    @property
    def has_all(self) -> bool:
        """Whether all of the model's and the data set's classes count."""
        return not self.removed and not self.left_out

    def restrict(self, predictions: Predictions) -> Predictions:
        """What the model says where there are no other classes, among all K.

        Args:
          predictions: The model's, with labels of the data set.

        Returns:
          Labels are the model's; probabilities of other classes are 0, and those of
          the others sum to 1.
        """
        labels = predictions.labels
        meant = np.array([*self.labels, UNLABELLED])[labels]  # the last for -1
        if not self.removed:
            return dataclasses.replace(predictions, labels=meant)
        columns = list(self.columns)
        probabilities = np.zeros_like(predictions.probabilities)
        # Where all that is left is 0, the classes share alike.
        tiny = np.finfo(probabilities.dtype).tiny
        kept = np.maximum(predictions.probabilities[:, columns], tiny)
        probabilities[:, columns] = kept / kept.sum(axis=1, keepdims=True)
        return dataclasses.replace(
            predictions,
            labels=meant,
            predicted=probabilities.argmax(axis=1),
            probabilities=probabilities,
        )

    def narrow(self, predictions: Predictions) -> Predictions:
        """Labelled predictions, as `restrict` gives them, with C classes only."""
        labelled = predictions.labelled()
        if not self.removed:
            return labelled
        columns = list(self.columns)
        place = np.full(len(self.model), UNLABELLED)
        place[columns] = range(len(columns))
        logits = labelled.logits
        return dataclasses.replace(
            labelled,
            labels=place[labelled.labels],
            predicted=place[labelled.predicted],
            probabilities=labelled.probabilities[:, columns],
            logits=None if logits is None else logits[:, columns],
        )

    def words(self, images_left_out: int) -> str | None:
        """Says what does not count; None if everything does.

        Args:
          images_left_out: Images of the data set whose class does not count.
        """
        parts = []
        if self.removed:
            parts.append(
                f"scored on {len(self.columns)} of the model's {len(self.model)} "
                f"classes: the probability of {', '.join(self.removed)} is removed, "
                "and the rest divided by its sum"
            )
        if self.left_out:
            parts.append(
                f"left out are {images_left_out} images of {', '.join(self.left_out)}"
            )
        return "; ".join(parts) or None

    def to_json(self, images_left_out: int) -> dict[str, Any]:
        """What `results.json` says of it; nothing if everything counts."""
        if self.has_all:
            return {}
        return {
            "scored_classes": list(self.names),
            "removed_classes": list(self.removed),
            "left_out": {"classes": list(self.left_out), "images": images_left_out},
        }


def choose_scored_classes(
    classes: Sequence[str], dataset: PreparedDataset, asked: Sequence[str] = ()
) -> ScoredClasses:
    """Finds the classes that count: those of the data set, or those asked for.

    Args:
      classes: The model's.
      dataset: A prepared data set.
      asked: Names of the only ones that are to count; none for all.

    Raises:
      RunError: If one that was asked for is the model's or the data set's not, or
        without that the data set has another than the model's; or fewer than two are
        left.
    """
    known = dataset.manifest.classes
    for owner, names in (("the model", classes), (f"data set {dataset.name}", known)):
        missing = [name for name in asked if name not in names]
        if missing:
            raise RunError(
                f"--classes: {owner} has no class '{missing[0]}', only "
                f"{', '.join(names)}"
            )
    counting = [n for n in known if n in (asked or classes)]
    if not asked and len(counting) < len(known):
        require_classes(dataset, classes)
    if len(counting) < 2:
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) would be scored on "
            f"{', '.join(counting)} alone: give two classes at least"
        )
    place = {name: classes.index(name) for name in counting}
    return ScoredClasses(
        tuple(classes),
        tuple(sorted(place.values())),
        tuple(place.get(name, UNLABELLED) for name in known),
        tuple(name for name in known if name not in place),
    )
