"""Runs an exported model over images, and keeps it busy."""

from __future__ import annotations

import collections
import concurrent.futures
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from byel_tf.data.image_files import ImageLimits
from byel_tf.errors import RunError
from byel_tf.prediction.reading import Reading, why_undecodable
from byel_tf.prediction.tables import prediction_table
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.load import ExportedModel

# Batches that wait for the model or are in it.
_AHEAD = 2
# Larger images make smaller batches.
_BATCH_BYTES = 64 * 2**20


def predict(
    model: ExportedModel,
    images: Iterable[Reading],
    batch_size: int,
    limits: ImageLimits,
    representation: bool = False,
    action_units: bool = False,
) -> Iterator[pd.DataFrame]:
    """Predicts images batch by batch; the next is read while the model runs.

    Args:
      model: The exported model.
      images: What `reading.read_images` gives.
      batch_size: Images at a time.
      limits: What the import takes, for the reason why one cannot be decoded.
      representation: Whether representations are wanted.
      action_units: Whether action units are wanted, of a model that gives them.

    Yields:
      A table of each batch, as `tables.prediction_table`, in the order of the images.

    Raises:
      RunError: If the model gives probabilities that are not finite.
    """
    waiting: collections.deque = collections.deque()

    def finish() -> pd.DataFrame:
        batch, future = waiting.popleft()
        contents = [reading.content for reading in batch]
        errors, outputs = _with_errors(contents, future.result(), limits)
        units = model.action_units if action_units else ()
        return prediction_table(batch, errors, outputs, model.classes, units)

    wanted = ["probabilities", "label", "valid"]
    wanted += ["representation"] if representation else []
    wanted += [ACTION_UNITS] if action_units else []
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        try:
            for batch in _batches(images, batch_size):
                files = [r.content for r in batch if isinstance(r.content, bytes)]
                future = executor.submit(_run, model, files, wanted)
                waiting.append((batch, future))
                if len(waiting) > _AHEAD:
                    yield finish()
            while waiting:
                yield finish()
        finally:
            executor.shutdown(cancel_futures=True)


def _batches(images: Iterable[Reading], batch_size: int) -> Iterator[list[Reading]]:
    batch, held = [], 0
    for image in images:
        batch.append(image)
        held += len(image.content)
        if len(batch) == batch_size or held >= _BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _run(
    model: ExportedModel, files: list[bytes], wanted: list[str]
) -> dict[str, np.ndarray]:
    """The model's outputs; its signature takes any number of images, none as well.

    Raises:
      RunError: If probabilities are not finite.
    """
    outputs = model.signature(image_bytes=tf.constant(files, tf.string, [len(files)]))
    if not np.isfinite(outputs["probabilities"]).all():
        raise RunError(
            "the model's probabilities are not finite: it is damaged or its training "
            "diverged, make it again"
        )
    return {name: outputs[name].numpy() for name in wanted}


def _with_errors(
    contents: Sequence[bytes | str],
    outputs: dict[str, np.ndarray],
    limits: ImageLimits,
) -> tuple[list[str | None], dict[str, np.ndarray]]:
    """Reasons of the images without prediction, None for others, and all outputs.

    Args:
      contents: Files, or why there is none, of N images.
      outputs: Of the files among them.
      limits: As for `predict`.

    Returns:
      The reasons, and the outputs of N images, not meant where there is a reason.
    """
    errors = [None if isinstance(file, bytes) else file for file in contents]
    readable = [place for place, error in enumerate(errors) if error is None]
    placed = {}
    for name, values in outputs.items():
        placed[name] = np.zeros((len(contents), *values.shape[1:]), values.dtype)
        placed[name][readable] = values
    for place in readable:
        if not placed["valid"][place]:
            errors[place] = why_undecodable(contents[place], limits)
    return errors, placed
