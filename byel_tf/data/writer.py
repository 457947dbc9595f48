"""Writes a prepared data set: shards, rejects, manifest; whole or not at all."""

import collections
import contextlib
import csv
import hashlib
import io
import os
import pathlib
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import google_crc32c

from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest, Shard, Split
from byel_tf.data.record import UNLABELLED, Record, serialize
from byel_tf.files import new_directory

#: A shard is closed when it reaches this size.
DEFAULT_SHARD_BYTES = 128 * 2**20

REJECTED_FILE_NAME = "rejected.csv"


def frame(data: bytes) -> bytes:
    """One TFRecord: length, masked CRC32C of it, data, masked CRC32C of them.

    Source: tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
    """
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked)


class _SplitWriter:
    """The shards and counts of one split."""

    def __init__(self, folder: pathlib.Path, name: str, shard_bytes: int):
        self._folder = folder
        self._name = name
        self._shard_bytes = shard_bytes
        self._file = None
        self._shards: list[Shard] = []
        self.per_label: collections.Counter[int] = collections.Counter()

    def _path(self, index: int) -> pathlib.Path:
        # The number of shards is part of the final name, and known only at the end.
        return self._folder / f"{self._name}-{index:05d}.open"

    def add(self, record: Record) -> None:
        if self._file is None:
            self._file = self._path(len(self._shards)).open("wb")
            self._hash, self._records, self._bytes = hashlib.sha256(), 0, 0
        data = frame(serialize(record))
        self._file.write(data)
        self._hash.update(data)
        self._records += 1
        self._bytes += len(data)
        self.per_label[record.label] += 1
        if self._bytes >= self._shard_bytes:
            self.close_shard()

    def close_shard(self) -> None:
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._shards.append(
            Shard("", self._records, self._bytes, self._hash.hexdigest())
        )

    def finish(self, classes: Sequence[str]) -> Split:
        self.close_shard()
        shards = []
        for index, shard in enumerate(self._shards):
            name = f"{self._name}-{index:05d}-of-{len(self._shards):05d}.tfrecord"
            self._path(index).rename(self._folder / name)
            shards.append(Shard(name, shard.records, shard.bytes, shard.sha256))
        return Split(
            count=self.per_label.total(),
            per_class={name: self.per_label[i] for i, name in enumerate(classes)},
            unlabelled=self.per_label[UNLABELLED],
            shards=tuple(shards),
        )


class DatasetWriter:
    """Takes records and rejects; made by `write_dataset`.

    Attributes:
      manifest: The manifest, once the data set is complete.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        classes: Sequence[str],
        action_units: Sequence[str],
        shard_bytes: int,
    ):
        """Starts an empty data set in a temporary folder."""
        self._folder = folder
        self._classes = tuple(classes)
        self._action_units = tuple(action_units)
        self._splits = {
            name: _SplitWriter(folder, name, shard_bytes) for name in SPLITS
        }
        self._sizes: collections.Counter[str] = collections.Counter()
        self._rejected: list[tuple[str, str]] = []
        self.manifest: Manifest | None = None

    @property
    def rejected(self) -> Sequence[tuple[str, str]]:
        """The rejects so far, as (path, reason)."""
        return self._rejected

    def add(self, split: str, record: Record) -> None:
        """Appends a record to "train", "validation" or "test"."""
        self._splits[split].add(record)
        self._sizes[f"{record.width}x{record.height}"] += 1

    def add_picture(self, name: str, png: bytes) -> None:
        """Puts a picture for people beside the shards."""
        (self._folder / name).write_bytes(png)

    def reject(self, path: str, reason: str) -> None:
        """Notes an image that was not taken, and why."""
        # A reason may name a folder whose name is not UTF-8; JSON is.
        reason = reason.encode(errors="backslashreplace").decode()
        self._rejected.append((path, reason))

    def finish(self, source: dict[str, Any]) -> None:
        """Writes `rejected.csv` and `dataset.json`."""
        table = io.StringIO("path,reason\n", newline="")
        table.seek(0, io.SEEK_END)
        # All quoted: csv leaves a lone carriage return bare before Python 3.13.
        rows = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_ALL)
        rows.writerows(self._rejected)
        # Bytes of a name that are not UTF-8 are written as \udcXX, so that one such
        # name does not make the table unreadable.
        content = table.getvalue().encode(errors="backslashreplace")
        (self._folder / REJECTED_FILE_NAME).write_bytes(content)
        splits = {
            name: writer.finish(self._classes) for name, writer in self._splits.items()
        }
        self.manifest = Manifest(
            classes=self._classes,
            splits={name: split for name, split in splits.items() if split.count},
            image_sizes=dict(sorted(self._sizes.items())),
            source=source,
            action_units=self._action_units,
            rejected={
                "count": len(self._rejected),
                "reasons": dict(
                    collections.Counter(r for _, r in self._rejected).most_common()
                ),
                "sha256": hashlib.sha256(content).hexdigest(),
            },
        )
        (self._folder / FILE_NAME).write_text(self.manifest.to_json(), encoding="utf-8")


@contextlib.contextmanager
def write_dataset(
    output: str | os.PathLike,
    classes: Sequence[str],
    source: dict[str, Any],
    action_units: Sequence[str] = (),
    shard_bytes: int = DEFAULT_SHARD_BYTES,
) -> Iterator[DatasetWriter]:
    """Writes a prepared data set that appears under its name only when complete.

    Args:
      output: Folder to make; it must not exist, or be empty.
      classes: Class names in label order.
      source: Where the images come from, at least {"kind": …}; kept in the manifest.
      action_units: Names of the records' action units.
      shard_bytes: Size at which a new shard begins.

    Yields:
      The writer to add records and rejects to.

    Raises:
      RunError: If the folder exists and is not empty, or cannot be made.
    """
    with new_directory(output) as folder:
        writer = DatasetWriter(folder, classes, action_units, shard_bytes)
        yield writer
        writer.finish(source)
