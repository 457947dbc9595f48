"""Aff-Wild2's "Learning from Synthetic Data" set (4th ABAW Competition).

The training images are in class folders below `training_set_synthetic_images/`, anger
being spelt ANGRER; the real images of `validation_set_real_images/` are in folders of
the same names, or plain files in a list with the header `image,expression` or
`image,expressions[0,1,2,3,4,5]` and rows as `1.jpg,4`, which count anger, disgust,
fear, happiness, sadness, surprise from 0; -1 or nothing is unlabelled. (arXiv
2207.01138; public code that reads these: github.com/khanhnd185/LSD-ABAW4 arrange.py and
dataset.py, msy1412/ABAW4 utils/parameter.py and data/ABAW4_FER_AU.py,
sylyoung/ABAW4-HUST-ANT LSD/DLN.py.)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.folder import HIDDEN
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing, path_in
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
from byel_tf.data.sources.walk import Folder, is_hidden, walk
from byel_tf.errors import RunError

EXPRESSIONS = ORDERS["aff-wild2"]
_PROBED = 20
_FOLDERS = ("training_set_synthetic", "validation_set_real")


def is_list(path: str) -> bool:
    """Whether a file is a list, by its header."""
    image, *others = (field.casefold() for field in first_row(path))
    if image != "image":
        return False
    rest = "".join(others).replace(" ", "")
    if not rest.startswith("expression"):
        return not rest
    return not rest.removeprefix("expression").strip("s[]0123456789-")


def find_lists(folder: str) -> list[str]:
    """Lists in a folder and in the folders in it, sorted."""
    found = []
    for place in ("", *_folders_in(folder)):
        for path in _text_files(os.path.join(folder, place)):
            with contextlib.suppress(RunError):  # no table, which the walk will say
                if is_list(path):
                    found.append(path)
    return found


def _text_files(folder: str) -> list[str]:
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.casefold().endswith((".txt", ".csv")) and entry.is_file():
                found.append(os.path.join(folder, entry.name))
    return sorted(path for path in found if not is_hidden(os.path.basename(path)))


def is_tree(folder: str) -> bool:
    """Whether a folder is laid out as the set: its lists, or its top folders."""
    names = _folders_in(folder)
    return any(name.casefold().startswith(_FOLDERS) for name in names) or bool(
        find_lists(folder)
    )


def _folders_in(folder: str) -> list[str]:
    names = (entry.name for entry in scan(folder) if entry.is_dir())
    return sorted(name for name in names if not is_hidden(name))


class AffWild2Source:
    """A list of images, or a folder of class folders and lists.

    Images in class folders are training images, unless their top folder is named as
    another split; listed images are of the split that the list's name says, test if it
    says none. The names in a folder's lists are held in memory, to tell files that no
    list names.
    """

    kind = "aff-wild2"
    gives_splits = True
    gives_boxes = False

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds the lists and their images.

        Args:
          path: A list, or a folder.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If there is no list, or its images may be in several folders.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        self._path = path
        self._folder = path if os.path.isdir(path) else None
        self._classes = labels
        self._subjects = options.subjects
        lists = find_lists(path) if self._folder is not None else [path]
        if self._folder is None and not is_list(path):
            raise RunError(
                f"{path} is no list of Aff-Wild2: expected the header image,expression"
            )
        text = LabelText(labels, EXPRESSIONS)
        self._lists: dict[str, Listing] = {}
        for file in lists:
            root = self._find_root(file, options.root)
            self._lists[file] = Listing(root, text, self._subjects)
        self.roots = tuple(listing.root for listing in self._lists.values())
        parts = ["class folders as train"] if self._folder is not None else []
        parts += [
            f"{os.path.basename(file)} as {_split(file)}, images in {of.root or '.'}"
            for file, of in self._lists.items()
        ]
        self.description = f"Aff-Wild2 synthetic data: {'; '.join(parts)}"

    def _find_root(self, file: str, root: str | None) -> str:
        """Where a list's images are: `root`, beside it, or in a folder beside it."""
        if root is not None:
            return check_root(root)
        here = os.path.dirname(file)
        names = []
        for _, row in self._rows(file):
            if path := path_in(row, 0):
                names.append(path)
            if len(names) == _PROBED:
                break
        if locate([here], names) is not None:
            return here
        beside = [os.path.join(here, name) for name in _folders_in(here or ".")]
        holding = [folder for folder in beside if locate([folder], names)]
        if len(holding) > 1:  # 1.jpg may be in the folders of several lists
            named = [
                f for f in holding if split_within(os.path.basename(f)) == _split(file)
            ]
            holding = named if len(named) == 1 else holding
        if len(holding) > 1:
            raise RunError(
                f"the images of {file} may be in {', '.join(holding)}: give --root"
            )
        return holding[0] if holding else here

    def _rows(self, file: str) -> Iterator[tuple[int, list[str]]]:
        rows = read_rows(file, ",")
        next(rows, None)
        return rows

    def items(self) -> Iterator[Item | Rejected]:
        """Every file of the folder, then every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        if self._folder is not None:
            listed = {
                os.path.normpath(os.path.join(listing.root, path_in(row, 0)))
                for file, listing in self._lists.items()
                for _, row in self._rows(file)
            }
            listed.update(os.path.normpath(file) for file in self._lists)
            for folder in walk(self._folder):
                if isinstance(folder, Rejected):
                    yield folder
                else:
                    yield from self._files(folder, listed)
        for file, listing in self._lists.items():
            for number, row in self._rows(file):
                name = path_in(row, 0)
                if not name:
                    yield Rejected(row_name(file, number), "row has no path")
                    continue
                label = row[1] if len(row) > 1 else ""
                yield listing.entry(name, label, _split(file))

    def _files(self, folder: Folder, listed: set[str]) -> Iterator[Item | Rejected]:
        """Files that no list names."""
        labels = (self._classes.index(part) for part in folder.parts)
        label = next((found for found in labels if found is not None), None)
        split = (split_within(folder.parts[0]) if folder.parts else None) or "train"
        in_hidden = any(is_hidden(part) for part in folder.parts)
        for file in folder.files:
            name, path = folder.prefix + file, f"{folder.path}/{file}"
            if os.path.normpath(path) in listed:
                continue
            if in_hidden or is_hidden(file):
                yield Rejected(name, HIDDEN)
            elif label is None:
                yield Rejected(name, "not named in a list")
            else:
                subject = None
                if self._subjects is not None:
                    subject = subject_of(self._subjects, name)
                    if subject is None:
                        yield Rejected(name, self._subjects.mismatch)
                        continue
                yield Item(name, path, label, split, subject)


def _split(file: str) -> str:
    return split_within(os.path.basename(file)) or "test"
