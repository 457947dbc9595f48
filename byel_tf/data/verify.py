"""Whether a prepared data set still is what was written, to the last byte."""

from __future__ import annotations

import collections
import concurrent.futures
import csv
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from byel_tf.csv_cells import original
from byel_tf.data.check_record import CheckedRecord, check_record
from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest, Shard, read_manifest
from byel_tf.data.tfrecord import CorruptFile, frame, read_frames
from byel_tf.data.writer import (
    NO_FACE_FILE_NAME,
    REJECTED_FILE_NAME,
    DuplicateCounter,
    describe_split,
    shard_name,
)

# Records are handed to threads in chunks of so many, or of so many bytes; a few chunks
# a thread are held at a time.
_CHUNK_RECORDS = 64
_CHUNK_BYTES = 2**20
_CHUNKS_PER_THREAD = 3


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written.

    Attributes:
      file: Name of the file within the data set's folder.
      what: What is wrong.
      expected: What it should be, or empty.
      found: What it is instead, or empty.
    """

    file: str
    what: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        line = f"{self.file}: {self.what}"
        if self.expected or self.found:
            line += f": expected {self.expected}, found {self.found}"
        return line


def verify(
    path: str | os.PathLike, advance: Callable[[int], Any] = lambda count: None
) -> Iterator[Problem]:
    """Compares every byte of a data set with its manifest.

    Each shard is read once, record by record: checksums, hash, what the record says
    of its image and what the image's file says of itself. All that the manifest counts
    is counted again. Pictures for people are not covered.

    Args:
      path: The data set's folder.
      advance: Called with numbers of records read, which add up to the manifest's
        where all is whole.

    Yields:
      What is wrong, as it is found; nothing if all is as it was written.

    Raises:
      RunError: If there is no manifest, or it is not as it was written.
    """
    path = pathlib.Path(path)
    manifest, _ = read_manifest(path)
    yield from _check_names(manifest)
    yield from _unlisted(path, manifest)
    rejected, no_face = path / REJECTED_FILE_NAME, path / NO_FACE_FILE_NAME
    yield from _check_table(rejected, ("path", "reason"), manifest.rejected)
    if "sha256" in manifest.no_face:
        yield from _check_table(no_face, ("path",), manifest.no_face)
    contents = _Contents()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, split in manifest.splits.items():
            for shard in split.shards:
                reader = _ShardReader(path / shard.file, shard)
                for number, checked in enumerate(reader.check(manifest, pool, advance)):
                    contents.add(name, checked)
                    for what, expected, found in checked.differences:
                        what = f"record {number}: {what}"
                        yield Problem(shard.file, what, expected, found)
                contents.are_whole &= not reader.broken
                yield from reader.problem()
    yield from contents.compare(manifest)


def _check_names(manifest: Manifest) -> Iterator[Problem]:
    """Names of splits, classes and shards; two shards of one name are found here."""
    splits = [name for name in SPLITS if name in manifest.splits]
    if list(manifest.splits) != splits:
        found = ", ".join(manifest.splits)
        yield Problem(FILE_NAME, "splits", ", ".join(splits), found)
    for name, split in manifest.splits.items():
        if list(split.per_class) != list(manifest.classes):
            classes, found = ", ".join(manifest.classes), ", ".join(split.per_class)
            yield Problem(FILE_NAME, f"classes of {name}", classes, found)
        for index, shard in enumerate(split.shards):
            expected = shard_name(name, index, len(split.shards))
            if shard.file != expected:
                what = f"name of shard {index} of {name}"
                yield Problem(FILE_NAME, what, expected, shard.file)


def _unlisted(path: pathlib.Path, manifest: Manifest) -> Iterator[Problem]:
    """Files that look like part of the data set."""
    names = {s.file for split in manifest.splits.values() for s in split.shards}
    if "sha256" in manifest.no_face:
        names.add(NO_FACE_FILE_NAME)
    for name in sorted(os.listdir(path)):
        # "….open" is a shard whose writer was killed.
        is_shard = ".tfrecord" in name.lower() or name.endswith(".open")
        if (is_shard or name == NO_FACE_FILE_NAME) and name not in names:
            yield Problem(name, f"{FILE_NAME} does not name it")


def _check_table(
    path: pathlib.Path, columns: Sequence[str], described: dict[str, Any]
) -> Iterator[Problem]:
    """Compares a CSV table with the manifest.

    Args:
      path: The table.
      columns: Its columns' names; a second column is a reason.
      described: The manifest's entry: "sha256", "count", "reasons" of two columns.
    """
    digest = hashlib.sha256()
    reasons: collections.Counter[str] = collections.Counter()
    unreadable = ""
    try:
        if not path.is_file():
            yield Problem(path.name, f"is missing, {FILE_NAME} names it")
            return
        with path.open("rb") as file:
            lines = _hashed_lines(file, digest)
            try:
                rows = csv.reader((line.decode() for line in lines), strict=True)
                if next(rows, ()) != list(columns):
                    raise ValueError("another header")
                for row in rows:
                    if len(row) != len(columns):
                        raise ValueError(f"a row of {len(row)} columns")
                    reasons[original(row[-1]) if len(columns) > 1 else ""] += 1
            except (ValueError, csv.Error) as error:
                unreadable = str(error)
            collections.deque(lines, maxlen=0)  # the rest, for the hash
    except OSError as error:
        yield Problem(path.name, f"cannot be read: {error.strerror}")
        return
    if digest.hexdigest() != described["sha256"]:
        yield Problem(path.name, "SHA-256", described["sha256"], digest.hexdigest())
    elif unreadable:
        yield Problem(path.name, "content", ",".join(columns), unreadable)
    else:
        counts = {"in all": described["count"]}, {"in all": reasons.total()}
        yield from _differences(path.name, "rows", *counts)
        if "reasons" in described:
            yield from _differences(path.name, "rows of", described["reasons"], reasons)


def _hashed_lines(file, digest) -> Iterator[bytes]:
    for line in file:
        digest.update(line)
        yield line


def _differences(
    file: str, what: str, expected: dict[str, int], found: dict[str, int]
) -> Iterator[Problem]:
    """One problem for each count that differs."""
    for key in {**expected, **found}:
        pair = expected.get(key, 0), found.get(key, 0)
        if pair[0] != pair[1]:
            yield Problem(file, f"{what} {key}", *map(str, pair))


class _ShardReader:
    """Reads a shard once: records, checksums and hash.

    Attributes:
      broken: Where the file breaks, empty if it does not; known after `check`.
    """

    def __init__(self, path: pathlib.Path, shard: Shard):
        """Takes the file and what the manifest says of it."""
        self._path = path
        self._shard = shard
        self._digest = hashlib.sha256()
        self._records = self._bytes = 0
        self.broken = ""

    def check(
        self,
        manifest: Manifest,
        pool: concurrent.futures.Executor,
        advance: Callable[[int], Any],
    ) -> Iterator[CheckedRecord]:
        """What is found in each record, in order, up to where the file breaks."""

        def check_chunk(chunk: list[bytes]) -> list[CheckedRecord]:
            return [check_record(data, manifest) for data in chunk]

        waiting: collections.deque = collections.deque()
        for chunk in self._chunks():
            waiting.append(pool.submit(check_chunk, chunk))
            if len(waiting) > _CHUNKS_PER_THREAD * (os.cpu_count() or 1):
                yield from waiting.popleft().result()
            advance(len(chunk))
        for future in waiting:
            yield from future.result()

    def _chunks(self) -> Iterator[list[bytes]]:
        chunk: list[bytes] = []
        size = 0
        for data in self._frames():
            chunk.append(data)
            size += len(data)
            if len(chunk) == _CHUNK_RECORDS or size >= _CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _frames(self) -> Iterator[bytes]:
        try:
            if not self._path.is_file():
                self.broken = f"is missing, {FILE_NAME} names it"
                return
            for data in read_frames(self._path):
                # With its checksums right, this is what the file holds.
                content = frame(data)
                self._digest.update(content)
                self._bytes += len(content)
                self._records += 1
                yield data
        except CorruptFile as error:
            self.broken = f"is damaged: {error}"
        except OSError as error:
            self.broken = f"cannot be read: {error.strerror}"

    def problem(self) -> Iterator[Problem]:
        """What is wrong with the file as a whole: the first thing that tells."""
        shard = self._shard
        if self.broken:
            yield Problem(shard.file, self.broken)
            return
        for what, expected, found in (
            ("records", shard.records, self._records),
            ("bytes", shard.bytes, self._bytes),
            ("SHA-256", shard.sha256, self._digest.hexdigest()),
        ):
            if expected != found:
                yield Problem(shard.file, what, str(expected), str(found))
                return


class _Contents:
    """What the records are, all together.

    Attributes:
      are_whole: Whether every record is among them.
    """

    def __init__(self):
        """Nothing counted."""
        self._per_label: dict[str, collections.Counter[int]] = {}
        self._sizes: collections.Counter[str] = collections.Counter()
        self._grey = 0
        self._duplicates = DuplicateCounter()
        self.are_whole = True

    def add(self, split: str, checked: CheckedRecord) -> None:
        """Counts a record."""
        record = checked.record
        if record is None or checked.grey is None:
            self.are_whole = False
            return
        labels = self._per_label.setdefault(split, collections.Counter())
        labels[record.label] += 1
        self._sizes[f"{record.width}x{record.height}"] += 1
        self._grey += checked.grey
        self._duplicates.add(record.encoded, record.label)

    def compare(self, manifest: Manifest) -> Iterator[Problem]:
        """What the manifest counts otherwise."""
        if not self.are_whole:
            what = "its counts are not compared, since not every record can be read"
            yield Problem(FILE_NAME, what)
            return
        duplicates = self._duplicates.counts()
        compared = [
            ("images of", manifest.image_sizes, self._sizes),
            ("images", {"in grey": manifest.grey}, {"in grey": self._grey}),
            ("duplicates:", manifest.duplicates, duplicates),
        ]
        for name, stated in manifest.splits.items():
            per_label = self._per_label.get(name, collections.Counter())
            found = describe_split(per_label, manifest.classes, stated.shards)
            both = [
                {"in all": s.count, "unlabelled": s.unlabelled} for s in (stated, found)
            ]
            compared.append((f"records of {name},", *both))
            classes = stated.per_class, found.per_class
            compared.append((f"records of {name}, class", *classes))
        for what, expected, found in compared:
            yield from _differences(FILE_NAME, what, expected, found)
