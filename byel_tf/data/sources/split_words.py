"""The words by which data sets name their splits."""

from __future__ import annotations

import re

_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "publictest": "validation",  # FER2013
    "test": "test",
    "testing": "test",
    "privatetest": "test",  # FER2013
}

#: What a top folder of `<split>/<class>/…` is called.
_FOLDERS = {
    "train",
    "training",
    "validation",
    "valid",
    "val",
    "test",
    "testing",
}


def split_of(word: str) -> str | None:
    """The split a table's word means, in any case, or None."""
    return _WORDS.get(word.strip().casefold())


def split_of_folder(name: str) -> str | None:
    """The split a folder's name means, or None."""
    name = name.casefold()
    return _WORDS[name] if name in _FOLDERS else None


def split_within(name: str) -> str | None:
    """The split that one word of a file's name means, as in `valid_list.txt`."""
    words = re.split(r"[^a-z]+", name.casefold())
    return next((_WORDS[word] for word in words if word in _FOLDERS), None)


def unknown_split(word: str) -> str:
    """Why a row with that word is rejected."""
    word = " ".join(word.split())[:60]
    return f"unknown split '{word}'" if word else "row has no split"
