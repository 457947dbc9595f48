"""ExpW, Expression in-the-Wild: photographs, and a list of the faces in them.

`label/label.lst` has a line a face, `image_name face_id_in_image face_box_top
face_box_left face_box_right face_box_bottom face_box_confidence expression_label`, in
this order of the edges; expressions count angry, disgust, fear, happy, sad, surprise,
neutral from 0. The photographs are in `image/origin/` beside `label/`, below `data/` in
what is published; some hold several faces. There are no splits. (The readme of the
release, mmlab.ie.cuhk.edu.hk/projects/socialrelation/, as public loaders quote it, with
a line of it: `angry_actor_104.jpg 0 28 113 226 141 22.9362 0`.)
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.boxes import box_name, read_box
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.listing import Listing
from byel_tf.data.sources.source import SourceOptions, require_items
from byel_tf.data.sources.table import (
    check_root,
    first_row,
    locate,
    read_rows,
    row_name,
)
from byel_tf.errors import RunError

EXPRESSIONS = ORDERS["expw"]
_PLACES = ("", "label", "data", "data/label")
_NAMES = ("label.lst", "labels.lst")
_IMAGES = ("image/origin", "images/origin", "image", "images", "origin", "")
_LINE = re.compile(r"\S.*\.\w+ \d+( -?\d+(\.\d*)?){4} -?\d+(\.\d*)?(e[+-]?\d+)? \d")
_FIELDS = 7  # behind the name, which may hold blanks
_PROBED = 20


def is_list(path: str) -> bool:
    """Whether a file is ExpW's list, by its first line."""
    return _LINE.fullmatch(" ".join(first_row(path))) is not None


def find_list(folder: str) -> str | None:
    """ExpW's list in its tree, or None."""
    for place in _PLACES:
        for name in _NAMES:
            path = os.path.join(folder, place, name)
            if os.path.isfile(path):
                with contextlib.suppress(RunError):  # of another set, of any kind
                    if is_list(path):
                        return path
    return None


class ExpWSource:
    """Faces listed in ExpW's list, each cut out of its photograph by its box."""

    kind = "expw"
    gives_splits = False
    gives_boxes = True

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds the list and the photographs.

        Args:
          path: The list, or the folder of it.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If there is no such list, or no folder holds its photographs.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root", "subject_pattern")
        found = find_list(path) if os.path.isdir(path) else path
        if found is None:
            raise RunError(f"{path} holds no label/{_NAMES[0]} as ExpW does")
        self._path = found
        if not is_list(found):
            raise RunError(
                f"{found} is no list of ExpW: expected lines as "
                "'angry_actor_104.jpg 0 28 113 226 141 22.9362 0'"
            )
        root = self._find_images(options.root)
        self._listing = Listing(root, LabelText(labels, EXPRESSIONS), options.subjects)
        self.roots = (root,)
        self.description = (
            f"ExpW: a record a face, photographs in {root or '.'}; no splits given"
        )

    def _find_images(self, root: str | None) -> str:
        if root is not None:
            return check_root(root)
        names = []
        for _, line in self._lines():
            names.append(line.rsplit(None, _FIELDS)[0])
            if len(names) == _PROBED:
                break
        here = os.path.dirname(self._path)
        above = os.path.dirname(os.path.abspath(here))
        places = [os.path.join(folder, image) for folder in (here, above)
                  for image in _IMAGES]  # fmt: skip
        places = [place.rstrip("/") for place in places]
        found = locate(places, names)
        if found is None:
            raise RunError(
                f"none of the first images of {self._path}, as {names[0]}, is in "
                f"{', '.join(places)}: unpack them, or give --root"
            )
        return found

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
            name, *fields = line.strip().rsplit(None, _FIELDS)
            if len(fields) != _FIELDS:
                yield Rejected(
                    row_name(self._path, number), "line is no name, face, box and label"
                )
                continue
            _, top, left, right, bottom, _, label = fields
            name = name.replace("\\", "/")
            box = read_box(left, top, right, bottom)
            if isinstance(box, str):
                yield Rejected(name, box)
                continue
            entry = self._listing.entry(name, label, None)
            yield dataclasses.replace(
                entry,
                name=box_name(name, box),
                **({"box": box} if isinstance(entry, Item) else {}),
            )
