"""Chosen records of a split, for people to look at."""

import itertools
import os
from collections.abc import Sequence

from byel_tf.data.manifest import PreparedDataset
from byel_tf.data.record import Record, parse
from byel_tf.data.tfrecord import CorruptFile, read_frame, walk_frames
from byel_tf.errors import RunError


def read_records(
    dataset: PreparedDataset, split: str, indices: Sequence[int]
) -> list[Record]:
    """Reads some records; of those between them only the headers, at most.

    Args:
      dataset: The data set.
      split: Name of a split that it has.
      indices: Positions in the split, in the order of the files, from 0.

    Returns:
      The records, in the order of the indices.

    Raises:
      IndexError: If the split has no such position.
      RunError: If a file or a chosen record is broken.
    """
    content = dataset.manifest.splits[split]
    wanted = set(map(int, indices))
    outside = [index for index in wanted if not 0 <= index < content.count]
    if outside:
        raise IndexError(
            f"{split} of data set {dataset.name} has {content.count} records. "
            f"Received: {min(outside)}"
        )
    found = {}
    first = 0
    for shard in content.shards:
        chosen = {i - first for i in wanted if first <= i < first + shard.records}
        records = _read_shard(dataset, shard.file, chosen)
        found |= {first + number: record for number, record in records.items()}
        first += shard.records
    return [found[int(index)] for index in indices]


def _read_shard(
    dataset: PreparedDataset, file_name: str, numbers: set[int]
) -> dict[int, Record]:
    """The records of a file that have these numbers."""
    found = {}
    if not numbers:
        return found
    path = dataset.path / file_name
    where = file_name
    try:
        with open(path, "rb", buffering=0) as file:
            frames = walk_frames(file, os.path.getsize(path))
            for number, frame in enumerate(itertools.islice(frames, max(numbers) + 1)):
                if number in numbers:
                    where = f"{file_name}: record {number}"
                    found[number] = parse(read_frame(file, number, *frame))
    except CorruptFile as error:
        raise broken(dataset, file_name, str(error)) from error
    except ValueError as error:
        raise broken(dataset, where, str(error)) from error
    missing = numbers - found.keys()
    if missing:
        raise broken(dataset, file_name, f"has no record {min(missing)}")
    return found


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
