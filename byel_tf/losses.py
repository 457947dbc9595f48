"""The loss terms of both stages, as pure functions.

Source: BYEL (arXiv 2207.10003) and BYOL (arXiv 2006.07733); the sums and means are
those of the BYEL authors' published implementation. The action units' loss is an
addition.
"""

from collections.abc import Sequence

import tensorflow as tf

# Norms below this count as this, so that a zero vector gives a loss and no NaN.
_LEAST_NORM = 1e-12


def bootstrap_loss(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Distance of directions, 2 − 2·cos(prediction, target) (BYOL, eq. 2).

    Args:
      prediction: Online predictions, (B, D), float; the subtracted ones in BYEL.
      target: Target projections, (B, D), float. Gradients are not stopped here.

    Returns:
      One loss for each pair, (B,), from 0 (same direction) to 4 (opposite).
    """
    return 2.0 - 2.0 * cosine_similarity(prediction, target)


def cosine_similarity(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Cosine of the angle between rows: (B, D), (B, D) → (B,), from −1 to 1."""
    return tf.reduce_sum(l2_normalize(first) * l2_normalize(second), axis=-1)


def l2_normalize(vectors: tf.Tensor) -> tf.Tensor:
    """Rows scaled to length 1: (B, D) → (B, D); a zero row stays zero."""
    return tf.math.l2_normalize(vectors, axis=-1, epsilon=_LEAST_NORM**2)


def classification_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the true class, batch mean.

    Args:
      logits: Unscaled scores, (B, K), float.
      labels: Class indices, (B,), int, each in [0, K).

    Returns:
      The mean over the batch, (), at least 0.
    """
    return tf.reduce_mean(cross_entropy(logits, labels))


def cross_entropy(
    logits: tf.Tensor, labels: tf.Tensor, label_smoothing: float = 0.0
) -> tf.Tensor:
    """Cross-entropy of each example.

    Args:
      logits: Unscaled scores, (B, K), float.
      labels: Class indices, (B,), int, each in [0, K); or the share of each class,
        (B, K), float, of sum 1.
      label_smoothing: Share of the label spread evenly over all K classes.

    Returns:
      One loss an example, (B,), at least 0.
    """
    labels = tf.convert_to_tensor(labels)
    if labels.dtype.is_floating:
        own = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    else:
        own = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if not label_smoothing:
        return own
    even = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
    return (1.0 - label_smoothing) * own + label_smoothing * even


def class_weights_of(
    labels: tf.Tensor, class_weights: Sequence[float] | None
) -> tf.Tensor | float:
    """Weight of each example by its class.

    Args:
      labels: Class indices, (B,), int, each in [0, K).
      class_weights: One weight a class, (K,); None for 1 each.

    Returns:
      (B,), float32; or 1.
    """
    if class_weights is None:
        return 1.0
    weights = tf.constant(class_weights, tf.float32)
    return tf.reduce_sum(tf.one_hot(labels, len(class_weights)) * weights, axis=-1)


def action_unit_loss(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Huber loss of action-unit intensities, mean over the units.

    For an error e of one unit: e²/2 up to |e| = 1, |e| − 1/2 beyond, so that a few
    extreme intensities do not outweigh the rest.

    Args:
      prediction: Predicted intensities, (B, U), float.
      target: Intensities, (B, U), float.

    Returns:
      One loss an example, (B,), at least 0.
    """
    error = tf.abs(prediction - target)
    bounded = tf.minimum(error, 1.0)
    return tf.reduce_mean(bounded * (error - 0.5 * bounded), axis=-1)


def orthonormality_penalty(emotion_vectors: tf.Tensor) -> tf.Tensor:
    """How far the emotion vectors are from orthonormal, Σ |I − WᵀW|.

    Args:
      emotion_vectors: W, (D, K), float; its columns are the emotion vectors.

    Returns:
      The sum over all K×K entries, (), at least 0.
    """
    gram = tf.matmul(emotion_vectors, emotion_vectors, transpose_a=True)
    identity = tf.eye(tf.shape(gram)[0], dtype=gram.dtype)
    return tf.reduce_sum(tf.abs(identity - gram))
