"""A table that lists images: CSV, semicolon or tab separated."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.box_columns import find_box_columns, is_whole_box
from byel_tf.data.sources.boxes import box_name
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import parse_label_numbers, require_indices
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing, path_in
from byel_tf.data.sources.parquet import class_names, is_parquet, unreadable_columns
from byel_tf.data.sources.source import COLUMN_OPTIONS, SourceOptions, require_items
from byel_tf.data.sources.split_words import split_of, unknown_split
from byel_tf.data.sources.table import (
    DELIMITERS,
    check_root,
    find_column,
    first_row,
    key,
    read_rows,
    row_name,
    told_delimiter,
)
from byel_tf.errors import RunError, UsageError

#: Names of the columns, as `table.key` writes them, in order of preference.
ROLES = {
    "path": (
        *("path", "file", "filename", "image", "filepath", "imagepath", "name"),
        *("imagename", "imagefile", "imagefilename", "imgpath", "imgname", "imgfile"),
        *("img", "pth", "fname", "relativepath", "relpath", "paths", "files"),
        *("filenames", "images", "imagepaths", "photo", "picture", "pic", "imageid"),
        *("imgid", "fileid"),
    ),
    "label": (
        *("label", "class", "emotion", "expression", "labels", "emotionlabel"),
        *("expressionlabel", "labelname", "classname", "emotionname", "category"),
        *("expr", "emotions", "expressions", "emotionclass", "facialexpression"),
        *("target", "groundtruth", "gt", "classlabel", "classid", "labelid"),
        *("emotionid", "classindex", "labelindex", "y"),
    ),
    "split": (
        *("split", "set", "usage", "subset", "partition", "splits", "datasplit"),
        *("splitname", "phase"),
    ),
    "subject": (
        *("subject", "subjectid", "person", "personid", "identity", "participant"),
        *("participantid", "subjectname", "identityid", "actor", "actorid"),
    ),
}
_SHOWN = 12
_REMEMBERED = 4096


def _count_roles(header: list[str]) -> int:
    keys = {key(column) for column in header}
    return sum(not keys.isdisjoint(names) for names in ROLES.values())


def find_delimiter(path: str) -> str:
    """What separates a table's fields: a tab in .tsv, else what the header suggests.

    Excel's first line `sep=;` says it.

    Raises:
      RunError: If it is no table, or empty.
    """
    if os.path.splitext(path)[1].casefold() in (".tsv", ".tab"):
        return "\t"
    if (told := told_delimiter(path)) is not None:
        return told

    def likeliness(delimiter: str) -> tuple[int, int]:
        header = first_row(path, delimiter)
        return _count_roles(header), len(header)

    return max(DELIMITERS, key=likeliness)


def is_list(path: str) -> bool:
    """Whether a table has columns for paths and for labels."""
    keys = {key(column) for column in first_row(path, find_delimiter(path))}
    return all(not keys.isdisjoint(ROLES[role]) for role in ("path", "label"))


class CsvSource:
    """Images listed in a table with columns for path, label, split, subject and box.

    Labels are class names, or numbers that count in label order unless it is said what
    they mean; empty or negative is unlabelled. Paths start from the table's folder or
    `root`; a backslash separates folders as a slash does. Rows with a box are faces,
    several of which may be in one picture.
    """

    kind = "csv"

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Reads the header, and the labels if they are numbers.

        Args:
          path: The table.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If it is no such table.
          UsageError: If an option has no meaning here, the table lacks a column that
            was named, or it is not clear what its labels' numbers mean.
        """
        options.allow(
            self.kind, "root", "subject_pattern", "label_numbers", *COLUMN_OPTIONS
        )
        self._path = path
        root = os.path.dirname(path)
        if options.root is not None:
            root = check_root(options.root)
        self.roots = (root,)
        self._labels = labels
        self._meaning = ""
        self._delimiter = find_delimiter(path)
        header = first_row(path, self._delimiter)
        self._columns = _named_columns(path, header, options.columns)
        self._box = find_box_columns(path, header, self._columns.values())
        self._find_columns(header)
        if is_parquet(path):
            self._require_text(header)
        if options.subject_pattern is not None and "subject" in self._columns:
            raise UsageError(
                f"--subject_pattern={options.subject_pattern}: {path} has a column "
                f"'{header[self._columns['subject']]}' for the subject: rename it "
                "or drop the pattern"
            )
        self.gives_splits = "split" in self._columns
        self.gives_boxes = self._box is not None
        text = self._read_labels(header, options)
        self._listing = Listing(root, text, options.subjects)
        self.description = f"list of images: {self._describe(header, options)}"

    def _find_columns(self, header: list[str]) -> None:
        """Finds the columns that the user did not name.

        Raises:
          RunError: If the path or the label has none.
        """
        taken = {*self._columns.values(), *(self._box.columns if self._box else ())}
        others = ["" if at in taken else name for at, name in enumerate(header)]
        keys = [key(name) for name in others]
        for role, names in ROLES.items():
            first = next((name for name in names if name in keys), None)
            if role not in self._columns and first is not None:
                self._columns[role] = find_column(self._path, others, first)
        for role in ("path", "label"):
            if role not in self._columns:
                raise RunError(
                    f"{self._path} has no column for the {role}; expected one named "
                    f"{', '.join(ROLES[role][:8])}, …; found "
                    f"{', '.join(header)[:200]}: name it by --{role}_column"
                    + ("; for unlabelled images leave it empty" * (role == "label"))
                )

    def _require_text(self, header: list[str]) -> None:
        """Refuses columns of a Parquet table that are no text and no numbers.

        Raises:
          RunError: If one that is needed is none, as where it holds the pictures.
        """
        unreadable = unreadable_columns(self._path)
        for role, column in self._columns.items():
            if header[column] not in unreadable:
                continue
            if role != "path":
                raise RunError(
                    f"{self._path}: the column '{header[column]}' for the {role} holds "
                    "neither text nor numbers: write it so"
                )
            raise RunError(
                f"{self._path}: the column '{header[column]}' holds the pictures "
                "themselves, not their paths: write them as files in a folder for each "
                "class; with the package datasets, row['image'].save(path) does so for "
                "a row"
            )

    def _read_labels(self, header: list[str], options: SourceOptions) -> LabelText:
        """How labels are read.

        Raises:
          UsageError: If they are numbers, and it is not clear what they mean.
        """
        labels = self._labels
        if options.label_numbers is not None:
            self._meaning = f"numbers as --label_numbers={options.label_numbers} says"
            return LabelText(
                labels, *parse_label_numbers(options.label_numbers, labels)
            )
        if is_parquet(self._path):
            names = class_names(self._path, header[self._columns["label"]])
            if names:
                self._meaning = f"numbers as the table says: {', '.join(names)}"
                return LabelText(labels, dict(enumerate(names)))
        text = LabelText(labels)
        require_indices(self._path, self._numbers(text), labels)
        return text

    def _numbers(self, text: LabelText) -> set[int]:
        """The numbers among the labels, in one pass; not all of a great many."""
        column = self._columns["label"]
        numbers: set[int] = set()
        seen: set[str] = set()
        rows = read_rows(self._path, self._delimiter)
        next(rows)
        for _, row in rows:
            if len(row) <= column or row[column] in seen:
                continue
            if len(seen) < _REMEMBERED:
                seen.add(row[column])
            number = text.number(row[column])
            if number is not None and len(numbers) < _REMEMBERED:
                numbers.add(number)
        return numbers

    def _describe(self, header: list[str], options: SourceOptions) -> str:
        """Which column is what, and which are not used."""
        used = [f"{role} from '{header[at]}'" for role, at in self._columns.items()]
        if options.subject_pattern is not None:
            used.append(f"subject by --subject_pattern={options.subject_pattern}")
        if self._meaning:
            used.append(self._meaning)
        columns = set(self._columns.values())
        if self._box is not None:
            names = ", ".join(f"'{header[at]}'" for at in self._box.columns)
            used.append(f"box from {names}")
            columns.update(self._box.columns)
        parts = [", ".join(used)]
        if not self.gives_splits:
            parts.append("no splits given")
        unused = [_shown(header, at) for at in range(len(header)) if at not in columns]
        if unused:
            more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
            parts.append(f"not used: {', '.join(unused[:_SHOWN])}{more}")
        return "; ".join(parts)

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        path = self._columns["path"]
        fields = 1 + max(
            *self._columns.values(), *(self._box.columns if self._box else ())
        )
        rows = read_rows(self._path, self._delimiter)
        next(rows)
        for number, row in rows:
            name = path_in(row, path)
            if not name:
                yield Rejected(row_name(self._path, number), "row has no path")
            elif len(row) < fields:
                yield Rejected(name, "row has too few fields")
            else:
                yield self._entry(name, row)

    def _entry(self, name: str, row: list[str]) -> Item | Rejected:
        split = None
        if self.gives_splits:
            word = row[self._columns["split"]]
            split = split_of(word)
            if split is None:
                return Rejected(name, unknown_split(word))
        entry = self._listing.entry(name, row[self._columns["label"]], split)
        if isinstance(entry, Rejected):
            return entry
        if "subject" in self._columns:
            subject = row[self._columns["subject"]].strip()
            if not subject:
                return Rejected(name, "row has no subject")
            entry = dataclasses.replace(entry, subject=subject)
        if self._box is None:
            return entry
        box = self._box.read(row)
        if isinstance(box, str):
            return Rejected(name, box)
        if box is None:
            return entry
        return dataclasses.replace(entry, name=box_name(name, box), box=box)


def _named_columns(
    path: str, header: list[str], named: Mapping[str, str]
) -> dict[str, int]:
    """Where the columns stand that the user named, by their role.

    Raises:
      UsageError: If there is none of a name, or one is named for two roles.
    """
    columns: dict[str, int] = {}
    for role, name in named.items():
        flag = f"--{role}_column={name}"
        wanted = " ".join(name.split())
        column = header.index(wanted) if header.count(wanted) == 1 else None
        if column is None:
            column = find_column(path, header, key(wanted))
        if column is None:
            shown = ", ".join(_shown(header, at) for at in range(len(header)))
            raise UsageError(f"{flag}: {path} has no such column, but {shown[:400]}")
        if column in columns.values():
            raise UsageError(f"{flag}: the column is named for another role, too")
        columns[role] = column
    return columns


def _shown(header: list[str], column: int) -> str:
    """A column for a message."""
    if not header[column]:
        return f"column {column + 1} (without a name)"
    if is_whole_box(header[column]):
        return (
            f"'{header[column]}' (a box in one column is written in several ways: give "
            "it in four, as left, top, right, bottom)"
        )
    return f"'{header[column]}'"
