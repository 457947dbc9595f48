"""A table that lists images: CSV, semicolon or tab separated."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing, path_in
from byel_tf.data.sources.source import SourceOptions, require_items
from byel_tf.data.sources.split_words import split_of, unknown_split
from byel_tf.data.sources.table import (
    DELIMITERS,
    check_root,
    find_column,
    first_row,
    key,
    read_rows,
    row_name,
)
from byel_tf.errors import RunError, UsageError

#: Names of the columns, as `table.key` writes them, in order of preference.
ROLES = {
    "path": ("path", "file", "filename", "image", "filepath", "imagepath", "name"),
    "label": ("label", "class", "emotion", "expression"),
    "split": ("split", "set", "usage", "subset", "partition"),
    "subject": ("subject", "subjectid", "person", "personid", "identity"),
}


def _count_roles(header: list[str]) -> int:
    keys = {key(column) for column in header}
    return sum(not keys.isdisjoint(names) for names in ROLES.values())


def find_delimiter(path: str) -> str:
    """What separates a table's fields: a tab in .tsv, else what the header suggests.

    Raises:
      RunError: If it is no table, or empty.
    """
    if os.path.splitext(path)[1].casefold() in (".tsv", ".tab"):
        return "\t"

    def likeliness(delimiter: str) -> tuple[int, int]:
        header = first_row(path, delimiter)
        return _count_roles(header), len(header)

    return max(DELIMITERS, key=likeliness)


def is_list(path: str) -> bool:
    """Whether a table has columns for paths and for labels."""
    keys = {key(column) for column in first_row(path, find_delimiter(path))}
    return all(not keys.isdisjoint(ROLES[role]) for role in ("path", "label"))


class CsvSource:
    """Images listed in a table with columns for path, label, split and subject.

    Labels are class names, or numbers that count in label order; empty or negative is
    unlabelled. Paths start from the table's folder or `root`; a backslash separates
    folders as a slash does.
    """

    kind = "csv"

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Reads the header.

        Args:
          path: The table.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If it is no such table.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        self._path = path
        root = os.path.dirname(path)
        if options.root is not None:
            root = check_root(options.root)
        self._listing = Listing(root, LabelText(labels), options.subjects)
        self._delimiter = find_delimiter(path)
        header = first_row(path, self._delimiter)
        keys = [key(column) for column in header]
        self._columns: dict[str, int] = {}
        used, unused = [], []
        for role, names in ROLES.items():
            first, *others = [name for name in names if name in keys] or [None]
            if first is None:
                continue
            self._columns[role] = find_column(path, header, first)
            used.append(f"{role} from '{header[keys.index(first)]}'")
            unused += [f"'{header[keys.index(name)]}'" for name in others]
        for role in ("path", "label"):
            if role not in self._columns:
                raise RunError(
                    f"{path} has no column for the {role}; expected one named "
                    f"{', '.join(ROLES[role])}; found {', '.join(header)[:200]}"
                    + ("; for unlabelled images leave it empty" * (role == "label"))
                )
        if options.subject_pattern is not None:
            if "subject" in self._columns:
                raise UsageError(
                    f"--subject_pattern={options.subject_pattern}: {path} has a column "
                    f"'{header[self._columns['subject']]}' for the subject: rename it "
                    "or drop the pattern"
                )
            used.append(f"subject by --subject_pattern={options.subject_pattern}")
        self.gives_splits = "split" in self._columns
        self.description = (
            f"table of images: {', '.join(used)}; labels are names, or numbers "
            f"counting {', '.join(labels.names)} from 0"
        )
        if unused:
            self.description += f"; not used: {', '.join(unused)}"

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        path, label = self._columns["path"], self._columns["label"]
        split_column = self._columns.get("split")
        subject_column = self._columns.get("subject")
        fields = max(self._columns.values()) + 1
        rows = read_rows(self._path, self._delimiter)
        next(rows)
        for number, row in rows:
            name = path_in(row, path)
            if not name:
                yield Rejected(row_name(self._path, number), "row has no path")
                continue
            if len(row) < fields:
                yield Rejected(name, "row has too few fields")
                continue
            split = None
            if split_column is not None:
                split = split_of(row[split_column])
                if split is None:
                    yield Rejected(name, unknown_split(row[split_column]))
                    continue
            entry = self._listing.entry(name, row[label], split)
            if isinstance(entry, Item) and subject_column is not None:
                subject = row[subject_column].strip()
                if not subject:
                    entry = Rejected(name, "row has no subject")
                else:
                    entry = dataclasses.replace(entry, subject=subject)
            yield entry
