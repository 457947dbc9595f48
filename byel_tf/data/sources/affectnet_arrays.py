"""AffectNet's release of 2021: pictures, and arrays of NumPy with what they show.

`train_set/images/0.jpg` and so on, `train_set/annotations/0_exp.npy` with the number of
the expression, as in the tables of 2017 but only to 7, and `0_val.npy`, `0_aro.npy` and
`0_lnd.npy` with valence, arousal and landmarks; `val_set/` likewise. The pictures are
faces of 224 pixels already. (github.com/sb-ai-lab/EmotiEffLib issue 14 on a download
with these files; github.com/armand-07/emotion_recognition counts 287,651 and 3,999
pictures and four files each.) The expression is a text of one digit in some copies, a
number in others.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Iterator

from byel_tf.data.record import UNLABELLED
from byel_tf.data.sources.folder import HIDDEN
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.scan import scan
from byel_tf.data.sources.source import SourceOptions, require_items, subject_of
from byel_tf.data.sources.split_words import split_within
from byel_tf.data.sources.walk import is_hidden

_IMAGES, _ANNOTATIONS, _EXPRESSION = "images", "annotations", "_exp.npy"
_LONGEST = 4096
_MISSING = "its annotation is missing"
_BROKEN = "its annotation is no array of one number or text"


def find_sets(folder: str) -> list[str]:
    """The folders of pictures and annotations: this one, or some of those in it."""
    if _is_set(folder):
        return [folder]
    inside = sorted(entry.path for entry in scan(folder) if entry.is_dir())
    return [path for path in inside if _is_set(path)]


def _is_set(folder: str) -> bool:
    annotations = os.path.join(folder, _ANNOTATIONS)
    if not os.path.isdir(os.path.join(folder, _IMAGES)):
        return False
    if not os.path.isdir(annotations):
        return False
    return any(entry.name.endswith(_EXPRESSION) for entry in scan(annotations))


def _alone(annotations: str, stems: set[str]) -> list[str]:
    """Annotations of expressions whose picture is not there."""
    names = (entry.name for entry in scan(annotations))
    names = (name for name in names if name.endswith(_EXPRESSION))
    return sorted(n for n in names if n.removesuffix(_EXPRESSION) not in stems)


@functools.lru_cache(maxsize=1024)  # a label's files are all alike
def _text_of(content: bytes) -> str | None:
    """The one value of an array of NumPy, as text; None if it is no such array."""
    import numpy as np

    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
        value = array.item()
    except Exception:  # NumPy raises many kinds of errors for what is none
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str | int | float) else None


class AffectNetArrays:
    """Pictures with an array each; the names of one folder are held in memory."""

    kind = "affectnet"
    gives_boxes = False

    def __init__(self, path: str, labels: LabelText, options: SourceOptions) -> None:
        """Looks which sets there are.

        Args:
          path: The folder of `train_set` and `val_set`, or one of these.
          labels: What the expressions' numbers mean.
          options: What the user says of it.

        Raises:
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "subject_pattern")
        self.roots = (path,)
        self._path = path
        self._labels = labels
        self._subjects = options.subjects
        sets = find_sets(path)
        #: What stands before the pictures' names, their set's folder, and split.
        self._sets = []
        for folder in sets:
            name = os.path.basename(os.path.abspath(folder))
            prefix = "" if folder == path else f"{name}/"
            self._sets.append((prefix, folder, split_within(name)))
        self.gives_splits = all(split for *_, split in self._sets)
        self.description = "AffectNet, pictures with annotations: " + "; ".join(
            f"{folder} as {split or 'no split'}" for _, folder, split in self._sets
        )

    def items(self) -> Iterator[Item | Rejected]:
        """Every picture, then every annotation without one, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        for prefix, folder, split in self._sets:
            images = os.path.join(folder, _IMAGES)
            annotations = os.path.join(folder, _ANNOTATIONS)
            stems = set()
            for file in sorted(entry.name for entry in scan(images)):
                stem = os.path.splitext(file)[0]
                stems.add(stem)
                name = f"{prefix}{_IMAGES}/{file}"
                if is_hidden(file):
                    yield Rejected(name, HIDDEN)
                    continue
                label = self._read(os.path.join(annotations, stem + _EXPRESSION))
                if isinstance(label, str):
                    yield Rejected(name, label)
                    continue
                subject = None
                if self._subjects is not None:
                    subject = subject_of(self._subjects, name)
                    if subject is None:
                        yield Rejected(name, self._subjects.mismatch)
                        continue
                path = os.path.join(images, file)
                yield Item(name, path, label, split, subject)
            for file in _alone(annotations, stems):
                reason = "annotation without an image"
                yield Rejected(f"{prefix}{_ANNOTATIONS}/{file}", reason)

    def _read(self, path: str) -> int | str:
        """The label in an annotation, or the reason why there is none to be taken."""
        try:
            with open(path, "rb", buffering=0) as file:
                content = file.read(_LONGEST + 1)
        except FileNotFoundError:
            return _MISSING
        except OSError as error:
            return f"its annotation cannot be read: {error.strerror}"
        text = _text_of(content)
        label = _BROKEN if text is None else self._labels.read(text)
        return "its annotation is empty" if label == UNLABELLED else label
