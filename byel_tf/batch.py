"""What travels from the input pipeline to a training step."""

from typing import TypedDict

import tensorflow as tf

#: What a record's key is drawn from for: streams of `stateless.uniform`.
VIEWS, DROPOUT, PAIR = 0, 1, 2


class Batch(TypedDict, total=False):
    """One batch of a replica; B is the replica's share.

    Attributes:
      image: (B, H, W, 3), uint8.
      pair: A second picture, (B, H, W, 3), uint8; only where views come from two.
      label: Class indices, (B,), int32.
      votes: Votes for each class, (B, K), float32, all 0 where an image has none; only
        where the classifier learns from them.
      weight: Share of each example in the batch mean, (B,), float32: losses summed
        with it need no count from other replicas. 1 over the number of examples, and
        0 for the repeated ones that fill an epoch's last batch.
      label_weight: The same of a mean over those whose label is known, (B,), float32;
        only where not all are.
      key: Key of the record in this epoch, (B, 2), uint32, from which its augmentation
        and its dropout are drawn.
      action_units: Intensities in the order of the data set's names, (B, U), float32;
        only where training regresses them.
      pair_action_units, pair_votes: Those of the second picture; only where it has
        others than the first, as a picture of another moment.
      views: (B, views, H, W, 3), float32 in [0, 1]; instead of image and pair where the
        pipeline augments.
    """

    image: tf.Tensor
    pair: tf.Tensor
    label: tf.Tensor
    votes: tf.Tensor
    weight: tf.Tensor
    label_weight: tf.Tensor
    key: tf.Tensor
    action_units: tf.Tensor
    pair_action_units: tf.Tensor
    pair_votes: tf.Tensor
    views: tf.Tensor


def of_view(batch: Batch, key: str, view: int) -> tf.Tensor | None:
    """What is taught with a view's picture, or None: votes or action units.

    Args:
      batch: The batch.
      key: "votes" or "action_units".
      view: 0 or 1.
    """
    own = batch.get(key)
    return batch.get(f"pair_{key}", own) if view else own


def label_weight(batch: Batch) -> tf.Tensor:
    """Share of each example in a mean over those whose label is known, (B,), float32.

    Its sum over all replicas is 1, or 0 for a batch without any.
    """
    return batch.get("label_weight", batch["weight"])
