"""Classification for other class shares than those trained on."""

import numpy as np

from byel_tf.models.networks import ExpressionNetwork


def prior_offsets(
    shares: np.ndarray, source_shares: np.ndarray, exponent: float
) -> np.ndarray:
    """What the logits of calibrated probabilities gain: τ·log(shares / source).

    By Bayes' rule, Saerens et al. 2002, equation 2.4; an exponent τ below 1 goes part
    of the way, since estimated shares are not the true ones.

    Args:
      shares: Class shares to classify for, (K,), above 0.
      source_shares: Those trained on, (K,), above 0.
      exponent: τ, in [0, 1].
    """
    shares = np.asarray(shares, np.float64)
    return exponent * np.log(shares / np.asarray(source_shares, np.float64))


def take_prior(
    network: ExpressionNetwork,
    shares: np.ndarray,
    source_shares: np.ndarray,
    exponent: float,
    temperature: float,
) -> None:
    """Puts the class shares into the head's bias, where every format has them.

    Args:
      network: The classifier, whose bias is changed.
      shares: Class shares to classify for, (K,), above 0.
      source_shares: Those trained on, (K,), above 0.
      exponent: τ, in [0, 1].
      temperature: What divides the logits so that their softmax is calibrated.
    """
    offsets = prior_offsets(shares, source_shares, exponent)
    network.head.bias.assign_add((temperature * offsets).astype(np.float32))
