"""T3A: the classifier's weights become means of representations.

Source: Iwasawa and Matsuo, Test-Time Classifier Adjustment Module for Model-Agnostic
Domain Generalization, NeurIPS 2021, section 3, and its published code, which scales
supports and prototypes to length 1.
"""

import numpy as np
from scipy import optimize, special

from byel_tf.adaptation.shares import entropies

_TINY = 1e-12


def class_prototypes(
    representations: np.ndarray,
    probabilities: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
    temperature: float,
    kept: int,
) -> np.ndarray:
    """The prototypes, a column for each class, of length 1.

    A class's supports are its column of the kernel and the representations that are
    labelled so, of which those of the least entropy are kept.

    Args:
      representations: (N, R).
      probabilities: The classifier's, (N, K); they label and rank.
      kernel: Weights of the classifier's last layer, (R, K).
      bias: Its bias, (K,).
      temperature: What the classifier's logits are divided by.
      kept: Most supports of a class (M); 0 for all.

    Returns:
      (R, K), float64.
    """
    supports = _unit(np.concatenate([kernel.T, representations]), axis=1)
    one_hot = np.eye(kernel.shape[1])
    labels = np.concatenate([one_hot.argmax(axis=1), probabilities.argmax(axis=1)])
    # The paper's code ranks the columns, too, by what the classifier says of them.
    logits = kernel.T.astype(np.float64) @ kernel + bias
    of_kernel = special.softmax(logits / temperature, axis=1)
    uncertain = entropies(np.concatenate([of_kernel, probabilities]))
    sums = []
    for label in range(kernel.shape[1]):
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(uncertain[own], kind="stable")]
        sums.append(supports[own[: kept or None]].sum(axis=0))
    return _unit(np.stack(sums, axis=1), axis=0)


def matching_scale(logits: np.ndarray, confidence: float) -> float:
    """The factor at which the mean greatest probability of logits is a given one.

    Prototypes of length 1 give logits of no temperature: this keeps the model as sure
    as it was. It changes no label.

    Args:
      logits: (N, K).
      confidence: Mean greatest probability, above 1/K and below 1.

    Returns:
      The factor, from 0.01 to 10,000.
    """
    logits = np.asarray(logits, np.float64)

    def excess(exponent: float) -> float:
        sure = special.softmax(np.exp(exponent) * logits, axis=1).max(axis=1)
        return float(sure.mean() - confidence)

    low, high = np.log(1e-2), np.log(1e4)
    if excess(low) >= 0:
        return float(np.exp(low))
    if excess(high) <= 0:
        return float(np.exp(high))
    return float(np.exp(optimize.brentq(excess, low, high)))


def _unit(vectors: np.ndarray, axis: int) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=axis, keepdims=True)
    return vectors / np.maximum(lengths, _TINY)
