"""What is known of every image so far, on disk: it outlives a killed run.

One table holds one row an image that the source names, in the source's order, and is
filled from left to right: what the source says of it, what its file is found to be or
why it is not taken, the split it goes to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from byel_tf.data.manifest import Shard
from byel_tf.data.preparation.convert import Finding
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
  id INTEGER PRIMARY KEY,
  name BLOB, path BLOB, row_start INTEGER, row_bytes INTEGER,
  label INTEGER, given TEXT, subject TEXT, votes TEXT, bounds TEXT, place BLOB,
  outside BLOB,
  reason TEXT,
  sha256 BLOB, bytes INTEGER, format TEXT, width INTEGER, height INTEGER,
  grey INTEGER, passed INTEGER, box TEXT,
  stamp TEXT,
  split TEXT
);
CREATE TABLE IF NOT EXISTS shards (
  file TEXT PRIMARY KEY, records INTEGER, bytes INTEGER, sha256 TEXT
) WITHOUT ROWID;
"""
_BATCH = 4096
_ITEM = "name, path, row_start, row_bytes, label, given, subject, votes, bounds"
_FINDING = "sha256, bytes, format, width, height, grey, passed, box"
#: Condition of the images that can be taken, as far as is known.
TAKEN = "reason IS NULL"
#: Condition of the images that the source leads to.
LISTED = "path IS NOT NULL"
#: Condition of those that can be taken, as far as is known, and lie outside it.
OUTSIDE = f"{TAKEN} AND outside IS NOT NULL"


class Listed(NamedTuple):
    """What a source names.

    Attributes:
      entry: The image, or why it is not taken.
      place: Its place in the shuffled order, 16 bytes.
      outside: Where it is, if that is outside the source.
    """

    entry: Item | Rejected
    place: bytes
    outside: str | None


class WorkDatabase:
    """The file; one process at a time has it open."""

    def __init__(self, path: pathlib.Path):
        """Opens or makes the file.

        Args:
          path: The file.

        Raises:
          RunError: If another process has it open, or it can't be used.
        """
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # The only lock where folders cannot be locked; it ends with the process.
            self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.connection.execute("PRAGMA journal_mode = WAL")
            # What the last moments before a power cut brought is done again.
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.execute("PRAGMA cache_size = -32768")
            self.connection.execute("BEGIN EXCLUSIVE")
            self._make_tables()
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.connection.close()
            if "locked" in str(error):
                raise RunError(
                    f"another process is preparing the same data set, in {path.parent}"
                ) from error
            raise RunError(f"cannot use {path}: {error}") from error
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise RunError(
                f"{path} is damaged ({error}): remove {path.parent} and start anew"
            ) from error

    def start_anew(self) -> None:
        """Forgets everything, the columns that another version had as well."""
        with self.transaction():
            for table in ("facts", "images", "shards"):
                self.connection.execute(f"DROP TABLE {table}")
            self._make_tables()

    def _make_tables(self) -> None:
        for statement in _SCHEMA.split(";"):
            self.connection.execute(statement)

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing of it."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> Iterator[tuple]:
        """Rows of a query, one after the other."""
        return self.connection.execute(query, values)

    def number(self, query: str, *values: Any) -> int:
        """The single number that a query gives, 0 for none."""
        return self.connection.execute(query, values).fetchone()[0] or 0

    def fact(self, name: str) -> str | None:
        """A fact that was written, or None."""
        row = self.connection.execute(
            "SELECT value FROM facts WHERE name = ?", (name,)
        ).fetchone()
        return row and row[0]

    def set_fact(self, name: str, value: str) -> None:
        """Writes a fact."""
        self.connection.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))

    def add_items(self, items: Iterable[Listed]) -> None:
        """Appends what a source names."""
        columns = f"{_ITEM}, place, outside, reason"
        marks = ", ".join("?" * (columns.count(",") + 1))
        self.connection.executemany(
            f"INSERT INTO images ({columns}) VALUES ({marks})", map(_item_row, items)
        )

    def unexamined(self, chunk: int) -> Iterator[list[tuple[int, Item]]]:
        """Images that were not looked at, with their numbers, in chunks."""
        last = 0
        while True:
            # Not one long query: rows are written between its rows.
            rows = self.connection.execute(
                f"SELECT id, {_ITEM} FROM images WHERE id > ? AND reason IS NULL AND "
                "sha256 IS NULL ORDER BY id LIMIT ?",
                (last, max(1, _BATCH // chunk) * chunk),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for start in range(0, len(rows), chunk):
                part = rows[start : start + chunk]
                yield [(number, _item(values)) for number, *values in part]

    def set_findings(
        self,
        numbers: Sequence[int],
        findings: Sequence[tuple[Finding | str, str | None]],
    ) -> None:
        """Writes what `examine` gives for images."""
        pairs = list(zip(numbers, findings, strict=True))
        assignments = ", ".join(f"{name} = ?" for name in _FINDING.split(", "))
        with self.transaction():
            self.connection.executemany(
                f"UPDATE images SET {assignments} WHERE id = ?",
                (
                    (*_finding_row(f), n)
                    for n, (f, _) in pairs
                    if not isinstance(f, str)
                ),
            )
            self.connection.executemany(
                "UPDATE images SET stamp = ? WHERE id = ?",
                ((stamp, n) for n, (_, stamp) in pairs),
            )
            self.reject((f, n) for n, (f, _) in pairs if isinstance(f, str))

    def stamps(self) -> Iterator[tuple[str, str]]:
        """Path and stamp of every file that was examined."""
        for path, stamp in self.connection.execute(
            "SELECT path, stamp FROM images WHERE stamp IS NOT NULL"
        ):
            yield os.fsdecode(path), stamp

    def reject(self, reasons: Iterable[tuple[str, int]]) -> None:
        """Notes why images, by number, are not taken."""
        self.connection.executemany(
            "UPDATE images SET reason = ? WHERE id = ?",
            ((reason.encode(errors="backslashreplace").decode(), n)
             for reason, n in reasons),
        )  # fmt: skip

    def entries(
        self, split: str, place: bytes, number: int, count: int
    ) -> Iterator[tuple[Item, Finding]]:
        """A split's images in shuffled order, from a place and number on."""
        rows = self.connection.execute(
            f"SELECT {_ITEM}, {_FINDING} FROM images WHERE split = ? AND "
            "(place, id) >= (?, ?) ORDER BY place, id LIMIT ?",
            (split, place, number, count),
        )
        middle = _ITEM.count(",") + 1
        for values in rows:
            yield _item(values[:middle]), _finding(values[middle:])

    def shards(self) -> dict[str, Shard]:
        """The finished shards, by file name."""
        rows = self.connection.execute("SELECT * FROM shards")
        return {row[0]: Shard(*row) for row in rows}

    def add_shard(self, shard: Shard) -> None:
        """Notes that a shard is finished."""
        values = (shard.file, shard.records, shard.bytes, shard.sha256)
        self.connection.execute("REPLACE INTO shards VALUES (?, ?, ?, ?)", values)


def decode_name(name: bytes) -> str:
    """A file's name; it may hold bytes that are not UTF-8."""
    return name.decode(errors="surrogateescape")


def _encode_name(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _item_row(listed: Listed) -> tuple:
    item, place, outside = listed
    if isinstance(item, Rejected):
        reason = item.reason.encode(errors="backslashreplace").decode()
        return (_encode_name(item.name), *[None] * 8, place, None, reason)
    start, size = item.row or (None, None)
    return (
        _encode_name(item.name),
        os.fsencode(item.path),
        start,
        size,
        item.label,
        item.split,
        item.subject and item.subject.encode(errors="backslashreplace").decode(),
        item.votes and json.dumps(item.votes),
        item.box and json.dumps(item.box),
        place,
        None if outside is None else _encode_name(outside),
        None,
    )


def _item(values: Sequence) -> Item:
    name, path, start, size, label, given, subject, votes, bounds = values
    return Item(
        name=decode_name(name),
        path=os.fsdecode(path),
        label=label,
        split=given,
        subject=subject,
        votes=votes and tuple(json.loads(votes)),
        row=None if start is None else (start, size),
        box=bounds and tuple(json.loads(bounds)),
    )


def _finding_row(found: Finding) -> tuple:
    return (
        found.sha256,
        found.bytes,
        found.format,
        found.width,
        found.height,
        found.grey,
        found.passed,
        found.box and json.dumps(dataclasses.astuple(found.box)),
    )


def _finding(values: Sequence) -> Finding:
    sha256, size, kind, width, height, grey, passed, box = values
    box = box and Box(*json.loads(box))
    return Finding(sha256, size, kind, width, height, bool(grey), bool(passed), box)
