"""How a stage does on the test splits, epoch by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorboard.plugins.pr_curve import metadata

from byel_tf.evaluation.report.figures import confusion_matrix_png
from byel_tf.monitoring.evaluator import Evaluator
from byel_tf.monitoring.scalars import data_tag, shown
from byel_tf.monitoring.stage_callback import StageCallback


class Evaluations(StageCallback):
    """Writes macro F1, confusion matrix and precision-recall curves of test splits.

    For watching only: what is selected is selected on the validation split, by
    others.
    """

    def __init__(
        self,
        stage: str,
        writer: tf.summary.SummaryWriter,
        evaluator: Evaluator,
        reported: Mapping[str, tf.data.Dataset],
        classes: Sequence[str],
        every_epochs: int,
        last_step: int,
    ):
        """Makes the callback.

        Args:
          stage: "pretrain" or "finetune".
          writer: Where it is written.
          evaluator: Evaluates the stage's model.
          reported: Batches of the test split of each data set, by name.
          classes: Class names.
          every_epochs: Epochs between two evaluations.
          last_step: Step at which the stage ends; it is evaluated in any case.
        """
        super().__init__()
        self._stage = stage
        self._writer = writer
        self._evaluator = evaluator
        self._reported = reported
        self._classes = classes
        self._every = every_epochs
        self._last_step = last_step

    def on_epoch_end(self, epoch, logs=None):
        """Evaluates each test split where it is due."""
        del logs
        if (epoch + 1) % self._every and self.step < self._last_step:
            return
        with self._writer.as_default(step=self.step):
            for name, batches in self._reported.items():
                self._evaluator(batches)
                self._write(name)
        self._writer.flush()

    def _write(self, name: str) -> None:
        metric = self._evaluator.macro_f1
        macro_f1 = float(metric.result())
        tf.summary.scalar(data_tag(self._stage, "macro_f1_test", name), macro_f1)
        picture = confusion_matrix_png(
            metric.confusion.numpy().astype(int),
            self._classes,
            f"{shown(name)}, step {self.step}: macro F1 {macro_f1:.3f}",
        )
        tf.summary.image(
            data_tag(self._stage, "confusion_matrix", name),
            tf.io.decode_png(picture)[None],
        )
        counts = self._evaluator.thresholds.result().numpy()
        for index, class_name in enumerate(self._classes):
            write_precision_recall(shown(f"{name}/{class_name}"), counts[:, index])


def write_precision_recall(tag: str, counts: np.ndarray) -> None:
    """Writes one curve to the default writer.

    Args:
      tag: Where it stands.
      counts: True and false positives, true and false negatives over T thresholds
        from 0 to 1, (4, T).
    """
    hits, false_alarms, _, misses = counts
    precision = hits / np.maximum(hits + false_alarms, 1)
    recall = hits / np.maximum(hits + misses, 1)
    tf.summary.write(
        tag,
        np.stack([*counts, precision, recall]).astype(np.float32),
        metadata=metadata.create_summary_metadata(tag, "", counts.shape[1]),
    )
