"""What pre-training and joint training do alike with predictions and labels."""

import functools
import operator
from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.batch import Batch, label_weight, of_view
from byel_tf.losses import class_weights_of, cross_entropy
from byel_tf.models.emotion import EmotionClassifier
from byel_tf.models.movements import MovementVectors

#: Takes vectors (D, K) by their labels (B,) out of latents (B, D).
Subtract = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def without_expression(
    prediction: tf.Tensor,
    batch: Batch,
    emotion_classifier: EmotionClassifier | None,
    subtract: Subtract | None,
    movement_vectors: MovementVectors | None,
) -> tf.Tensor:
    """What is drawn towards the target: the prediction, less what it should not tell.

    Args:
      prediction: Online predictions, (B, D).
      batch: Labels and action units.
      emotion_classifier: Has the emotion vectors.
      subtract: Takes them out; None to leave them. Nothing is taken out of an example
        whose label is not known.
      movement_vectors: Takes the movements out, or None.
    """
    if movement_vectors is not None:
        prediction = movement_vectors(prediction, batch["action_units"])
    if subtract is None:
        return prediction
    subtracted = subtract(
        prediction, emotion_classifier.emotion_vectors, batch["label"]
    )
    if "label_weight" not in batch:
        return subtracted
    is_known = batch["label_weight"][:, None] > 0
    return tf.where(is_known, subtracted, prediction)


def emotion_losses(
    logits: Sequence[tf.Tensor],
    batch: Batch,
    label_smoothing: float,
    class_weights: Sequence[float] | None,
) -> tf.Tensor:
    """This replica's share of the classification loss, summed over views, ().

    Args:
      logits: Of view 1, or of both, (B, K) each.
      batch: Labels, or votes; those that are not known count for nothing.
      label_smoothing: Share of each label spread over all classes.
      class_weights: Weight of each class, (K,), or None for 1 each.
    """
    losses = [
        cross_entropy(one, _targets(batch, view, one.shape[-1]), label_smoothing)
        for view, one in enumerate(logits)
    ]
    return tf.reduce_sum(
        label_weight(batch)
        * class_weights_of(batch["label"], class_weights)
        * functools.reduce(operator.add, losses)
    )


def _targets(batch: Batch, view: int, num_classes: int) -> tf.Tensor:
    """What is to be predicted: labels, (B,), or where there are votes their shares."""
    labels, votes = batch["label"], of_view(batch, "votes", view)
    if votes is None:
        return labels
    total = tf.reduce_sum(votes, axis=-1, keepdims=True)
    shares = tf.math.divide_no_nan(votes, total)
    return tf.where(total > 0, shares, tf.one_hot(labels, num_classes))
