"""What stands beside the shards: tables and manifest, from what the database knows."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from byel_tf.data.manifest import Manifest, Shard, Split
from byel_tf.data.preparation.convert import Conversion
from byel_tf.data.preparation.database import (
    OUTSIDE,
    TAKEN,
    WorkDatabase,
    decode_name,
)
from byel_tf.data.record import UNLABELLED
from byel_tf.data.sources.outside import OUTSIDE_COLUMNS, OUTSIDE_FILE_NAME
from byel_tf.data.writer import (
    NO_FACE_FILE_NAME,
    REJECTED_FILE_NAME,
    describe_split,
    write_manifest,
    write_table,
)


def write_description(
    work: WorkDatabase,
    folder: pathlib.Path,
    conversion: Conversion,
    origin: dict[str, Any],
    shards: Mapping[str, Sequence[Shard]],
) -> None:
    """Writes the tables and `dataset.json`.

    Args:
      work: The database.
      folder: Where the shards are.
      conversion: How images became records.
      origin: The manifest's `source`.
      shards: The shards of each split.
    """
    reasons = count_reasons(work)
    rejected_hash = write_table(
        folder / REJECTED_FILE_NAME,
        ("path", "reason"),
        _named(work, "name, reason", "reason IS NOT NULL"),
    )
    sizes = work.rows(
        "SELECT width || 'x' || height AS size, count(*) FROM images "
        f"WHERE {TAKEN} GROUP BY size ORDER BY size"
    )
    manifest = Manifest(
        classes=conversion.classes,
        splits={
            split: _split(work, split, conversion.classes, of_split)
            for split, of_split in shards.items()
            if of_split
        },
        image_sizes=dict(sizes),
        grey=work.number(f"SELECT sum(grey) FROM images WHERE {TAKEN}"),
        duplicates=_duplicates(work),
        source=origin,
        action_units=(),
        rejected={
            "count": sum(reasons.values()),
            "reasons": reasons,
            "sha256": rejected_hash,
        },
        no_face=_without_face(work, folder, conversion),
        outside=_outside(work, folder),
    )
    write_manifest(folder, manifest)


def count_reasons(work: WorkDatabase) -> dict[str, int]:
    """Rejected images by reason, the most frequent first."""
    return dict(
        work.rows(
            "SELECT reason, count(*) AS n FROM images WHERE reason IS NOT NULL "
            "GROUP BY reason ORDER BY n DESC, min(id)"
        )
    )


def _named(work: WorkDatabase, columns: str, condition: str) -> Iterator[tuple]:
    for name, *rest in work.rows(
        f"SELECT {columns} FROM images WHERE {condition} ORDER BY id"
    ):
        yield decode_name(name), *rest


def _split(
    work: WorkDatabase, split: str, classes: Sequence[str], shards: Sequence[Shard]
) -> Split:
    per_label = work.rows(
        f"SELECT label, count(*) FROM images WHERE split = ? AND {TAKEN} "
        "GROUP BY label",
        split,
    )
    return describe_split(collections.Counter(dict(per_label)), classes, shards)


def _duplicates(work: WorkDatabase) -> dict[str, int]:
    copies = work.number(
        f"SELECT count(*) - count(DISTINCT sha256) FROM images WHERE {TAKEN}"
    )
    contradictory = work.number(
        f"SELECT count(*) FROM (SELECT 1 FROM images WHERE {TAKEN} "
        f"AND label != {UNLABELLED} GROUP BY sha256 HAVING min(label) < max(label))"
    )
    return {"images": copies, "contradictory": contradictory}


def _without_face(
    work: WorkDatabase, folder: pathlib.Path, conversion: Conversion
) -> dict[str, Any]:
    if not conversion.crop_faces:
        return {}
    condition = f"{TAKEN} AND box IS NULL"
    count = work.number(f"SELECT count(*) FROM images WHERE {condition}")
    if conversion.no_face != "list":
        return {"count": count}
    rows = _named(work, "name", condition)
    return {
        "count": count,
        "sha256": write_table(folder / NO_FACE_FILE_NAME, ("path",), rows),
    }


def _outside(work: WorkDatabase, folder: pathlib.Path) -> dict[str, Any]:
    count = work.number(f"SELECT count(*) FROM images WHERE {OUTSIDE}")
    if not count:
        return {}
    rows = (
        (name, decode_name(where))
        for name, where in _named(work, "name, outside", OUTSIDE)
    )
    table = write_table(folder / OUTSIDE_FILE_NAME, OUTSIDE_COLUMNS, rows)
    return {"count": count, "sha256": table}
