"""The words by which data sets name their splits."""

from __future__ import annotations

import functools
import re

_STEMS = {
    "train": ("train",),
    "training": ("train",),
    "validation": ("validation",),
    "valid": ("validation",),
    "val": ("validation",),
    "dev": ("validation",),
    "test": ("test",),
    "testing": ("test",),
    "trainval": ("train", "validation"),
    "traintest": ("train", "test"),
}

#: What is written in one word with a split, as in `trainset`.
_TAILS = (
    "set",
    "sets",
    "data",
    "dataset",
    "image",
    "images",
    "img",
    "imgs",
    "faces",
    "files",
    "folder",
    "dir",
    "split",
    "part",
    "pics",
    "samples",
)

_WORDS = {
    stem + tail: found for stem, found in _STEMS.items() for tail in ("", *_TAILS)
}

#: FER2013's names for its splits, of two words.
_PAIRS = {("public", "test"): "validation", ("private", "test"): "test"}

# Words of a name: PublicTest, FER2013Train, train_set, VAL2017, publictest.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_GLUED = re.compile(r"(public|private)(test)", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def splits_named(name: str) -> frozenset[str]:
    """The splits that the words of a name mean, as `val_set` or `FER2013Train`.

    Words are told apart by case, digits and what is no letter; a part of a word names
    nothing, as in `latest` or `trainer`.
    """
    words = [w.casefold() for w in _WORD.findall(_GLUED.sub(r"\1 \2", name))]
    found: set[str] = set()
    for before, word in zip(["", *words], words, strict=False):
        pair = _PAIRS.get((before, word))
        found.update(_WORDS.get(word, ()) if pair is None else (pair,))
    return frozenset(found)


def split_of(word: str) -> str | None:
    """The one split that a table's word, or a file's or folder's name means, or None.

    Args:
      word: `Training`, `PublicTest`, `valid_list.txt`.
    """
    found = splits_named(word)
    return next(iter(found)) if len(found) == 1 else None


def split_within(name: str) -> str | None:
    """The split that the first such word of a file's name means, or None."""
    found = (split_of(word) for word in re.split(r"[\W_]+", name))
    return next((split for split in found if split is not None), None)


def unknown_split(word: str) -> str:
    """Why a row with that word is rejected."""
    word = " ".join(word.split())[:60]
    return f"unknown split '{word}'" if word else "row has no split"
