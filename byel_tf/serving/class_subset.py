"""An export asked about some of its classes only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from byel_tf.data.labels import label_index
from byel_tf.errors import UsageError
from byel_tf.serving.load import ExportedModel

# Where all that is left is 0, the classes share alike.
_TINY = float(np.finfo(np.float32).tiny)


def renormalize(probabilities: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Probabilities given that it is one of some classes: p / Σ p over these.

    Args:
      probabilities: (N, K).
      columns: Indices of the C classes.

    Returns:
      (N, C), each row with a sum of 1.
    """
    kept = np.maximum(probabilities[:, list(columns)], _TINY)
    return kept / kept.sum(axis=1, keepdims=True)


def restrict(model: ExportedModel, classes: Sequence[str]) -> ExportedModel:
    """The same model, to which there are no other classes.

    Args:
      model: A loaded export.
      classes: Names of some of its classes, or other spellings, in the order wanted;
        none for all.

    Returns:
      The model with renormalised probabilities, and with logits and labels of these
      classes alone; its metadata and other outputs are as before.

    Raises:
      UsageError: If one is no class of the model, or two are the same.
    """
    if not classes:
        return model
    columns = [_column(name, model.classes) for name in classes]
    for name, column in zip(classes, columns, strict=True):
        if columns.count(column) > 1:
            raise UsageError(f"--classes: '{name}' is given twice")
    names = tuple(model.classes[column] for column in columns)

    def signature(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = dict(model.signature(image_bytes=image_bytes))
        probabilities = renormalize(outputs["probabilities"].numpy(), columns)
        labels = tf.gather(tf.constant(names), probabilities.argmax(axis=1))
        return {
            **outputs,
            "probabilities": tf.constant(probabilities),
            "logits": tf.gather(outputs["logits"], columns, axis=1),
            "label": tf.where(outputs["valid"], labels, ""),
        }

    return dataclasses.replace(model, signature=signature, classes=names)


def _column(name: str, classes: Sequence[str]) -> int:
    index = label_index(name, classes)
    if index is None:
        raise UsageError(
            f"--classes: '{name}' is no class of the model, which has "
            f"{', '.join(classes)}"
        )
    return index
