"""Prepared data sets of any size, made of few distinct pictures encoded once."""

import io
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.data.prepared_dataset import PreparedDataset, open_folder
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset

_DISTINCT = 64
_ACTION_UNITS = ("AU01", "AU04", "AU06", "AU12")
_JPEG_QUALITY = 90


def make_dataset(
    folder: pathlib.Path, count: int, size: int, image_format: str = "jpeg"
) -> PreparedDataset:
    """Opens a data set of a train split, and makes it where it is missing.

    Args:
      folder: Where data sets are kept; each has a folder of its own in it.
      count: Records.
      size: Side of the pictures in pixels.
      image_format: "jpeg" or "png".

    Returns:
      The data set, with labels and action units.
    """
    path = folder / f"{image_format}_{size}px_{count}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        encoded = draw(size, image_format)
        units = np.random.default_rng(2).random((_DISTINCT, len(_ACTION_UNITS)))
        source = {"kind": "benchmark"}
        with write_dataset(path, DEFAULT_CLASSES, source, _ACTION_UNITS) as writer:
            for index in range(count):
                picture, label = index % len(encoded), index % len(DEFAULT_CLASSES)
                writer.add(
                    "train",
                    Record(
                        encoded=encoded[picture],
                        format=image_format,
                        height=size,
                        width=size,
                        label=label,
                        class_name=DEFAULT_CLASSES[label],
                        filename=f"{index:06d}.{image_format}",
                        action_units=tuple(units[picture]),
                    ),
                )
    return open_folder("benchmark", path)


def draw(size: int, image_format: str, count: int = _DISTINCT) -> Sequence[bytes]:
    """Encoded pictures, smooth with some grain, as photographs are."""
    random = np.random.default_rng(1)
    encoded = []
    for _ in range(count):
        coarse = random.integers(30, 226, (6, 6, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        grain = random.normal(0, 4, (size, size, 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        options = {"quality": _JPEG_QUALITY} if image_format == "jpeg" else {}
        Image.fromarray(pixels).save(buffer, image_format, **options)
        encoded.append(buffer.getvalue())
    return encoded
