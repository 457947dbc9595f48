"""AffectNet: images in numbered folders, listed in tables.

The release of 2017 has `Manually_Annotated_file_lists/training.csv` and
`validation.csv`, `Automatically_Annotated_file_lists/automatically_annotated.csv`, and
the images in `Manually_Annotated_Images/` and `Automatically_Annotated_Images/`, which
some keep in `Manually_Annotated/` and `Automatically_Annotated/`. The columns are
`subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,
expression,valence,arousal`; there are copies of `validation.csv` without a header
(public loaders skip a row for training only). Expressions count neutral, happiness,
sadness, surprise, fear, disgust, anger, contempt, none, uncertain, no face from 0
(Mollahosseini et al. 2017; github.com/sb-ai-lab/EmotiEffLib issue 14,
kiva12138/AffectNetBaseline). face_x and face_y are the upper left corner of a square
about the face; the pictures are not cut to it: public loaders do that themselves and
leave out rows whose width is negative, which have none (github.com/yangyuke001/
process-AffectNet-csv). The release of 2021 is read by `affectnet_arrays`.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.affectnet_arrays import AffectNetArrays, find_sets
from byel_tf.data.sources.boxes import NO_NUMBERS, checked_box
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS, REFUSED
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing, path_in
from byel_tf.data.sources.source import Source, SourceOptions, require_items
from byel_tf.data.sources.split_words import split_within
from byel_tf.data.sources.table import (
    check_root,
    find_column,
    first_row,
    locate,
    read_rows,
    row_name,
)
from byel_tf.errors import RunError

EXPRESSIONS = ORDERS["affectnet"]
_NO_EXPRESSION = REFUSED["affectnet"]
_PROBED = 20
_MANUAL = ("training.csv", "validation.csv")
_AUTOMATIC = ("automatically_annotated.csv",)
_PATH, _EXPRESSION = "subdirectoryfilepath", "expression"
_BOX = ("facex", "facey", "facewidth", "faceheight")
_PATH_WITHOUT_HEADER = re.compile(r"\d+[/\\]\S+\.\w+")


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Where a table has what; whether it has a header."""

    path: int
    expression: int
    box: tuple[int, ...]
    has_header: bool


def _columns(path: str) -> _Columns | None:
    header = first_row(path)
    image = find_column(path, header, _PATH)
    expression = find_column(path, header, _EXPRESSION)
    if image is not None and expression is not None:
        box = tuple(find_column(path, header, name) for name in _BOX)
        return _Columns(image, expression, () if None in box else box, True)
    if len(header) == 9 and _PATH_WITHOUT_HEADER.fullmatch(header[0]):
        return _Columns(0, 6, (1, 2, 3, 4), False)
    return None


def is_table(path: str) -> bool:
    """Whether a file is one of AffectNet's tables."""
    return _columns(path) is not None


def find_tables(folder: str) -> list[str]:
    """AffectNet's tables in a folder, or in the folders it has for them.

    The automatically annotated table is taken only where it is alone.
    """
    for names in (_MANUAL, _AUTOMATIC):
        for place in (
            "",
            "Manually_Annotated_file_lists",
            "Automatically_Annotated_file_lists",
        ):
            paths = [os.path.join(folder, place, name) for name in names]
            found = [path for path in paths if os.path.isfile(path) and is_table(path)]
            if found:
                return found
    return []


def open_affectnet(path: str, labels: ClassNames, options: SourceOptions) -> Source:
    """Opens AffectNet's tables, or the arrays of its later release.

    Raises:
      RunError: If it is neither.
      UsageError: If an option has no meaning for it.
    """
    if os.path.isdir(path) and not find_tables(path) and find_sets(path):
        numbers = LabelText(labels, EXPRESSIONS, _NO_EXPRESSION)
        return AffectNetArrays(path, numbers, options)
    return AffectNetSource(path, labels, options)


class AffectNetSource:
    """Images listed in one or several of AffectNet's tables."""

    kind = "affectnet"

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds the tables and the images.

        Args:
          path: A table, or a folder of tables.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If there is no such table.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        self._path = path
        self._labels = LabelText(labels, EXPRESSIONS, _NO_EXPRESSION)
        self._subjects = options.subjects
        tables = find_tables(path) if os.path.isdir(path) else [path]
        if not tables:
            raise RunError(
                f"{path} holds none of AffectNet's tables {', '.join(_MANUAL)}, "
                f"{', '.join(_AUTOMATIC)}, with the columns subDirectory_filePath and "
                "expression, nor images/0.jpg and annotations/0_exp.npy"
            )
        #: Table, its columns, folder of its images, and split.
        self._tables = []
        for table in tables:
            columns = _columns(table)
            if columns is None:
                raise RunError(
                    f"{table} has no columns subDirectory_filePath and expression as "
                    "AffectNet's tables"
                )
            root = self._find_root(table, columns, options.root)
            self._tables.append((table, columns, root, _split(table)))
        self.roots = tuple(root for _, _, root, _ in self._tables)
        self.gives_splits = all(split for *_, split in self._tables)
        self.gives_boxes = any(columns.box for _, columns, *_ in self._tables)
        self.description = "AffectNet: " + "; ".join(
            f"{os.path.basename(table)} as {split or 'no split'}, images in "
            f"{root or '.'}"
            for table, _, root, split in self._tables
        )
        if self.gives_boxes:
            self.description += "; boxes from face_x, face_y, face_width, face_height"

    def _find_root(self, table: str, columns: _Columns, root: str | None) -> str:
        here = os.path.dirname(table)
        kinds = ("Manually_Annotated", "Automatically_Annotated")
        if "auto" in os.path.basename(table).casefold():
            kinds = kinds[::-1]
        places = [root] if root is not None else [here, os.path.dirname(here or ".")]
        folders = [check_root(root)] if root is not None else [here]
        for place in places:
            for kind in kinds:
                folders.append(os.path.join(place, f"{kind}_Images"))
                folders.append(os.path.join(place, kind, f"{kind}_Images"))
        rows = read_rows(table, ",")
        start = int(columns.has_header)
        first = itertools.islice(rows, start, start + _PROBED)
        names = [name for _, row in first if (name := path_in(row, columns.path))]
        rows.close()
        return locate(folders, names) or folders[0]

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        for table, columns, root, split in self._tables:
            listing = Listing(root, self._labels, self._subjects)
            rows = read_rows(table, ",")
            if columns.has_header:
                next(rows)
            fields = max(columns.expression, *columns.box, 0) + 1
            for number, row in rows:
                name = path_in(row, columns.path)
                if not name:
                    yield Rejected(row_name(table, number), "row has no path")
                    continue
                if len(row) < fields:
                    yield Rejected(name, "row has too few fields")
                    continue
                entry = listing.entry(name, row[columns.expression], split)
                if isinstance(entry, Item) and columns.box:
                    entry = _with_box(entry, [row[at] for at in columns.box])
                yield entry


def _with_box(item: Item, fields: list[str]) -> Item | Rejected:
    """The item with the box of a row: upper left corner, width and height."""
    if not any(map(str.strip, fields)):
        return item
    try:
        left, top, width, height = map(float, fields)
    except ValueError:
        return Rejected(item.name, NO_NUMBERS)
    if width < 0 or height < 0:  # the table's own way to say that there is none
        return item
    box = checked_box((left, top, left + width, top + height))
    if isinstance(box, str):
        return Rejected(item.name, box)
    return dataclasses.replace(item, box=box)


def _split(table: str) -> str | None:
    name = os.path.basename(table)
    return "train" if "automatic" in name.casefold() else split_within(name)
