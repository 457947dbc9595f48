"""Class shares of unlabelled images, from what a classifier says of them."""

import numpy as np

_ITERATIONS = 1000
_TOLERANCE = 1e-6
_TINY = 1e-12


def estimate_shares(
    probabilities: np.ndarray,
    source_shares: np.ndarray,
    floor: float = 0.0,
) -> np.ndarray:
    """The class shares that make probabilities of a classifier most likely, by EM.

    Source: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to
    new a priori probabilities, Neural Computation 14 (2002), equations 2.7 to 2.9. The
    likelihood is concave in the shares, so that there is one greatest.

    Args:
      probabilities: Calibrated ones of N images, (N, K), rows of the sum 1.
      source_shares: Those of the images that it was trained on, (K,), above 0.
      floor: Least share of a class, as a part of its source share, in [0, 1]: what the
        shares lack of it is taken from the others in proportion.

    Returns:
      (K,), float64, of the sum 1.
    """
    source = np.asarray(source_shares, np.float64)
    likelihoods = np.asarray(probabilities, np.float64) / source
    shares = source
    for _ in range(_ITERATIONS):
        weighted = likelihoods * shares
        weighted /= np.maximum(weighted.sum(axis=1, keepdims=True), _TINY)
        before, shares = shares, weighted.mean(axis=0)
        if np.abs(shares - before).max() < _TOLERANCE:
            break
    return raise_to_floor(shares, floor * source)


def raise_to_floor(shares: np.ndarray, floors: np.ndarray) -> np.ndarray:
    """Shares of which none is below its floor, the others in proportion.

    Args:
      shares: (K,), of the sum 1.
      floors: (K,), of a sum of at most 1.
    """
    is_low = np.zeros(len(shares), bool)
    raised = np.asarray(shares, np.float64)
    while (raised < floors - _TINY).any():
        is_low |= raised < floors
        left = 1.0 - floors[is_low].sum()
        others = np.where(is_low, 0.0, shares)
        raised = np.where(is_low, floors, left * others / max(others.sum(), _TINY))
    return raised


def effective_classes(shares: np.ndarray) -> float:
    """How many equally frequent classes are as diverse: exp(entropy), from 1 to K.

    Args:
      shares: (K,), of the sum 1.
    """
    present = np.asarray(shares, np.float64)[np.asarray(shares) > 0]
    return float(np.exp(-(present * np.log(present)).sum()))


def entropies(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of each row, (N,), natural logarithm.

    Args:
      probabilities: (N, K).
    """
    return -(probabilities * np.log(np.maximum(probabilities, _TINY))).sum(axis=1)
