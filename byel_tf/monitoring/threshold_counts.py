"""Hits and misses of each class over thresholds, as a streaming Keras metric."""

import tensorflow as tf

from byel_tf.compat import keras


class ThresholdCounts(keras.metrics.Metric):
    """What a precision-recall curve of each class is made of, over all replicas.

    A class is said to be found where its probability is at least the threshold; the T
    thresholds are 0, 1/(T−1), …, 1.
    """

    def __init__(
        self,
        num_classes: int,
        num_thresholds: int = 101,
        name: str = "threshold_counts",
    ):
        """Makes the metric for K = `num_classes` and T = `num_thresholds`."""
        super().__init__(name=name, dtype="float32")
        self.num_classes = num_classes
        self.num_thresholds = num_thresholds
        # Examples of the class and others, by the last threshold they reach.
        self.histogram = self.add_weight(
            name="histogram",
            shape=(2, num_classes, num_thresholds),
            initializer="zeros",
        )

    def update_state(self, labels, probabilities, sample_weight=None) -> None:
        """Counts a batch.

        Args:
          labels: (B,), int.
          probabilities: (B, K), float in [0, 1].
          sample_weight: Examples with weight 0 are left out, all others count once,
            (B,).
        """
        is_class = tf.one_hot(labels, self.num_classes)
        sides = tf.stack([is_class, 1.0 - is_class], axis=1)
        if sample_weight is not None:
            sides *= tf.cast(sample_weight > 0, tf.float32)[:, None, None]
        reached = tf.cast(probabilities * (self.num_thresholds - 1), tf.int32)
        reached = tf.one_hot(reached, self.num_thresholds)
        self.histogram.assign_add(tf.einsum("bsk,bkt->skt", sides, reached))

    def reset_state(self) -> None:
        """Forgets all batches."""
        self.histogram.assign(tf.zeros_like(self.histogram))

    def result(self) -> tf.Tensor:
        """True and false positives, true and false negatives, (4, K, T), float32."""
        positives = tf.cumsum(self.histogram, axis=-1, reverse=True)
        negatives = tf.reduce_sum(self.histogram, axis=-1, keepdims=True) - positives
        # Of the class missed is a false negative: the sides change places.
        return tf.concat([positives, negatives[::-1]], axis=0)
