"""Macro F1 as a streaming Keras metric."""

import tensorflow as tf

from byel_tf.compat import keras


def macro_f1(confusion: tf.Tensor) -> tf.Tensor:
    """Mean F1 over the classes that occur among labels or predictions.

    The value is scikit-learn's `f1_score(average="macro", zero_division=0)`.

    Args:
      confusion: Counts, (K, K), float; rows are labels, columns predictions.

    Returns:
      Macro F1, (), float32, in [0, 1]; 0 without any example.
    """
    hits = tf.linalg.diag_part(confusion)
    occurrences = tf.reduce_sum(confusion, axis=0) + tf.reduce_sum(confusion, axis=1)
    f1 = tf.math.divide_no_nan(2.0 * hits, occurrences)
    occurring = tf.cast(occurrences > 0, confusion.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(f1), tf.reduce_sum(occurring))


class MacroF1(keras.metrics.Metric):
    """Macro F1 of all batches since the last reset, over all replicas."""

    def __init__(self, num_classes: int, name: str = "macro_f1"):
        """Makes the metric for K = `num_classes` classes."""
        super().__init__(name=name, dtype="float32")
        self.num_classes = num_classes
        self.confusion = self.add_weight(
            name="confusion", shape=(num_classes, num_classes), initializer="zeros"
        )

    def update_state(self, labels, logits, sample_weight=None) -> None:
        """Counts a batch.

        Args:
          labels: (B,), int.
          logits: (B, K), float.
          sample_weight: Examples with weight 0 are left out, all others count once,
            (B,).
        """
        # Not tf.math.bincount or confusion_matrix: neither can be compiled by XLA.
        predicted = tf.one_hot(tf.argmax(logits, axis=-1), self.num_classes)
        labelled = tf.one_hot(labels, self.num_classes)
        if sample_weight is not None:
            labelled *= tf.cast(sample_weight > 0, tf.float32)[:, None]
        self.confusion.assign_add(tf.matmul(labelled, predicted, transpose_a=True))

    def reset_state(self) -> None:
        """Forgets all batches."""
        self.confusion.assign(tf.zeros_like(self.confusion))

    def result(self) -> tf.Tensor:
        """Macro F1, ()."""
        return macro_f1(self.confusion)
