"""How far representations of real photographs are from those of synthetic faces.

Sources: Ben-David et al., A theory of learning from different domains, Machine Learning
79, 2010, section 4, for telling domains apart as a measure of their distance; Heusel et
al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium,
NeurIPS 2017, arXiv 1706.08500, for the Fréchet distance, here of this model's own
representation.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedKFold

from byel_tf.evaluation.probes import linear_classifier

#: Most images of each domain that the domain probe learns from.
MAX_PROBED = 5000

_FOLDS = 5


@dataclasses.dataclass(frozen=True)
class DomainGap:
    """Distances between the representations of two data sets.

    Attributes:
      count: Images of the data set.
      reference_count: Images of the synthetic one.
      domain_accuracy: As `domain_accuracy` says; None for fewer than two images.
      frechet_distance: As `frechet_distance` says; None for fewer than two images.
      centroid_shift: As `centroid_shift` says.
    """

    count: int
    reference_count: int
    domain_accuracy: float | None
    frechet_distance: float | None
    centroid_shift: dict[str, dict[str, float] | None]


def domain_accuracy(first: np.ndarray, second: np.ndarray, seed: int = 1) -> float:
    """How often a linear classifier tells which data set an image is from.

    It is cross-validated in five parts on as many images of either data set, drawn
    from the larger one, at most `MAX_PROBED`.

    Args:
      first: Representations, (N, R), float; N at least 2.
      second: Representations, (M, R), float; M at least 2.
      seed: Decides the images and the parts.

    Returns:
      Accuracy; 0.5 where nothing tells them apart, 1 where every image does.
    """
    rng = np.random.default_rng(seed)
    size = min(len(first), len(second), MAX_PROBED)
    drawn = [rows[rng.permutation(len(rows))[:size]] for rows in (first, second)]
    representations = np.concatenate(drawn)
    domains = np.repeat([0, 1], size)
    folds = StratifiedKFold(min(_FOLDS, size), shuffle=True, random_state=seed)
    hits = 0
    for learned, held_out in folds.split(representations, domains):
        probe = linear_classifier(representations[learned], domains[learned])
        predicted = probe.predict(representations[held_out].astype(np.float64))
        hits += np.count_nonzero(predicted == domains[held_out])
    return hits / len(domains)


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Fréchet distance of the Gaussians with the same means and covariances.

    ‖μ₁ - μ₂‖² + tr(C₁ + C₂ - 2·(C₁C₂)^½), the formula of FID. The trace of the root is
    taken as the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which are those of
    C₁C₂; of this symmetric matrix they are real also where there are fewer images than
    dimensions. Few images make the distance too large: compare it only between data
    sets of about the same size.

    Args:
      first: (N, R), float; N at least 2.
      second: (M, R), float; M at least 2.

    Returns:
      At least 0; 0 for equal means and covariances.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    difference = first.mean(axis=0) - second.mean(axis=0)
    covariance, other = (
        np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second)
    )
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))  # root·rootᵀ is the covariance
    shared = np.linalg.eigvalsh(root.T @ other @ root)
    overlap = np.sqrt(np.maximum(shared, 0)).sum()
    spread = np.trace(covariance) + np.trace(other) - 2 * overlap
    return float(max(difference @ difference + spread, 0))


def centroid_shift(
    reference: np.ndarray,
    reference_labels: np.ndarray,
    representations: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
) -> dict[str, dict[str, float] | None]:
    """How far the mean representation of each class moves.

    Args:
      reference: Representations of the synthetic images, (N, R), float.
      reference_labels: Class indices, (N,), int; -1 counts for no class.
      representations: (M, R), float.
      labels: (M,), int, likewise.
      classes: Names of the classes.

    Returns:
      Of each class "cosine": 1 - the cosine between the two means, in [0, 2], and
      "euclidean": the distance between them over the length of the synthetic one.
      None for a class that one of the two lacks, or a mean of length 0.
    """
    shifts: dict[str, dict[str, float] | None] = {}
    for label, name in enumerate(classes):
        old = reference[reference_labels == label]
        new = representations[labels == label]
        shifts[name] = None
        if not len(old) or not len(new):
            continue
        old, new = (rows.mean(axis=0, dtype=np.float64) for rows in (old, new))
        lengths = np.linalg.norm(old), np.linalg.norm(new)
        if all(lengths):
            cosine = np.clip(old @ new / np.prod(lengths), -1, 1)
            shifts[name] = {
                "cosine": float(1 - cosine),
                "euclidean": float(np.linalg.norm(new - old) / lengths[0]),
            }
    return shifts


def measure_domain_gap(
    reference: np.ndarray,
    reference_labels: np.ndarray,
    representations: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int = 1,
) -> DomainGap:
    """All distances between a synthetic data set and another one.

    Args:
      reference: Representations of the synthetic images, (N, R), float.
      reference_labels: Class indices, (N,), int; -1 without label.
      representations: Those of the other data set, (M, R), float.
      labels: (M,), int, likewise.
      classes: Names of the classes.
      seed: Decides what the domain probe draws.
    """
    enough = min(len(reference), len(representations)) > 1
    return DomainGap(
        count=len(representations),
        reference_count=len(reference),
        domain_accuracy=domain_accuracy(reference, representations, seed)
        if enough
        else None,
        frechet_distance=frechet_distance(reference, representations)
        if enough
        else None,
        centroid_shift=centroid_shift(
            reference, reference_labels, representations, labels, classes
        ),
    )
