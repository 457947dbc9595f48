"""What TensorBoard shows of how a stage does on a test split."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorboard.plugins.pr_curve import metadata

from byel_tf.monitoring.evaluator import Counts
from byel_tf.monitoring.scalars import data_tag, shown

#: Draws a confusion matrix, with the names of the classes and a title, as a PNG file.
DrawConfusion = Callable[[np.ndarray, Sequence[str], str], bytes]


def write_evaluation(
    stage: str,
    dataset: str,
    counts: Counts,
    classes: Sequence[str],
    step: int,
    draw_confusion: DrawConfusion,
) -> None:
    """Writes confusion matrix and precision-recall curves to the default writer.

    Args:
      stage: "pretrain" or "finetune".
      dataset: Name of the data set.
      counts: What the model said of it.
      classes: Class names.
      step: The stage's steps done.
      draw_confusion: Draws the matrix.
    """
    title = f"{shown(dataset)}, step {step}: macro F1 {counts.macro_f1:.3f}"
    picture = draw_confusion(counts.confusion, classes, title)
    tf.summary.image(
        data_tag(stage, "confusion_matrix", dataset), tf.io.decode_png(picture)[None]
    )
    for index, class_name in enumerate(classes):
        write_precision_recall(
            shown(f"{dataset}/{class_name}"), counts.thresholds[:, index]
        )


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
