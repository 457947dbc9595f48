"""The losses of both stages in float64, and gradients by central differences."""

import numpy as np


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cross_entropy(logits, labels, smoothing=0.0):
    logits = logits - logits.max(axis=1, keepdims=True)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    classes = logits.shape[1]
    target = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    return -(target * log_softmax).sum(axis=1)


def huber(prediction, target):
    error = np.abs(prediction - target)
    return np.where(error < 1, error**2 / 2, error - 0.5).mean(axis=1)


def byel_terms(
    predictions,
    targets,
    representations,
    emotions,
    action_unit_head,
    batch,
    is_subtracted=True,
    smoothing=0.0,
    class_weights=None,
    movement_vectors=None,
):
    """Weighted sums over a replica's examples, and the penalty times their share.

    Args:
      predictions: Online ones of both views, (B, D) each; or of view 1 only.
      targets: Projections of the target network, of both views; or of view 2 only.
      representations: Online ones of the views that are predicted from.
      emotions: W, scale and offset; or None.
      action_unit_head: Kernel and bias.
      batch: Labels, weights and action units.
      is_subtracted: Whether vectors are subtracted.
      smoothing: Of the labels.
      class_weights: (K,), or None.
      movement_vectors: (D, U), or None.
    """
    labels, weight = (np.asarray(batch[name]) for name in ("label", "weight"))
    weight = weight.astype(np.float64)
    labelled = np.asarray(batch.get("label_weight", weight), np.float64)
    subtracted = predictions
    if movement_vectors is not None:
        moved = np.asarray(batch["action_units"], np.float64) @ movement_vectors.T
        subtracted = [p - moved for p in predictions]
    if is_subtracted:
        vectors = emotions[0].T[labels]
        subtracted = [
            p - (labelled > 0)[:, None] * np.linalg.norm(p, axis=1)[:, None] * vectors
            for p in subtracted
        ]
    cosines = [
        (unit(p) * unit(z)).sum(axis=1)
        for p, z in zip(subtracted, reversed(targets), strict=True)
    ]
    terms = {
        "bootstrap_loss": (weight * sum(2 - 2 * c for c in cosines)).sum(),
    }
    names = ("cosine_1_to_2", "cosine_2_to_1")
    for name, cosine in zip(names, cosines, strict=False):
        terms[name] = (weight * cosine).sum()
    if emotions is not None:
        w, scale, offset = emotions
        classes = np.ones(w.shape[1]) if class_weights is None else class_weights
        losses = 0
        for prediction in predictions:
            logits = prediction @ w
            logits = (logits - logits.mean(0)) / np.sqrt(logits.var(0) + 1e-5)
            losses += cross_entropy(logits * scale + offset, labels, smoothing)
        terms["classification_loss"] = (
            labelled * np.asarray(classes)[labels] * losses
        ).sum()
        penalty = np.abs(np.eye(w.shape[1]) - w.T @ w).sum()
        terms["orthonormality_penalty"] = weight.sum() * penalty
    kernel, bias = action_unit_head
    losses = [
        huber(r @ kernel + bias, np.asarray(batch["action_units"]))
        for r in representations
    ]
    terms["action_unit_loss"] = (labelled * sum(losses)).sum()
    return terms


def gradient(function, point, step=1e-5):
    """Central differences of a number by each entry of an array."""
    point = np.asarray(point, np.float64)
    result = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        shift = np.zeros_like(point)
        shift[index] = step
        rise = function(point + shift) - function(point - shift)
        result[index] = rise / (2 * step)
    return result
