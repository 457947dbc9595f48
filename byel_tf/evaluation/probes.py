"""What a frozen representation knows of the classes: linear probe and neighbours.

Both learn from representations of one data set, the synthetic one, and are scored on
those of another.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from byel_tf.errors import RunError

#: Neighbours that vote, or as many as there are.
NEIGHBOURS = 20

_MAX_ITERATIONS = 1000


@dataclasses.dataclass(frozen=True)
class Probes:
    """The two fitted classifiers.

    Attributes:
      linear: Logistic regression (L2, C = 1) on standardised representations.
      neighbours: Majority of the `NEIGHBOURS` nearest by cosine similarity.
      count: Images that they learned from.
    """

    linear: Pipeline
    neighbours: KNeighborsClassifier
    count: int


def linear_classifier(representations: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Fits logistic regression on standardised representations.

    Args:
      representations: (N, R), float.
      labels: (N,), int, of two classes or more.
    """
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS)
    )
    # Its many small products wait for each other's threads: on a busy machine several
    # threads took minutes for what one does in a second.
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        # A probe that has not quite settled is still a probe.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(representations.astype(np.float64), labels)


def most_probable(
    probe: Pipeline | KNeighborsClassifier,
    representations: np.ndarray,
    columns: Sequence[int],
) -> np.ndarray:
    """What a probe says where there are some of the classes only.

    Args:
      probe: One of `Probes`.
      representations: (N, R), float.
      columns: Indices of these classes.

    Returns:
      Class indices, (N,), int, all of them among the columns.
    """
    chances = np.zeros((len(representations), max(max(columns), *probe.classes_) + 1))
    if len(representations):
        chances[:, probe.classes_] = probe.predict_proba(representations)
    return np.array(columns)[chances[:, list(columns)].argmax(axis=1)]


def fit_probes(representations: np.ndarray, labels: np.ndarray) -> Probes:
    """Fits both classifiers.

    Args:
      representations: (N, R), float.
      labels: Class indices, (N,), int.

    Raises:
      RunError: If the labels are of fewer than two classes.
    """
    if len(np.unique(labels)) < 2:
        raise RunError(
            "a probe needs labelled images of two classes at least, found "
            f"{len(np.unique(labels))}: give --probe_data a data set that has them in "
            "its train split"
        )
    neighbours = KNeighborsClassifier(
        n_neighbors=min(NEIGHBOURS, len(labels)), metric="cosine", algorithm="brute"
    )
    return Probes(
        linear_classifier(representations, labels),
        neighbours.fit(representations, labels),
        len(labels),
    )
