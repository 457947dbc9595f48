"""The tables of RAF-DB's copy on Kaggle.

`train_labels.csv` and `test_labels.csv` have the header `image,label` and rows as
`train_00001_aligned.jpg,5`, whose numbers are RAF-DB's own, from 1; the images are
`DATASET/train/5/train_00001_aligned.jpg` and so on beside them.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator

from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing, path_in
from byel_tf.data.sources.source import SourceOptions, require_items
from byel_tf.data.sources.table import (
    check_root,
    first_row,
    key,
    locate,
    read_rows,
    row_name,
)
from byel_tf.errors import RunError

_NAME = re.compile(r"(train|test)_\d+(_aligned)?\.\w+")
_LAYOUTS = ("{split}/{label}/{name}", "{split}/{name}", "{name}")
_PROBED = 20


def is_table(path: str) -> bool:
    """Whether a file is such a table, by its header and its first row."""
    if [key(column) for column in first_row(path)] != ["image", "label"]:
        return False
    rows = read_rows(path, ",")
    next(rows)
    _, first = next(rows, (0, [""]))
    rows.close()
    return _NAME.fullmatch(first[0].strip()) is not None


class RafDbTable:
    """Images listed in a table of Kaggle's copy."""

    kind = "raf-db"
    gives_splits = True
    gives_boxes = False

    def __init__(self, path: str, labels: LabelText, options: SourceOptions) -> None:
        """Finds the images.

        Args:
          path: The table.
          labels: What RAF-DB's numbers mean.
          options: What the user says of it.

        Raises:
          RunError: If no folder holds its images, or its numbers are not RAF-DB's.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        self._path = path
        if any(label.strip() == "0" for _, _, label in self._rows()):
            raise RunError(
                f"{path} has the label 0, and RAF-DB's count from 1: give "
                "--format=csv, and say what its numbers mean"
            )
        here = os.path.dirname(path)
        roots = [os.path.join(here, "DATASET"), here]
        if options.root is not None:
            roots = [check_root(options.root)]
        first = [row[1:] for row in itertools.islice(self._rows(), _PROBED)]
        found = None
        for root, self._layout in itertools.product(roots, _LAYOUTS):
            found = locate([root], [self._file(*row) for row in first])
            if found is not None:
                break
        if found is None:
            raise RunError(
                f"none of the first images of {path}, as {first[0][0]}, is in "
                f"{', '.join(place or '.' for place in roots)}: unpack them, or give "
                "--root"
            )
        self.roots = (found,)
        self._listing = Listing(found, labels, options.subjects)
        self.description = (
            "RAF-DB, table of its copy on Kaggle (1 is surprise … 7 neutral): images "
            f"of {found or '.'}; splits from their names"
        )

    def _rows(self) -> Iterator[tuple[int, str, str]]:
        """Number, image and label of each row."""
        rows = read_rows(self._path, ",")
        next(rows)
        for number, row in rows:
            yield number, path_in(row, 0), path_in(row, 1)

    def _file(self, name: str, label: str) -> str:
        """The image's path from the root."""
        split = name.partition("_")[0]
        return self._layout.format(split=split, label=label, name=name)

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        for number, name, label in self._rows():
            split = name.partition("_")[0]
            if not name:
                yield Rejected(row_name(self._path, number), "row has no path")
            elif split not in ("train", "test"):
                yield Rejected(name, "name begins with neither train_ nor test_")
            else:
                yield self._listing.entry(name, label, split, self._file(name, label))
