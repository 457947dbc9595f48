"""Representations of test images for TensorBoard's projector, with pictures."""

import io
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins import projector

from byel_tf.data.contact_sheets import thumbnail_of
from byel_tf.data.record import UNLABELLED
from byel_tf.data.records import read_records
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.predictions import Predictions
from byel_tf.files import write_atomically
from byel_tf.monitoring.scalars import shown

_IMAGES_OF_A_DATASET = 500
_IMAGES = 2000
_TILE = 64
_COLUMNS = ("label", "predicted", "confidence", "data set", "file")
_TENSORS, _METADATA, _SPRITE = "representations.tsv", "metadata.tsv", "sprite.png"


def write_projector(
    folder: pathlib.Path,
    evaluations: Mapping[str, Evaluation],
    classes: Sequence[str],
    with_pictures: bool = True,
) -> None:
    """Writes representations, what is known of each, and their pictures.

    At most 500 images of each data set and 2,000 in all are chosen at random, always
    the same ones.

    Args:
      folder: Where the files go. TensorBoard looks for them only beside events.
      evaluations: By data set, at least one.
      classes: Names of the classes.
      with_pictures: Whether copies of the images are written, to stand for the points.

    Raises:
      RunError: If a file of a data set is damaged.
    """
    limit = min(_IMAGES_OF_A_DATASET, _IMAGES // len(evaluations))
    vectors, rows, tiles = [], [_COLUMNS], []
    for name, evaluation in evaluations.items():
        predictions = evaluation.predictions
        drawn = np.random.default_rng(0).permutation(len(predictions.labels))
        chosen = np.sort(drawn[:limit])
        vectors += predictions.representations[chosen].tolist()
        rows += [_row(predictions, index, name, classes) for index in chosen]
        if with_pictures:
            dataset = evaluation.dataset
            records = read_records(dataset, evaluation.split, chosen)
            pictures = (thumbnail_of(dataset, record) for record in records)
            tiles += [picture.resize((_TILE, _TILE)) for picture in pictures]
    # Five digits are more than a plot shows, and a third of the file.
    vectors = [[f"{value:.5g}" for value in vector] for vector in vectors]
    write_atomically(folder / _TENSORS, _table(vectors))
    write_atomically(folder / _METADATA, _table(rows))
    embedding = projector.EmbeddingInfo(
        tensor_name="representations", tensor_path=_TENSORS, metadata_path=_METADATA
    )
    if with_pictures:
        write_atomically(folder / _SPRITE, _sprite(tiles))
        embedding.sprite.image_path = _SPRITE
        embedding.sprite.single_image_dim.extend((_TILE, _TILE))
    config = projector.ProjectorConfig(embeddings=[embedding])
    write_atomically(
        folder / "projector_config.pbtxt", text_format.MessageToString(config)
    )


def _row(
    predictions: Predictions, index: int, name: str, classes: Sequence[str]
) -> tuple[str, ...]:
    """What is said of an image, in the order of the columns."""
    label, predicted = predictions.labels[index], predictions.predicted[index]
    return (
        "" if label == UNLABELLED else classes[label],
        classes[predicted],
        f"{predictions.probabilities[index, predicted]:.3f}",
        name,
        predictions.filenames[index],
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Tab-separated lines; a control character within a text becomes a space."""
    lines = [
        "\t".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", t) for t in row)
        for row in rows
    ]
    return shown("\n".join(lines) + "\n")


def _sprite(tiles: Sequence[Image.Image]) -> bytes:
    """A square of tiles, row by row."""
    side = int(np.ceil(np.sqrt(len(tiles))))
    sheet = Image.new("RGB", (side * _TILE, side * _TILE))
    for index, tile in enumerate(tiles):
        row, column = divmod(index, side)
        sheet.paste(tile, (column * _TILE, row * _TILE))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
