"""Counts what a model in training says of a data set, apart from its training."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from byel_tf.batch import Batch
from byel_tf.data.pipeline import SplitBatches
from byel_tf.distribution.replicas import distribute, own_rows
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.monitoring.threshold_counts import ThresholdCounts


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a model said of a data set.

    Attributes:
      macro_f1: Macro F1.
      confusion: Images by label and prediction, (K, K), int.
      thresholds: True and false positives, true and false negatives of each class,
        over T thresholds from 0 to 1, (4, K, T).
    """

    macro_f1: float
    confusion: np.ndarray
    thresholds: np.ndarray


class Evaluator:
    """Runs batches through a model on all replicas and counts.

    Memory does not grow with the number of batches. Not `model.evaluate`, which would
    reset the metrics of the epoch; and no part of the model, so that checkpoints are
    the same with and without it.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        classify: Callable[[tf.Tensor], tf.Tensor],
        num_classes: int,
    ):
        """Makes the metrics.

        Args:
          strategy: That of the model.
          classify: Images, (B, H, W, 3), uint8 → logits, (B, K).
          num_classes: K.
        """
        with strategy.scope():
            self._macro_f1 = MacroF1(num_classes)
            self._thresholds = ThresholdCounts(num_classes)

        def count(batch: Batch, is_possible: tf.Tensor) -> None:
            logits = classify(batch["image"])
            logits = tf.where(is_possible, logits, logits.dtype.min)
            labels, weight = batch["label"], batch["weight"]
            self._macro_f1.update_state(labels, logits, weight)
            self._thresholds.update_state(labels, tf.nn.softmax(logits), weight)

        self._strategy = strategy
        self._num_classes = num_classes
        self._batches: dict[SplitBatches, tf.data.Dataset] = {}
        self._count = tf.function(
            lambda batch, is_possible: strategy.run(count, args=(batch, is_possible)),
            autograph=False,
        )

    def __call__(self, data: SplitBatches) -> Counts:
        """Counts an epoch anew, each image once on one replica; all workers call it.

        Classes that the data set has not are no possible answers.
        """
        self._macro_f1.reset_state()
        self._thresholds.reset_state()
        is_possible = tf.constant(np.isin(np.arange(self._num_classes), data.labels))
        if data not in self._batches:
            rows = own_rows(self._strategy, data.order.batch_size)
            self._batches[data] = distribute(self._strategy, data.epoch(rows))
        for batch in self._batches[data]:
            self._count(batch, is_possible)
        return Counts(
            float(self._macro_f1.result()),
            self._macro_f1.confusion.numpy().astype(int),
            self._thresholds.result().numpy(),
        )
