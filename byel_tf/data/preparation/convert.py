"""What is done to each image, on any process or machine."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from byel_tf.data.image_files import (
    EncodedImage,
    ImageLimits,
    RejectedImage,
    decode_plain,
    encode,
    read_file,
    to_png,
)
from byel_tf.data.manifest import Shard
from byel_tf.data.record import Record
from byel_tf.data.sources.fer2013 import parse_row
from byel_tf.data.sources.item import Item
from byel_tf.data.writer import ShardWriter
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box, crop

#: What happens to an image on which no face is found.
NO_FACE_CHOICES = ("keep", "list", "reject")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How images become records.

    Attributes:
      classes: Class names in label order.
      limits: Which images are taken.
      crop_faces: Whether images are cropped to their largest face.
      crop_margin: Side of the crop, as a multiple of that of rendered faces.
      no_face: What happens where no face is found; one of `NO_FACE_CHOICES`.
    """

    classes: tuple[str, ...]
    limits: ImageLimits
    crop_faces: bool = False
    crop_margin: float = 1.0
    no_face: str = "keep"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found out about an image that can be taken.

    Attributes:
      sha256: Hash of what its record holds.
      bytes: Size of that.
      format: "jpeg" or "png".
      width: Pixels.
      height: Pixels.
      grey: Whether it has one channel.
      passed: Whether the record holds the file as it is.
      box: Where it is cropped, if it is.
    """

    sha256: bytes
    bytes: int
    format: str
    width: int
    height: int
    grey: bool
    passed: bool
    box: Box | None


def examine(
    items: Sequence[tuple[int, Item]], conversion: Conversion
) -> list[Finding | str]:
    """Converts images to learn what they will be; a string is why one can't be taken.

    Args:
      items: The images, each with a number.
      conversion: How they become records.
    """
    return [_examine(item, conversion) for _, item in items]


def _examine(item: Item, conversion: Conversion) -> Finding | str:
    try:
        content = _read(item, conversion)
        box = _find_face(content, conversion) if conversion.crop_faces else None
        image = _convert(content, conversion, box)
    except RejectedImage as error:
        return str(error)
    return Finding(
        hashlib.sha256(image.content).digest(),
        len(image.content),
        image.format,
        image.width,
        image.height,
        image.grey,
        image.content is content,
        box,
    )


def _read(item: Item, conversion: Conversion) -> bytes | Image.Image:
    """The image file, or the picture where a table holds pixels."""
    if item.row is None:
        return read_file(item.path, conversion.limits.max_bytes)
    try:
        side, pixels = parse_row(item.path, item.row)
    except OSError as error:
        raise RejectedImage(f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RejectedImage(str(error)) from error
    return Image.frombytes("L", (side, side), pixels)


def _convert(
    content: bytes | Image.Image, conversion: Conversion, box: Box | None
) -> EncodedImage:
    if box is None and isinstance(content, bytes):
        return encode(content, conversion.limits)
    image = _decoded(content, conversion)
    return to_png(image if box is None else crop(image, box), conversion.limits)


def _decoded(content: bytes | Image.Image, conversion: Conversion) -> Image.Image:
    if isinstance(content, bytes):
        return decode_plain(content, conversion.limits)
    return content


def _find_face(content: bytes | Image.Image, conversion: Conversion) -> Box | None:
    """The crop of the largest face.

    Raises:
      RejectedImage: If there is none and such images are not wanted.
    """
    face = _detector().largest(_decoded(content, conversion))
    if face is not None:
        return face.crop_box(conversion.crop_margin)
    if conversion.no_face == "reject":
        raise RejectedImage("no face found")
    return None


@functools.cache
def _detector():
    from byel_tf.faces.detector import FaceDetector  # imports TensorFlow

    return FaceDetector()


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """A shard to write.

    Attributes:
      entries: File of its images, as `write_entries` writes it.
      path: File to write.
      conversion: How images become records.
    """

    entries: str
    path: str
    conversion: Conversion


class ChangedFile(RunError):
    """A file is not what it was when it was examined."""


def write_entries(path: pathlib.Path, entries: Iterable[tuple[Item, Finding]]) -> None:
    """Writes the images of a shard, a line each: they may be too many for memory."""
    with path.open("w", encoding="ascii") as file:
        for item, found in entries:
            described = (item.name, item.path, item.label, item.subject)
            numbers = (
                item.votes,
                item.row,
                found.box and dataclasses.astuple(found.box),
            )
            kind = (found.format, found.width, found.height, found.grey, found.passed)
            line = (described, numbers, found.sha256.hex(), found.bytes, kind)
            file.write(json.dumps(line) + "\n")


def _read_entries(path: str) -> Iterator[tuple[Item, Finding]]:
    with open(path, encoding="ascii") as file:
        for line in file:
            described, numbers, sha256, size, kind = json.loads(line)
            votes, row, box = (value and tuple(value) for value in numbers)
            name, image_path, label, subject = described
            item = Item(name, image_path, label, None, subject, votes, row)
            found = Finding(bytes.fromhex(sha256), size, *kind, box and Box(*box))
            yield item, found


def write_shard(task: ShardTask) -> Shard:
    """Writes a shard under its name only when it is whole.

    Raises:
      ChangedFile: If an image is not what it was when it was examined.
      OSError: If the shard can't be written.
    """
    path = pathlib.Path(task.path)
    temporary = path.with_suffix(".open")
    writer = ShardWriter(temporary)
    for item, finding in _read_entries(task.entries):
        writer.add(_record(item, finding, task.conversion))
    shard = writer.close(path.name)
    os.replace(temporary, path)
    return shard


def _record(item: Item, finding: Finding, conversion: Conversion) -> Record:
    try:
        content = _read(item, conversion)
        if not finding.passed:
            content = _convert(content, conversion, finding.box).content
        is_same = hashlib.sha256(content).digest() == finding.sha256
    except RejectedImage:
        is_same = False
    if not is_same:
        raise ChangedFile(
            f"{item.name} was changed while the data set was being prepared: give the "
            "same command again, which then starts anew"
        )
    return Record(
        encoded=content,
        format=finding.format,
        height=finding.height,
        width=finding.width,
        label=item.label,
        class_name=conversion.classes[item.label] if item.label >= 0 else "",
        filename=item.name,
        subject=item.subject,
        votes=item.votes,
    )
