"""Whether a prepared data set still is what was written, to the last byte."""

from __future__ import annotations

import collections
import concurrent.futures
import csv
import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from byel_tf.csv_cells import original
from byel_tf.data.check_record import CheckedRecord, check_record
from byel_tf.data.image_files import max_pixels_of
from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest, Shard
from byel_tf.data.prepared_dataset import LEADS_OUTSIDE, leads_outside, read_manifest
from byel_tf.data.sources.outside import OUTSIDE_COLUMNS, OUTSIDE_FILE_NAME
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

_LONGEST_LINE = 2**20  # of a table; longer ones come in pieces


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
    path: str | os.PathLike,
    advance: Callable[[int], Any] = lambda count: None,
    max_pixels: int | None = None,
) -> Iterator[Problem]:
    """Compares every byte of a data set with its manifest.

    Each shard is read once, record by record: checksums, hash, what the record says
    of its image and what the image's file says of itself. All that the manifest counts
    is counted again. Pictures for people are not covered.

    Args:
      path: The data set's folder.
      advance: Called with numbers of records read, which add up to the manifest's
        where all is whole.
      max_pixels: Pictures of more pixels are not decoded, and are a problem; None for
        `max_pixels_of` the data set.

    Yields:
      What is wrong, as it is found; nothing if all is as it was written.

    Raises:
      RunError: If there is no manifest, or it is not as it was written.
    """
    path = pathlib.Path(path)
    manifest, _ = read_manifest(path)
    yield from _check_names(manifest)
    yield from _unlisted(path, manifest)
    for name, columns, described in _tables(manifest):
        yield from _check_table(path / name, columns, described)
    contents = _Contents()
    most = max_pixels or max_pixels_of(manifest.source)
    check = functools.partial(check_record, manifest=manifest, max_pixels=most)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, split in manifest.splits.items():
            for shard in split.shards:
                reader = _ShardReader(path / shard.file, shard)
                records = reader.check(check, pool, advance)
                for number, checked in enumerate(records):
                    contents.add(name, checked)
                    for what, expected, found in checked.differences:
                        what = f"record {number}: {what}"
                        yield Problem(shard.file, what, expected, found)
                contents.are_whole &= not reader.broken
                yield from reader.problem()
    yield from contents.compare(manifest)


def _tables(manifest: Manifest) -> Iterator[tuple[str, Sequence[str], dict[str, Any]]]:
    """Name, columns and description of the tables that the manifest names."""
    yield REJECTED_FILE_NAME, ("path", "reason"), manifest.rejected
    if "sha256" in manifest.no_face:
        yield NO_FACE_FILE_NAME, ("path",), manifest.no_face
    if manifest.outside:
        yield OUTSIDE_FILE_NAME, OUTSIDE_COLUMNS, manifest.outside


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
    names.update(name for name, *_ in _tables(manifest))
    for name in sorted(os.listdir(path)):
        # "….open" is a shard whose writer was killed.
        is_shard = ".tfrecord" in name.lower() or name.endswith(".open")
        is_table = name in (NO_FACE_FILE_NAME, OUTSIDE_FILE_NAME)
        if (is_shard or is_table) and name not in names:
            yield Problem(name, f"{FILE_NAME} does not name it")


def _check_table(
    path: pathlib.Path, columns: Sequence[str], described: dict[str, Any]
) -> Iterator[Problem]:
    """Compares a CSV table with the manifest.

    Args:
      path: The table.
      columns: Its columns' names.
      described: The manifest's entry: "sha256", "count", and "reasons" where the last
        column is a reason.
    """
    digest = hashlib.sha256()
    reasons: collections.Counter[str] = collections.Counter()
    unreadable = ""
    try:
        if leads_outside(path):
            yield Problem(path.name, LEADS_OUTSIDE)
            return
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
                    reasons[original(row[-1]) if "reasons" in described else ""] += 1
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
    for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
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
        check: Callable[[bytes], CheckedRecord],
        pool: concurrent.futures.Executor,
        advance: Callable[[int], Any],
    ) -> Iterator[CheckedRecord]:
        """What is found in each record, in order, up to where the file breaks."""

        def check_chunk(chunk: list[bytes]) -> list[CheckedRecord]:
            return list(map(check, chunk))

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
            if leads_outside(self._path):
                self.broken = LEADS_OUTSIDE
                return
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
