"""Which records keep their label where only a share of the persons is labelled."""

import hashlib
import math

import numpy as np

from byel_tf.data.persons import persons_and_labels
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError


def labelled_records(
    dataset: PreparedDataset, split: str, share: float, seed: int
) -> np.ndarray:
    """Deals the labels of a split by person.

    Which persons are labelled follows from their names, the seed and the share alone,
    and those of a smaller share are among those of a larger one. An image of nobody
    known is a person of its own.

    Args:
      dataset: The data set.
      split: Name of a split that it has, all labelled.
      share: Of the persons, in (0, 1].
      seed: Decides which persons.

    Returns:
      Whether each record's label is known, (count,), bool.

    Raises:
      RunError: If a class has no labelled person, or a file is missing or broken.
    """
    records = SplitRecords(dataset, split)
    persons, labels = persons_and_labels(records)
    names, numbers = np.unique(persons, return_inverse=True)
    # Place of each person in the order in which persons are labelled.
    places = np.argsort(sorted(range(len(names)), key=lambda i: _rank(names[i], seed)))
    places = places[numbers]
    known = max(round(share * len(names)), 1)
    firsts = {label: places[labels == label].min() for label in np.unique(labels)}
    last = max(firsts, key=firsts.get)
    if firsts[last] >= known:
        enough = math.ceil(1e4 * (firsts[last] + 1) / len(names)) / 1e4
        raise RunError(
            f"--label_share={share:g} labels {known} of the {len(names)} persons of "
            f"data set {dataset.name} ({dataset.path}), none of them with the class "
            f"'{dataset.manifest.classes[last]}': give --label_share={enough:g} or "
            "more, or another --seed"
        )
    return places < known


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode(errors="surrogateescape")).digest()
