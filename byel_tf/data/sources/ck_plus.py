"""CK+, the extended Cohn-Kanade set: sequences of frames, from rest to an expression.

The archive `extended-cohn-kanade-images.zip` holds `cohn-kanade-images/S005/001/
S005_001_00000001.png` and so on, `Emotion_labels.zip` `Emotion/S005/001/
S005_001_00000011_emotion.txt`, whose name is that of the last frame, at which the
expression is at its peak, and which holds a number as `   3.0000000e+00`: neutral,
anger, contempt, disgust, fear, happy, sadness, surprise, from 0. Some unpack them into
folders of the archives' names. 327 of the 593 sequences have a label, by the criteria
of Lucey et al. 2010. There are no splits; those that are dealt keep persons apart.
(Public code that reads these: github.com/HayeonLee/fer, and loaders with the paths
Emotion_labels/Emotion and extended-cohn-kanade-images/cohn-kanade-images.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.record import UNLABELLED
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.scan import scan
from byel_tf.data.sources.source import SourceOptions, require_items
from byel_tf.data.sources.table import check_root
from byel_tf.data.sources.walk import is_hidden
from byel_tf.errors import RunError

EXPRESSIONS = ORDERS["ck-plus"]
_IMAGES, _LABELS = "cohn-kanade-images", "emotion"
# Folders in which those may be: of the archives' names, or the set's.
_UNPACKED = re.compile(r"cohn|emotion|\bck", re.IGNORECASE)
_SUBJECT = re.compile(r"S\d{3}")
_LABEL = re.compile(r"(.+)_emotion\.txt", re.IGNORECASE)
_NO_LABEL = "sequence has no emotion label"
_LONGEST_LABEL = 1000


def is_tree(folder: str) -> bool:
    """Whether a folder holds CK+'s frames and labels."""
    return all(_find(folder, name) is not None for name in (_IMAGES, _LABELS))


def _find(folder: str, name: str) -> str | None:
    """The folder of that name that holds subjects: this, or below it, or None."""
    inside = [os.path.join(folder, inner) for inner in _names(folder, folders=True)]
    deeper = [os.path.join(one, inner) for one in inside
              if _UNPACKED.search(os.path.basename(one))
              for inner in _names(one, folders=True)]  # fmt: skip
    for path in (os.path.abspath(folder), *inside, *deeper):
        if os.path.basename(path).casefold() == name and any(
            map(_SUBJECT.fullmatch, _names(path, folders=True))
        ):
            return path
    return None


def _names(folder: str, folders: bool = False) -> list[str]:
    """Names of the files in a folder, or of the folders, sorted, without hidden ones.

    There are none in a folder that is not there.

    Raises:
      RunError: If it cannot be read.
    """
    if not os.path.lexists(folder):
        return []
    found = (entry.name for entry in scan(folder) if entry.is_dir() == folders)
    return sorted(name for name in found if not is_hidden(name))


class CkPlusSource:
    """The peak frame of each sequence that has a label.

    The other frames, which have none, are left out and not listed; a sequence without
    a label is listed as one.
    """

    kind = "ck-plus"
    gives_splits = False
    gives_boxes = False

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Finds frames and labels.

        Args:
          path: The folder that holds both, or that of the labels, with the frames'
            as `root`.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If there are none.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "root")
        self._path = path
        self._labels = LabelText(labels, EXPRESSIONS)
        images = _find(path, _IMAGES)
        if options.root is not None:
            images = check_root(options.root)
        emotions = _find(path, _LABELS)
        if images is None or emotions is None:
            raise RunError(
                f"{path} does not hold CK+'s folders Emotion/S005 … and "
                f"{_IMAGES}/S005 …: unpack Emotion_labels.zip and "
                "extended-cohn-kanade-images.zip into one folder"
            )
        self.roots = (images,)
        self._images, self._emotions = images, emotions
        self.description = (
            f"CK+: the peak frame of every labelled sequence of {images}, labels in "
            f"{emotions}; subjects from the folders; no splits given"
        )

    def items(self) -> Iterator[Item | Rejected]:
        """Every sequence, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        subjects = (
            _names(place, folders=True) for place in (self._images, self._emotions)
        )
        for subject in sorted(set().union(*subjects)):
            of_images, of_labels = (
                _names(os.path.join(place, subject), folders=True)
                for place in (self._images, self._emotions)
            )
            for sequence in sorted({*of_images, *of_labels}):
                yield self._entry(subject, sequence)

    def _entry(self, subject: str, sequence: str) -> Item | Rejected:
        """The peak frame of a sequence, or why there is none."""
        name = f"{subject}/{sequence}"
        frames = os.path.join(self._images, subject, sequence)
        labels = os.path.join(self._emotions, subject, sequence)
        found = [label for file in _names(labels) if (label := _LABEL.fullmatch(file))]
        if not found:
            return Rejected(name, _NO_LABEL)
        if len(found) > 1:
            return Rejected(name, "sequence has several emotion labels")
        label = self._read(os.path.join(labels, found[0][0]))
        if isinstance(label, str):
            return Rejected(name, label)
        files = _names(frames)
        if not files:
            return Rejected(name, "sequence has a label and no frames")
        stems = {os.path.splitext(file)[0]: file for file in files}
        file = stems.get(found[0][1], files[-1])
        return Item(
            f"{name}/{file}", os.path.join(frames, file), label, subject=subject
        )

    def _read(self, path: str) -> int | str:
        """The label a file holds, or the reason why there is none to be taken."""
        try:
            with open(path, "rb") as file:
                content = file.read(_LONGEST_LABEL + 1)
        except OSError as error:
            return f"emotion label cannot be read: {error.strerror}"
        text = content.decode("utf-8-sig", "replace").strip()
        if len(content) > _LONGEST_LABEL or len(text.split()) > 1:
            return "emotion label is more than one number"
        label = self._labels.read(text)
        return _NO_LABEL if label == UNLABELLED else label
