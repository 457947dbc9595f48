"""FixMatch's term (arXiv 2001.07685): sure answers are to hold under augmentation."""

import dataclasses

import tensorflow as tf

from byel_tf.batch import Batch
from byel_tf.losses import cross_entropy


@dataclasses.dataclass(frozen=True)
class Consistency:
    """Cross-entropy of a strong view with what a weak one is surely taken for.

    All images count, labelled or not, and their label is not looked at. The strong
    view is one more encoder pass there and back: 6 forward passes a step, a backward
    pass counted as two, where supervised training costs 3.

    Attributes:
      weight: Of the term.
      threshold: Least probability at which an answer is sure.
    """

    weight: float = 1.0
    threshold: float = 0.95

    #: Means that a step gives.
    means = ("consistency_loss", "sure_share")

    def loss(
        self, weak: tf.Tensor, strong: tf.Tensor, batch: Batch
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """This replica's share of the term.

        Args:
          weak: Logits of the weak view, (B, K), through which no gradient flows.
          strong: Logits of the strong view, (B, K).
          batch: The replica's share of the batch.

        Returns:
          The share, (), and what is watched: means over this replica's examples.
        """
        probabilities = tf.nn.softmax(tf.stop_gradient(weak))
        is_sure = tf.reduce_max(probabilities, axis=-1) >= self.threshold
        weight = batch["weight"]
        share = tf.reduce_sum(weight)
        sure = weight * tf.cast(is_sure, tf.float32)
        answers = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        loss = tf.reduce_sum(sure * cross_entropy(strong, answers))
        return self.weight * loss, {
            "consistency_loss": loss / share,
            "sure_share": tf.reduce_sum(sure) / share,
        }
