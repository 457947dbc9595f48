"""Whether probabilities mean what they say, and the temperature that makes them.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks,
ICML 2017, arXiv 1706.04599: expected calibration error in section 2, temperature
scaling in section 4.2.
"""

import dataclasses

import numpy as np
from scipy import optimize, special
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
      expected_calibration_error: As `expected_calibration_error` says, in [0, 1].
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
    probabilities = np.asarray(probabilities, np.float64)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    every = list(range(probabilities.shape[1]))
    return ProbabilityScores(
        float(metrics.log_loss(labels, probabilities, labels=every)),
        float(
            metrics.brier_score_loss(
                labels, probabilities, labels=every, scale_by_half=False
            )
        ),
        expected_calibration_error(labels, probabilities),
    )


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS
) -> float:
    """Mean gap between confidence and accuracy, over bins of equal width.

    Confidence is the greatest probability. Bin m of M holds the images with
    confidence in ((m - 1)/M, m/M]; the result is Σ |B|/N · |accuracy(B) -
    confidence(B)| over the bins B that hold any.

    Args:
      labels: Class indices, (N,), int; N at least 1.
      probabilities: (N, K).
      bins: M.

    Returns:
      In [0, 1].
    """
    probabilities = np.asarray(probabilities, np.float64)
    confidences = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(index, weights=hits - confidences, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


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
