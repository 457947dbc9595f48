"""How far a macro F1 can be trusted: bootstrap over images and over seeds.

Everything is a function of arrays. `resampled_macro_f1` draws the images; from its
result, a variant's interval is `percentile_interval(scores.mean(axis=1))`, and that of
a difference between two variants
`percentile_interval(resampled_means(b, rng) - resampled_means(a, rng))`, where `a` and
`b` are columns of one result, so that both variants saw the same images.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993: the resampling of
cases in chapter 6, percentile intervals in section 13.3.
"""

import numpy as np


def count_confusions(
    labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> np.ndarray:
    """Confusion matrices of several runs on the same images.

    Args:
      labels: Class indices in [0, K), (N,), int.
      predictions: Class indices of each run, (M, N), int.
      num_classes: K.

    Returns:
      Counts, (M, K, K), int; rows are labels, columns predictions.
    """
    return _count(_cells(labels, predictions, num_classes), num_classes)


def macro_f1(confusions: np.ndarray) -> np.ndarray:
    """Macro F1 of confusion matrices, the one of `metrics.score`.

    Args:
      confusions: Counts, (..., K, K); rows are labels, columns predictions.

    Returns:
      Mean F1 over the classes that occur among labels or predictions, in [0, 1],
      (...,); 0 for an empty matrix.
    """
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    occurrences = confusions.sum(axis=-1) + confusions.sum(axis=-2)
    f1 = 2 * hits / np.maximum(occurrences, 1)
    occurring = np.count_nonzero(occurrences, axis=-1)
    return f1.sum(axis=-1) / np.maximum(occurring, 1)


def resampled_macro_f1(
    labels: np.ndarray,
    predictions: np.ndarray,
    num_classes: int,
    resamples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Macro F1 of several runs, on images drawn with replacement.

    A resample holds the same images for every run, so the runs stay paired.

    Args:
      labels: Class indices in [0, K), (N,), int; N is at least 1.
      predictions: Class indices of each run, (M, N), int.
      num_classes: K.
      resamples: Number of resamples, R.
      rng: Draws the images.

    Returns:
      (R, M), float64.
    """
    cells = _cells(labels, predictions, num_classes)
    count = len(labels)
    confusions = np.stack(
        [
            _count(cells[:, rng.integers(count, size=count)], num_classes)
            for _ in range(resamples)
        ]
    )
    return macro_f1(confusions)


def resampled_means(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means over seeds that are drawn with replacement, in each resample anew.

    The mean of S drawn seeds varies by (S - 1) / S of what the mean of S new ones
    would, a third too little for three. Deviations from the mean are therefore
    scaled by √(S / (S - 1)): Rao and Wu, Resampling inference with complex survey
    data, Journal of the American Statistical Association 83, 1988, section 2.

    In simulations the 95 % interval of a difference without effect holds 0 in 95 to
    100 of 100 cases, as long as runs differ by chance in single images. Where seeds
    shift whole runs by much more than that, it does in 85 with two seeds, in 88 with
    three and in 93 with five.

    Args:
      scores: A score of each resample of the images and each seed, (R, S).
      rng: Draws the seeds.

    Returns:
      (R,); of a single seed its scores as they are.
    """
    means = scores.mean(axis=1)
    seeds = scores.shape[1]
    if seeds == 1:
        return means
    drawn = rng.integers(seeds, size=scores.shape)
    deviations = np.take_along_axis(scores, drawn, axis=1).mean(axis=1) - means
    return means + np.sqrt(seeds / (seeds - 1)) * deviations


def percentile_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of a bootstrapped statistic.

    Args:
      values: The statistic of each resample, (R,).
      level: Share of the resamples inside, in (0, 1).

    Returns:
      Lower and upper end.
    """
    tail = (1 - level) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return float(lower), float(upper)


def _cells(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Index of each image's entry among the M·K² of all runs' matrices, (M, N)."""
    run = np.arange(len(predictions))[:, np.newaxis]
    return (run * num_classes + labels) * num_classes + predictions


def _count(cells: np.ndarray, num_classes: int) -> np.ndarray:
    shape = (len(cells), num_classes, num_classes)
    return np.bincount(cells.ravel(), minlength=np.prod(shape)).reshape(shape)
