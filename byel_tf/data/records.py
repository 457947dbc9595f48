"""Records of a split by their position in it."""

import contextlib
import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import PEEK_BYTES, Record, parse, peek_label
from byel_tf.data.tfrecord import CorruptFile, read_frame, walk_frames
from byel_tf.errors import RunError

_OPEN_FILES = 64


class SplitRecords:
    """A split's records by position, in the order of the files; for many threads.

    Of the records between those that are read only the headers are, once.
    """

    def __init__(self, dataset: PreparedDataset, split: str):
        """Opens nothing yet.

        Args:
          dataset: The data set.
          split: Name of a split that it has.
        """
        self._dataset = dataset
        self._split = split
        self._shards = dataset.manifest.splits[split].shards
        self._firsts = np.cumsum([0, *(shard.records for shard in self._shards)])
        self._lock = threading.Lock()
        # Not methods: a circle of references would keep the files open.
        self._file = _opener(dataset.shard_paths(split))
        self._frames = _walker(self._file, [shard.records for shard in self._shards])

    def __len__(self) -> int:
        """Number of records."""
        return int(self._firsts[-1])

    def read(self, positions: Sequence[int]) -> list[bytes]:
        """The records' bytes, in the order of the positions.

        Raises:
          IndexError: If the split has no such position.
          RunError: If a file is missing or broken.
        """
        return [self._read(int(position)) for position in positions]

    def parse(self, position: int) -> Record:
        """A record, parsed.

        Raises:
          IndexError: If the split has no such position.
          RunError: If a file is missing or broken, or the bytes are no record.
        """
        serialized = self._read(position)
        try:
            return parse(serialized)
        except ValueError as error:
            raise self.broken(position, str(error)) from error

    def broken(self, position: int, reason: str) -> RunError:
        """The error for a record that is not as it was written."""
        shard, number = self._where(position)
        return self._broken(shard, reason, number)

    def labels(self) -> np.ndarray:
        """Every record's label, (count,), int64.

        Raises:
          RunError: If a file is missing or broken.
        """
        return np.fromiter(map(self._label, range(len(self))), np.int64, len(self))

    def _where(self, position: int) -> tuple[int, int]:
        """The number of a record's file, and its own number in it."""
        if not 0 <= position < len(self):
            raise IndexError(
                f"{self._split} of data set {self._dataset.name} has {len(self)} "
                f"records. Received: {position}"
            )
        shard = int(np.searchsorted(self._firsts, position, side="right")) - 1
        return shard, position - int(self._firsts[shard])

    def _broken(self, shard: int, reason: str, number: int | None = None) -> RunError:
        file = self._shards[shard].file
        where = file if number is None else f"{file}: record {number}"
        return broken(self._dataset, where, reason)

    @contextlib.contextmanager
    def _opened(self, position: int) -> Iterator[tuple[BinaryIO, int, int, int]]:
        """A record's file, for one thread, its number in it, start and length.

        Raises:
          IndexError: If the split has no such position.
          RunError: If the file is missing or broken, or is found to be.
        """
        shard, number = self._where(position)
        try:
            with self._lock:  # a file has one position
                frames = self._frames(shard)
                if number >= len(frames):
                    raise self._broken(shard, f"has no record {number}")
                start, length = map(int, frames[number])
                yield self._file(shard), number, start, length
        except CorruptFile as error:
            raise self._broken(shard, str(error)) from error
        except OSError as error:
            raise self._broken(shard, f"cannot be read, {error.strerror}") from error

    def _read(self, position: int) -> bytes:
        with self._opened(position) as (file, number, start, length):
            return read_frame(file, number, start, length)

    def _label(self, position: int) -> int:
        with self._opened(position) as (file, _, start, length):
            file.seek(start)
            label = peek_label(file.read(min(length, PEEK_BYTES)))
        return self.parse(position).label if label is None else label


def _opener(paths: Sequence[str]) -> Callable[[int], BinaryIO]:
    """Opens files by number and keeps those last used open."""

    @functools.lru_cache(_OPEN_FILES)
    def open_file(number: int) -> BinaryIO:
        return open(paths[number], "rb", buffering=0)

    return open_file


def _walker(
    open_file: Callable[[int], BinaryIO], counts: Sequence[int]
) -> Callable[[int], np.ndarray]:
    """Finds the start and length of each record of a file, (records, 2), once."""

    @functools.cache
    def walk(number: int) -> np.ndarray:
        file = open_file(number)
        frames = walk_frames(file, os.fstat(file.fileno()).st_size)
        frames = list(itertools.islice(frames, counts[number]))
        return np.array(frames, np.int64).reshape(-1, 2)

    return walk


def read_records(
    dataset: PreparedDataset, split: str, positions: Sequence[int]
) -> list[Record]:
    """Reads some records, for people to look at.

    Args:
      dataset: The data set.
      split: Name of a split that it has.
      positions: Positions in the split, in the order of the files, from 0.

    Returns:
      The records, in the order of the positions.

    Raises:
      IndexError: If the split has no such position.
      RunError: If a file or a chosen record is broken.
    """
    records = SplitRecords(dataset, split)
    return [records.parse(int(position)) for position in positions]


def broken(dataset: PreparedDataset, where: str, reason: str) -> RunError:
    """The error for a data set whose files are not as they were written.

    Args:
      dataset: The data set.
      where: File within its folder, and what in it.
      reason: What is wrong there.
    """
    return RunError(
        f"{dataset.path / where}: {reason}: python -m byel_tf.cli.inspect --verify "
        f"{dataset.path} says what else is broken"
    )
