"""Two models on the same images: is the difference more than chance?

Sources: McNemar, Note on the sampling error of the difference between correlated
proportions or percentages, Psychometrika 12, 1947; its exact form and the continuity
correction: Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs
data, BMC Medical Research Methodology 13:91, 2013.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from byel_tf.evaluation.bootstrap import (
    count_confusions,
    macro_f1,
    percentile_interval,
    resampled_macro_f1,
)
from byel_tf.evaluation.intervals import DEFAULT_RESAMPLES, Interval, draw_units


@dataclasses.dataclass(frozen=True)
class McNemar:
    """McNemar's test of equal accuracies. Its images count as independent.

    Attributes:
      first_only: Images that only the first model got right.
      second_only: Images that only the second model got right.
      p_value: Of the exact, two-sided binomial test; 1 where the models never differ.
      chi_square: (|b - c| - 1)² / (b + c) of the two counts, at least 0.
      chi_square_p_value: Its p value, for one degree of freedom: an approximation
        for b + c of at least 25.
    """

    first_only: int
    second_only: int
    p_value: float
    chi_square: float
    chi_square_p_value: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A model beside another one.

    Attributes:
      macro_f1: Of the first model.
      other_macro_f1: Of the second.
      difference: The first one's less the second one's: above 0, the first is better.
      interval: 95 % interval of the difference, over images or persons that are the
        same for both; None for fewer than two of them.
      mcnemar: Test of equal accuracies.
    """

    macro_f1: float
    other_macro_f1: float
    difference: float
    interval: Interval | None
    mcnemar: McNemar


def mcnemar(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> McNemar:
    """Tests whether two models are right equally often.

    Args:
      labels: Class indices, (N,), int.
      first: Predictions of the first model, (N,), int.
      second: Those of the second, (N,), int.
    """
    is_first, is_second = first == labels, second == labels
    first_only = int(np.count_nonzero(is_first & ~is_second))
    second_only = int(np.count_nonzero(is_second & ~is_first))
    differing = first_only + second_only
    if not differing:
        return McNemar(0, 0, 1.0, 0.0, 1.0)
    excess = max(abs(first_only - second_only) - 1, 0)
    chi_square = excess**2 / differing
    return McNemar(
        first_only,
        second_only,
        float(stats.binomtest(first_only, differing).pvalue),
        chi_square,
        float(stats.chi2.sf(chi_square, df=1)),
    )


def compare(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    num_classes: int,
    subjects: Sequence[str] = (),
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 1,
) -> Comparison:
    """Compares the predictions of two models.

    Args:
      labels: Class indices in [0, K), (N,), int; N at least 1.
      first: Predictions of the first model, (N,), int.
      second: Those of the second, (N,), int.
      num_classes: K.
      subjects: The person on each image, empty where unknown; () if none is known.
      resamples: Number of resamples.
      seed: Decides what is drawn.
    """
    both = np.stack([first, second])
    ours, other = macro_f1(count_confusions(labels, both, num_classes)).tolist()
    units, _ = draw_units(subjects)
    interval = None
    if len(labels if units is None else np.unique(units)) > 1:
        rng = np.random.default_rng(seed)
        scores = resampled_macro_f1(labels, both, num_classes, resamples, rng, units)
        interval = percentile_interval(scores[:, 0] - scores[:, 1])
    return Comparison(
        ours, other, ours - other, interval, mcnemar(labels, first, second)
    )
