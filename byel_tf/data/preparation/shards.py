"""A shard's images to its file, on any process or machine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import posixpath
from collections.abc import Iterable, Iterator

from PIL import Image

from byel_tf.data import storage
from byel_tf.data.image_files import RejectedImage, quiet_pillow
from byel_tf.data.manifest import Shard
from byel_tf.data.metadata import without_metadata
from byel_tf.data.preparation.convert import Conversion, Finding, convert, read_item
from byel_tf.data.record import Record
from byel_tf.data.sources.item import Item
from byel_tf.data.writer import ShardWriter
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box


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


def write_entries(path: str, entries: Iterable[tuple[Item, Finding]]) -> None:
    """Writes the images of a shard, a line each: they may be too many for memory."""
    with storage.open_binary(path, "wb") as file:
        for item, found in entries:
            described = (item.name, item.path, item.label, item.subject)
            numbers = (
                item.votes,
                item.row,
                item.box,
                found.box and dataclasses.astuple(found.box),
            )
            kind = (found.format, found.width, found.height, found.grey, found.passed)
            line = (described, numbers, found.sha256.hex(), found.bytes, kind)
            file.write(json.dumps(line).encode() + b"\n")


def _read_entries(path: str) -> Iterator[tuple[Item, Finding]]:
    with storage.open_binary(path, "rb") as file:
        for line in file:
            described, numbers, sha256, size, kind = json.loads(line)
            votes, row, bounds, box = (value and tuple(value) for value in numbers)
            name, image_path, label, subject = described
            item = Item(name, image_path, label, None, subject, votes, row, bounds)
            found = Finding(bytes.fromhex(sha256), size, *kind, box and Box(*box))
            yield item, found


def write_shard(task: ShardTask) -> Shard:
    """Writes a shard under its name only when it is whole.

    Raises:
      ChangedFile: If an image is not what it was when it was examined.
      OSError: If the shard can't be written.
    """
    # What is written to an address is there once it is whole.
    temporary = task.path if storage.is_remote(task.path) else f"{task.path}.open"
    with storage.open_binary(temporary, "wb") as file:
        writer = ShardWriter(file)
        with quiet_pillow():
            for item, finding in _read_entries(task.entries):
                writer.add(_record(item, finding, task.conversion))
        shard = writer.close(posixpath.basename(task.path))
    if temporary != task.path:
        os.replace(temporary, task.path)
    return shard


def _converted(
    content: bytes | Image.Image, finding: Finding, conversion: Conversion
) -> bytes:
    """The image as it was when it was examined, if it is what it was.

    Raises:
      RejectedImage: If it can't be taken any more.
    """
    if finding.box is None and isinstance(content, bytes):
        # Most that do not pass do so without their metadata: nothing is decoded then.
        plain = without_metadata(content, finding.format)
        if hashlib.sha256(plain).digest() == finding.sha256:
            return plain
    return convert(content, conversion, finding.box).content


def _record(item: Item, finding: Finding, conversion: Conversion) -> Record:
    try:
        content = read_item(item, conversion)
        if not finding.passed:
            content = _converted(content, finding, conversion)
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
