"""Small pictures and prepared data sets that the data tests share."""

import io

import numpy as np
import pytest
from PIL import Image

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset

CLASSES = ("anger", "fear", "happiness")


@pytest.fixture
def classes():
    return CLASSES


@pytest.fixture
def picture():
    """A small picture with smooth and sharp parts, uint8 (H, W, 3)."""
    y, x = np.mgrid[:12, :10]
    channels = (x * 20, y * 18, (x // 3 + y // 4) % 2 * 200)
    return np.stack(channels, axis=-1).astype(np.uint8)


@pytest.fixture
def encode():
    """Encodes an array or a picture as a file of some format."""

    def to_bytes(image, file_format="PNG", **options):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        buffer = io.BytesIO()
        image.save(buffer, file_format, **options)
        return buffer.getvalue()

    return to_bytes


@pytest.fixture
def make_record(encode):
    """A record whose picture, class, name and action units tell its number."""

    def make(number, label=None, side=4):
        label = number % len(CLASSES) if label is None else label
        pixels = np.full((side, side, 3), (number % 256, number // 256, 7), np.uint8)
        return Record(
            encoded=encode(pixels),
            format="png",
            height=side,
            width=side,
            label=label,
            class_name=CLASSES[label] if 0 <= label < len(CLASSES) else "",
            filename=f"{number}.png",
            action_units=(number, number / 2),
        )

    return make


@pytest.fixture
def make_dataset(tmp_path, make_record):
    """Prepares a data set with the given numbers of records by split, and opens it."""

    def make(name="set", shard_bytes=1500, unlabelled=0, action_units=(), **counts):
        with write_dataset(
            tmp_path / name,
            CLASSES,
            {"kind": "test"},
            action_units,
            shard_bytes=shard_bytes,
        ) as writer:
            for split, count in counts.items():
                for number in range(count):
                    writer.add(split, make_record(number))
                for number in range(count, count + unlabelled):
                    writer.add(split, make_record(number, label=-1))
        return open_dataset(str(tmp_path / name))

    return make


@pytest.fixture
def make_folder(tmp_path, encode):
    """Writes pictures as `<folder>/<class>/<name>` from a count by class."""

    def make(name="images", **counts):
        generator = np.random.default_rng(1)
        for class_name, count in counts.items():
            folder = tmp_path / name / class_name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 256, (6, 5, 3), np.uint8)
                (folder / f"{index:03d}.png").write_bytes(encode(pixels))
        return tmp_path / name

    return make
