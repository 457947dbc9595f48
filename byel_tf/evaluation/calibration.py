"""Whether probabilities mean what they say, and the temperature that makes them.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks,
ICML 2017, arXiv 1706.04599: expected calibration error in section 2, temperature
scaling in section 4.2.
"""

import dataclasses

import numpy as np
from scipy import optimize, sparse, special
from sklearn import metrics

#: Bins of the expected calibration error, as in the paper's tables.
BINS = 15

#: Least and greatest temperature that is fitted.
TEMPERATURE_RANGE = (0.1, 10.0)


@dataclasses.dataclass(frozen=True)
class ProbabilityScores:
    """How good probabilities are; None for no image.

    Attributes:
      log_loss: Mean negative log probability of the label, natural logarithm,
        `sklearn.metrics.log_loss`, which takes probabilities below 2.2e-16 for that.
      brier: Mean squared distance between probabilities and the one-hot label,
        summed over the classes, in [0, 2]:
        `sklearn.metrics.brier_score_loss(scale_by_half=False)`.
      expected_calibration_error: Mean gap between confidence, the greatest
        probability, and accuracy, in [0, 1]. Of M bins of equal width, bin m holds the
        images with confidence in ((m - 1)/M, m/M]; the error is Σ |B|/N · |accuracy(B)
        - confidence(B)| over the bins B that hold any.
    """

    log_loss: float | None
    brier: float | None
    expected_calibration_error: float | None


def score_probabilities(
    labels: np.ndarray, probabilities: np.ndarray
) -> ProbabilityScores:
    """Scores probabilities.

    Args:
      labels: Class indices in [0, K), (N,), int; N may be 0.
      probabilities: (N, K), K at least 2; rows are scaled to the sum 1, which float32
        gives only about.
    """
    if not len(labels):
        return ProbabilityScores(None, None, None)
    probabilities = _scaled(probabilities)
    every = list(range(probabilities.shape[1]))
    curve = reliability(labels, probabilities)
    gaps = np.abs(curve.accuracy - curve.confidence)
    return ProbabilityScores(
        float(metrics.log_loss(labels, probabilities, labels=every)),
        float(
            metrics.brier_score_loss(
                labels, probabilities, labels=every, scale_by_half=False
            )
        ),
        float(curve.counts @ gaps / len(labels)),
    )


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy of the images in each bin of confidence.

    Attributes:
      counts: Images, (`BINS`,), int.
      confidence: Mean confidence, (`BINS`,); 0 in an empty bin.
      accuracy: Share of right predictions, (`BINS`,); 0 in an empty bin.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> Reliability:
    """Sorts images into the bins of the expected calibration error.

    Args:
      labels: Class indices, (N,), int.
      probabilities: (N, K).
    """
    confidences, hits, bins = _binned(labels, np.asarray(probabilities, np.float64))
    counts = np.bincount(bins, minlength=BINS)
    confidence, accuracy = (
        np.bincount(bins, weights=values, minlength=BINS) / np.maximum(counts, 1)
        for values in (confidences, hits)
    )
    return Reliability(counts, confidence, accuracy)


def _scaled(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities in float64, every row of the sum 1."""
    probabilities = np.asarray(probabilities, np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def _binned(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, whether it is right, and bin of each image, (N,) each."""
    confidences = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
    return confidences, hits, bins


def probability_rows(labels: np.ndarray, probabilities: np.ndarray) -> sparse.csr_array:
    """What each image adds to the scores of the probabilities, for resampling.

    Args:
      labels: As of `score_probabilities`; N is at least 1.
      probabilities: As of `score_probabilities`.

    Returns:
      Log loss, squared distance, and in the column of its bin the hit (1 or 0) less
      the confidence, (N, 2 + `BINS`), float64.
    """
    probabilities = _scaled(probabilities)
    images = np.arange(len(labels))
    least = np.finfo(np.float64).eps
    of_label = np.clip(probabilities[images, labels], least, 1 - least)
    one_hot = np.eye(probabilities.shape[1])[labels]
    distances = ((probabilities - one_hot) ** 2).sum(axis=1)
    confidences, hits, bins = _binned(labels, probabilities)
    values = -np.log(of_label), distances, hits - confidences
    columns = np.zeros_like(images), np.ones_like(images), 2 + bins
    return sparse.csr_array(
        (np.concatenate(values), (np.tile(images, 3), np.concatenate(columns))),
        shape=(len(labels), 2 + BINS),
    )


def probability_means(
    sums: np.ndarray, counts: np.ndarray | int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of the probabilities of sets of images.

    Args:
      sums: Of the images' `probability_rows`, (..., 2 + `BINS`).
      counts: Number of images, (...,), at least 1.

    Returns:
      Log loss, Brier score and expected calibration error, (...,) each.
    """
    log_loss, brier = sums[..., 0] / counts, sums[..., 1] / counts
    return log_loss, brier, np.abs(sums[..., 2:]).sum(axis=-1) / counts


def temper(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: softmax(logits / temperature).

    Args:
      logits: (N, K).
      temperature: Above 0; it changes no class's rank.

    Returns:
      (N, K), float64.
    """
    return special.softmax(np.asarray(logits, np.float64) / temperature, axis=-1)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature with the least log loss.

    The loss is convex in the temperature's inverse β: its derivative, the mean of
    Σₖ pₖ(β)·zₖ - z_y over the images with logits z and label y, only grows. So the
    root is bracketed, and where there is none within `TEMPERATURE_RANGE` the nearer
    end is the best there.

    Args:
      labels: Class indices in [0, K), (N,), int; N may be 0.
      logits: Finite, (N, K).

    Returns:
      The temperature, in `TEMPERATURE_RANGE`; 1 where there is nothing to fit: for no
      image, for labels of one class only, for logits that say nothing (all equal), and
      for a set without a mistake, whose loss falls as far as one lets it.
    """
    logits = np.asarray(logits, np.float64)
    if len(np.unique(labels)) < 2:
        return 1.0
    of_label = logits[np.arange(len(labels)), labels]
    below = logits.max(axis=1) - of_label
    if not below.any():
        return 1.0

    def slope(inverse: float) -> float:
        expected = (temper(logits, 1 / inverse) * logits).sum(axis=1)
        return float(np.mean(expected - of_label))

    coldest, hottest = TEMPERATURE_RANGE
    if slope(1 / hottest) >= 0:
        return hottest
    if slope(1 / coldest) <= 0:
        return coldest
    return float(1 / optimize.brentq(slope, 1 / hottest, 1 / coldest, xtol=1e-12))
