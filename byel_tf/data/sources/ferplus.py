"""FERPlus as its own scripts read it: pictures, and a table of votes beside them.

`data/FER2013Train/label.csv` of github.com/microsoft/FERPlus, and the same in
FER2013Valid and FER2013Test, has rows without a header: the picture's name, the face's
box as "(0, 0, 48, 48)", which is left, top, right and bottom (`src/rect_util.py`), and
the votes for neutral, happiness, surprise, sadness, anger, disgust, fear, contempt,
unknown and NF (no face). `src/generate_training_data.py` writes the pictures beside it.
Copies made for the later `src/ferplus.py`, which takes all behind the name for votes,
have no box.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.boxes import NO_NUMBERS, Bounds, read_box
from byel_tf.data.sources.folder import HIDDEN
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.scan import scan
from byel_tf.data.sources.source import SourceOptions, require_items, subject_of
from byel_tf.data.sources.split_words import split_within
from byel_tf.data.sources.table import (
    check_root,
    first_row,
    locate,
    read_rows,
    row_name,
)
from byel_tf.data.sources.votes import COUNTED, VoteRow, VoteRule
from byel_tf.data.sources.walk import is_hidden
from byel_tf.errors import RunError

_FOLDERS = ("FER2013Train", "FER2013Valid", "FER2013Test")
_TABLE = "label.csv"
_PROBED = 20


def is_table(path: str) -> bool:
    """Whether a file is such a table, by its first row."""
    return _read(first_row(path)) is not None


def find_tables(folder: str) -> list[str]:
    """The tables in a folder, or in the folders FERPlus has for them."""
    for place in ("", "data"):
        paths = [os.path.join(folder, place, name, _TABLE) for name in _FOLDERS]
        found = [path for path in paths if os.path.isfile(path)]
        if any(map(is_table, found)):
            return found
    path = os.path.join(folder, _TABLE)
    if os.path.isfile(path):
        with contextlib.suppress(RunError):  # a file of another set, of whatever kind
            return [path] if is_table(path) else []
    return []


def _read(row: list[str]) -> tuple[str, str | None, tuple[float, ...]] | None:
    """A row's name, its box as text, and its votes; None if it is no such row."""
    if len(row) not in (len(COUNTED) + 1, len(COUNTED) + 2):
        return None
    name, box = row[0].strip(), None
    if len(row) == len(COUNTED) + 2:
        box = row[1].strip()
        if not (box.startswith("(") and box.endswith(")")):
            return None
    try:
        counts = tuple(map(float, row[-len(COUNTED) :]))
    except ValueError:
        return None
    return name, box, counts


class FerPlusSource:
    """Pictures listed in one or several of FERPlus's tables `label.csv`."""

    kind = "ferplus"

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds the tables and the pictures.

        Args:
          path: A table, or a folder of one or several.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If there is no such table, or no picture of it.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern", "vote_labels")
        self._path = path
        self._rule = VoteRule(labels, options.vote_labels)
        self._subjects = options.subjects
        tables = find_tables(path) if os.path.isdir(path) else [path]
        if not tables or not all(map(is_table, tables)):
            raise RunError(
                f"{path} is no {_TABLE} of FERPlus, nor holds one in "
                f"{', '.join(_FOLDERS)}: expected rows as fer0000000.png,"
                '"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0'
            )
        #: Table, what stands before its pictures' names, their folder, and split.
        self._tables = []
        for table in tables:
            folder = os.path.basename(os.path.dirname(os.path.abspath(table)))
            root = self._find_pictures(table, folder, options.root)
            prefix = f"{folder}/" if len(tables) > 1 else ""
            self._tables.append((table, prefix, root, split_within(folder)))
        self.roots = tuple(root for _, _, root, _ in self._tables)
        self.gives_splits = all(split for *_, split in self._tables)
        self.gives_boxes = any(_read(first_row(table))[1] for table in tables)
        self.description = (
            f"FERPlus: labels from the votes ({options.vote_labels}); "
            + "; ".join(
                f"{table} as {split or 'no split'}, images in {root or '.'}"
                for table, _, root, split in self._tables
            )
        )

    def _find_pictures(self, table: str, folder: str, root: str | None) -> str:
        places = [os.path.dirname(table)]
        if root is not None:
            places = [os.path.join(check_root(root), folder), root]
        names = []
        for _, row in read_rows(table, ","):
            names.append(row[0].strip())
            if len(names) == _PROBED:
                break
        found = locate(places, list(filter(None, names)))
        if found is None:
            raise RunError(
                f"none of the first images of {table}, as {names[0]}, is in "
                f"{', '.join(place or '.' for place in places)}: make them by "
                "FERPlus's generate_training_data.py or give --root; without them "
                "give fer2013.csv as --source and fer2013new.csv as --votes"
            )
        return found

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, then every other file beside them, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        for table, prefix, root, split in self._tables:
            listed = {os.path.basename(table)}
            for number, row in read_rows(table, ","):
                read = _read(row)
                if read is None or not read[0]:
                    what = "row is no name, box and ten votes"
                    yield Rejected(f"{prefix}{row_name(table, number)}", what)
                    continue
                listed.add(read[0])
                yield self._entry(number, *read, prefix, root, split)
            for file in _files(root):
                if file not in listed:
                    reason = HIDDEN if is_hidden(file) else f"not named in {_TABLE}"
                    yield Rejected(prefix + file, reason)

    def _entry(
        self,
        number: int,
        image: str,
        box_text: str | None,
        counts: tuple[float, ...],
        prefix: str,
        root: str,
        split: str | None,
    ) -> Item | Rejected:
        name = prefix + image
        verdict = self._rule.decide(VoteRow(number, "", image, counts))
        if isinstance(verdict, str):
            return Rejected(name, verdict)
        box: Bounds | str | None = None
        if box_text is not None:
            edges = box_text.strip("()").split(",")
            box = read_box(*edges) if len(edges) == 4 else NO_NUMBERS
            if isinstance(box, str):
                return Rejected(name, box)
        subject = None
        if self._subjects is not None:
            subject = subject_of(self._subjects, name)
            if subject is None:
                return Rejected(name, self._subjects.mismatch)
        path = os.path.join(root, image)
        return Item(name, path, verdict.label, split, subject, verdict.votes, box=box)


def _files(folder: str) -> list[str]:
    return sorted(entry.name for entry in scan(folder) if entry.is_file())
