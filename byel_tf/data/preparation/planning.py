"""Which images go into which file."""

from __future__ import annotations

import dataclasses

from byel_tf.data.preparation.database import TAKEN, WorkDatabase
from byel_tf.data.writer import shard_name

# What a record adds to its image: keys, names, framing.
_RECORD_OVERHEAD = 240


@dataclasses.dataclass(frozen=True)
class PlannedShard:
    """A shard to write: a stretch of a split's images in shuffled order.

    Attributes:
      file: Its name.
      split: Its split.
      place: Place of its first image.
      number: Number of that image.
      count: Images.
    """

    file: str
    split: str
    place: bytes
    number: int
    count: int


def plan_shards(work: WorkDatabase, split: str, shard_bytes: int) -> list[PlannedShard]:
    """Cuts a split into shards of about equal size.

    Args:
      work: The database, all images dealt.
      split: The split.
      shard_bytes: About what a shard is to hold.
    """
    size = f"bytes + {_RECORD_OVERHEAD}"
    total = work.number(
        f"SELECT sum({size}) FROM images WHERE split = ? AND {TAKEN}", split
    )
    if not total:
        return []
    count = max(1, round(total / shard_bytes))
    starts: list[tuple[bytes, int, int]] = []
    bytes_before = images = 0
    for place, number, image_bytes in work.rows(
        f"SELECT place, id, {size} FROM images WHERE split = ? AND {TAKEN} "
        "ORDER BY place, id",
        split,
    ):
        if bytes_before * count >= total * len(starts):
            starts.append((place, number, images))
        bytes_before += image_bytes
        images += 1
    ends = [before for _, _, before in starts[1:]] + [images]
    return [
        PlannedShard(
            shard_name(split, index, len(starts)), split, place, number, end - before
        )
        for index, ((place, number, before), end) in enumerate(
            zip(starts, ends, strict=True)
        )
    ]
