"""RAF-DB, basic expressions: images and a list of their labels.

`basic/EmoLabel/list_patition_label.txt` (so spelt; some copies correct it) has lines
as `train_00001.jpg 5`, which count surprise, fear, disgust, happiness, sadness, anger,
neutral from 1; the split is the name's prefix. The images are
`basic/Image/aligned/train_00001_aligned.jpg` and `basic/Image/original/
train_00001.jpg`; both come as archives, and some copies nest `basic/basic`. A copy on
Kaggle has `DATASET/train/1/train_00001_aligned.jpg` and so on, and tables, for which
see `raf_db_table`. RAF-DB's compound
expressions have a list of the same name whose numbers mean something else. (whdeng.cn/
RAF/model1.html; loaders that read these: github.com/msy1412/AU-ViT data/RAFDB_100.py,
trougnouf/TRAIL2021-challenge5 emotions/README.md.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources import raf_db_table
from byel_tf.data.sources.folder import FolderSource
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing
from byel_tf.data.sources.scan import scan
from byel_tf.data.sources.source import (
    Source,
    SourceOptions,
    require_items,
    unknown_class,
)
from byel_tf.data.sources.table import (
    check_root,
    first_row,
    locate,
    read_rows,
    row_name,
)
from byel_tf.data.sources.walk import is_hidden
from byel_tf.errors import RunError

EXPRESSIONS = ORDERS["raf-db"]
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_LINE = re.compile(r"(train|test)_\w+\.\w+\s+\d+\s*")
_PROBED = 20


def is_list(path: str) -> bool:
    """Whether a file is RAF-DB's list, by its first line."""
    return _LINE.fullmatch(" ".join(first_row(path))) is not None


def is_list_or_table(path: str) -> bool:
    """Whether a file is RAF-DB's list, or a table of its copy on Kaggle."""
    return is_list(path) or raf_db_table.is_table(path)


def find_list(folder: str) -> str | None:
    """RAF-DB's list in its tree, or None."""
    for place in ("", "EmoLabel", "basic/EmoLabel", "basic/basic/EmoLabel"):
        for name in _LISTS:
            path = os.path.join(folder, place, name)
            if os.path.isfile(path):
                return path
    return None


def find_class_folders(folder: str) -> str | None:
    """`DATASET` of Kaggle's copy, or a folder of such files itself, or None."""
    path = os.path.join(folder, "DATASET")
    if _class_folder(path) is not None:
        return path
    inside = _class_folder(folder)
    if inside is None:
        return None
    # Numbers are the folders of other sets, too.
    names = (entry.name for entry in scan(inside) if not is_hidden(entry.name))
    return folder if next(names, "").startswith("train_") else None


def _class_folder(folder: str) -> str | None:
    """A folder of one class's training images in Kaggle's copy, or None."""
    if os.path.isdir(os.path.join(folder, "train", "0")):
        return None  # another set, which counts from 0
    paths = (os.path.join(folder, "train", str(n)) for n in EXPRESSIONS)
    return next((path for path in paths if os.path.isdir(path)), None)


def open_raf_db(path: str, labels: ClassNames, options: SourceOptions) -> Source:
    """Opens RAF-DB's list, its tree, or Kaggle's copy of it.

    Raises:
      RunError: If it is none of them.
    """
    if not os.path.isdir(path):
        if raf_db_table.is_table(path):
            numbers = LabelText(labels, EXPRESSIONS)
            return raf_db_table.RafDbTable(path, numbers, options)
        return RafDbSource(path, labels, options)
    if (found := find_list(path)) is not None:
        return RafDbSource(found, labels, options)
    if (found := find_class_folders(path)) is not None:
        return RafDbFolders(found, labels, options)
    if _class_folder(path) is not None:
        return RafDbFolders(path, labels, options)
    raise RunError(
        f"{path} has neither EmoLabel/{_LISTS[0]}, as RAF-DB has below basic/, nor "
        "DATASET/train/1, as its copy on Kaggle"
    )


class RafDbSource:
    """Images listed in RAF-DB's list; aligned ones where there are any."""

    kind = "raf-db"
    gives_splits = True
    gives_boxes = False

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds the images.

        Args:
          path: The list.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If it is no such list, or no folder holds its images.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        self._path = path
        if not is_list(path):
            raise RunError(
                f"{path} is no list of RAF-DB: expected lines as 'train_00001.jpg 5'"
            )
        base = os.path.dirname(os.path.abspath(path))
        base = os.path.dirname(base) if os.path.basename(base) == "EmoLabel" else base
        if os.path.basename(base).casefold() == "compound":
            raise RunError(
                f"{path} lists RAF-DB's compound expressions, whose numbers mean other "
                "classes: give the basic ones"
            )
        root, self._suffix = self._find_images(base, options.root)
        labels_by_number = LabelText(labels, EXPRESSIONS)
        self.roots = (root,)
        self._listing = Listing(root, labels_by_number, options.subjects)
        which = "aligned" if self._suffix else "listed"
        self.description = f"RAF-DB: {which} images of {root}; splits from their names"

    def _find_images(self, base: str, root: str | None) -> tuple[str, str]:
        """The folder of the images, and what their names add to the list's."""
        names = []
        for _, line in self._lines():
            names.append(line.split()[0])
            if len(names) == _PROBED:
                break
        if root is not None:
            places = [check_root(root)]
        else:
            images = ("Image/aligned", "aligned", "Image/original", "original", "")
            places = [os.path.join(base, place).rstrip("/") for place in images]
            places.append(os.path.dirname(self._path) or ".")
        for place in places:
            for suffix in ("_aligned", ""):
                if locate([place], [_with_suffix(name, suffix) for name in names]):
                    return place, suffix
        raise RunError(
            f"none of the first images of {self._path}, as {names[0]}, is in "
            f"{', '.join(dict.fromkeys(places))}: unpack them, or give --root"
        )

    def _lines(self) -> Iterator[tuple[int, str]]:
        for number, row in read_rows(self._path, "\t", strict=False):
            yield number, " ".join(row)

    def items(self) -> Iterator[Item | Rejected]:
        """Every line, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        for number, line in self._lines():
            name, *rest = line.split()
            if len(rest) != 1:
                yield Rejected(
                    row_name(self._path, number), "line is no name and label"
                )
                continue
            prefix = name.partition("_")[0]
            if prefix not in ("train", "test"):
                yield Rejected(name, "name begins with neither train_ nor test_")
                continue
            file = _with_suffix(name, self._suffix)
            yield self._listing.entry(name, rest[0], prefix, file)


class RafDbFolders(FolderSource):
    """Kaggle's copy of RAF-DB: `train/1/…`, `test/7/…`."""

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Looks how the folders are laid out.

        Args:
          path: The folder that holds train and test.
          labels: The classes.
          options: What the user says of it.
        """
        options.allow("raf-db", "subject_pattern")
        numbers = {
            str(number): labels.names[index]
            for number, name in EXPRESSIONS.items()
            if (index := labels.index(name)) is not None
        }
        super().__init__(path, ClassNames(labels.names, numbers), options, "raf-db")
        self.description = f"RAF-DB, {self.description} (1 is surprise … 7 neutral)"

    def items(self) -> Iterator[Item | Rejected]:
        """Every file, as `Source.items`."""
        names = {
            unknown_class(str(n)): unknown_class(v) for n, v in EXPRESSIONS.items()
        }
        for entry in super().items():
            if isinstance(entry, Rejected):
                reason = names.get(entry.reason, entry.reason)
                entry = Rejected(entry.name, reason)
            yield entry


def _with_suffix(name: str, suffix: str) -> str:
    stem, extension = os.path.splitext(name)
    return f"{stem}{suffix}{extension}"
