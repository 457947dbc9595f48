"""Writes a prepared data set: shards, rejects, manifest; whole or not at all."""

import array
import collections
import contextlib
import csv
import hashlib
import io
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from byel_tf.csv_cells import neutral
from byel_tf.data.image_files import is_grey
from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest, Shard, Split
from byel_tf.data.record import UNLABELLED, Record, serialize
from byel_tf.data.tfrecord import frame
from byel_tf.files import close_on_disk, new_directory

#: What a shard is to hold; the sizes of a split's shards are made alike.
DEFAULT_SHARD_BYTES = 144 * 10**6

REJECTED_FILE_NAME = "rejected.csv"
NO_FACE_FILE_NAME = "no_face.csv"


def shard_name(split: str, index: int, count: int) -> str:
    """The file name of a split's shard number `index` of `count`."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


class ShardWriter:
    """Writes one shard."""

    def __init__(self, file: IO[bytes]):
        """Starts at the beginning.

        Args:
          file: File to write to; closed by `close`.
        """
        self._file = file
        self._hash = hashlib.sha256()
        self._records = 0
        self.bytes = 0

    def add(self, record: Record) -> None:
        """Appends a record."""
        data = frame(serialize(record))
        self._file.write(data)
        self._hash.update(data)
        self._records += 1
        self.bytes += len(data)

    def close(self, name: str = "") -> Shard:
        """Puts the file on disk; returns what the manifest says of it."""
        close_on_disk(self._file)
        return Shard(name, self._records, self.bytes, self._hash.hexdigest())


class DuplicateCounter:
    """Counts images that were seen before, in 16 bytes an image.

    Images are told apart by 64 bits of their hash: among a hundred million, two
    different ones are taken for the same with probability 0.0003.
    """

    def __init__(self):
        """Nothing seen."""
        self._hashes = array.array("Q")
        self._labels = array.array("q")

    def add(self, encoded: bytes, label: int) -> None:
        """Takes an image's file content and its label."""
        digest = hashlib.sha256(encoded).digest()
        self._hashes.append(int.from_bytes(digest[:8], "big"))
        self._labels.append(label)

    def counts(self) -> dict[str, int]:
        """The manifest's `duplicates`."""
        import numpy as np  # after the workers' imports, which do without

        hashes = np.frombuffer(self._hashes, np.uint64)
        labels = np.frombuffer(self._labels, np.int64)
        distinct = np.unique(hashes).size
        pairs = np.stack([hashes.astype(np.int64), labels])[:, labels != UNLABELLED]
        pairs = np.unique(pairs, axis=1)[0]
        several = np.unique(pairs, return_counts=True)[1] > 1
        return {
            "images": int(hashes.size - distinct),
            "contradictory": int(several.sum()),
        }


class _SplitWriter:
    """The shards and counts of one split."""

    def __init__(self, folder: pathlib.Path, name: str, shard_bytes: int):
        self._folder = folder
        self._name = name
        self._shard_bytes = shard_bytes
        self._open: ShardWriter | None = None
        self._shards: list[Shard] = []
        self.per_label: collections.Counter[int] = collections.Counter()

    def _path(self, index: int) -> pathlib.Path:
        # The number of shards is part of the final name, and known only at the end.
        return self._folder / f"{self._name}-{index:05d}.open"

    def add(self, record: Record) -> None:
        if self._open is None:
            self._open = ShardWriter(self._path(len(self._shards)).open("wb"))
        self._open.add(record)
        self.per_label[record.label] += 1
        if self._open.bytes >= self._shard_bytes:
            self.close_shard()

    def close_shard(self) -> None:
        if self._open is not None:
            self._shards.append(self._open.close())
            self._open = None

    def finish(self, classes: Sequence[str]) -> Split:
        self.close_shard()
        shards = []
        for index, shard in enumerate(self._shards):
            name = shard_name(self._name, index, len(self._shards))
            self._path(index).rename(self._folder / name)
            shards.append(Shard(name, shard.records, shard.bytes, shard.sha256))
        return describe_split(self.per_label, classes, shards)


def describe_split(
    per_label: collections.Counter[int], classes: Sequence[str], shards: Sequence[Shard]
) -> Split:
    """The manifest's entry of a split.

    Args:
      per_label: Records by label.
      classes: Class names in label order.
      shards: Its files, in order.
    """
    return Split(
        count=per_label.total(),
        per_class={name: per_label[i] for i, name in enumerate(classes)},
        unlabelled=per_label[UNLABELLED],
        shards=tuple(shards),
    )


def write_table(
    path: pathlib.Path, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    r"""Writes a CSV table; returns its SHA-256, hexadecimal.

    Bytes of a name that are not UTF-8 are written as \udcXX, so that one such name
    does not make the table unreadable; what a spreadsheet would run is neutral.
    """
    digest = hashlib.sha256()
    with path.open("wb") as file:
        line = io.StringIO(newline="")
        # All quoted: csv leaves a lone carriage return bare before Python 3.13.
        writer = csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL)
        line.write(",".join(columns) + "\n")
        for row in rows:
            writer.writerow(map(neutral, row))
            if line.tell() > 2**16:
                _flush(line, file, digest)
        _flush(line, file, digest)
        close_on_disk(file)
    return digest.hexdigest()


def _flush(line: io.StringIO, file, digest) -> None:
    content = line.getvalue().encode(errors="backslashreplace")
    file.write(content)
    digest.update(content)
    line.seek(0)
    line.truncate()


def printable(reason: str) -> str:
    """A reason as JSON and terminals can hold it: it may name a folder that is not."""
    return reason.encode(errors="backslashreplace").decode()


def write_manifest(folder: pathlib.Path, manifest: Manifest) -> None:
    """Writes `dataset.json`, the last file of a data set."""
    with (folder / FILE_NAME).open("w", encoding="utf-8", newline="\n") as file:
        file.write(manifest.to_json())
        close_on_disk(file)


class DatasetWriter:
    """Takes records and rejects one by one; made by `write_dataset`.

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
        self._grey = 0
        self._duplicates = DuplicateCounter()
        self._rejected: list[tuple[str, str]] = []
        self.manifest: Manifest | None = None

    def add(self, split: str, record: Record) -> None:
        """Appends a record to "train", "validation" or "test"."""
        self._splits[split].add(record)
        self._sizes[f"{record.width}x{record.height}"] += 1
        self._grey += is_grey(record.encoded)
        self._duplicates.add(record.encoded, record.label)

    def add_picture(self, name: str, png: bytes) -> None:
        """Puts a picture for people beside the shards."""
        (self._folder / name).write_bytes(png)

    def reject(self, path: str, reason: str) -> None:
        """Notes an image that was not taken, and why."""
        self._rejected.append((path, printable(reason)))

    def finish(self, source: dict[str, Any]) -> None:
        """Writes `rejected.csv` and `dataset.json`."""
        rejected_hash = write_table(
            self._folder / REJECTED_FILE_NAME, ("path", "reason"), self._rejected
        )
        splits = {
            name: writer.finish(self._classes) for name, writer in self._splits.items()
        }
        self.manifest = Manifest(
            classes=self._classes,
            splits={name: split for name, split in splits.items() if split.count},
            image_sizes=dict(sorted(self._sizes.items())),
            grey=self._grey,
            duplicates=self._duplicates.counts(),
            source=source,
            action_units=self._action_units,
            rejected={
                "count": len(self._rejected),
                "reasons": dict(
                    collections.Counter(r for _, r in self._rejected).most_common()
                ),
                "sha256": rejected_hash,
            },
        )
        write_manifest(self._folder, self.manifest)


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
