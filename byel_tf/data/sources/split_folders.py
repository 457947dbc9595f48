"""Splits that folders are named after, wherever on an image's path they stand."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Sequence

from byel_tf.data.sources.split_words import split_of, splits_named
from byel_tf.errors import UsageError

_SHOWN = 8
_FILE_START = re.compile(r"([a-z]+)[^a-z]", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class SplitFolders:
    """How a folder's splits are told.

    Attributes:
      around: Number of folders around all images that decide nothing, since those
        below them do.
      by_folder: Whether folders name the splits.
      by_file: Whether the first words of the files' names do.
      described: From which names the splits come, in words.
    """

    around: int = 0
    by_folder: bool = False
    by_file: bool = False
    described: str = "no splits given"

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self.by_folder or self.by_file

    def of(self, parts: Sequence[str], of_class: Iterable[int]) -> str | None:
        """The split of a folder's images, or None.

        Args:
          parts: The folders on its path.
          of_class: Which of them name the class.
        """
        if not self.by_folder:
            return None
        found = _splits(_named(parts, of_class), self.around)
        return next(iter(found)) if len(found) == 1 else None

    def of_file(self, file: str) -> str | None:
        """The split that a file's name says, or None."""
        return _split_of_file(file) if self.by_file else None


class SplitSurvey:
    """Looks at the names of all folders that hold labelled images.

    What it holds does not grow with the number of folders: an example of each
    arrangement of splits on a path.
    """

    def __init__(self) -> None:
        """Begins with none."""
        self._common: tuple[str, ...] | None = None
        # By the splits that each part names: an example's path and its naming parts.
        self._paths: dict[tuple, str] = {}
        self._names: dict[tuple[int, frozenset[str]], dict[str, None]] = {}
        self._files: dict[str | None, str] = {}

    def add(
        self, parts: tuple[str, ...], of_class: Iterable[int], files: Iterable[str]
    ) -> None:
        """Adds a folder that holds labelled images.

        Args:
          parts: The folders on its path.
          of_class: Which of them name the class.
          files: Names of the images.
        """
        if self._common is None:
            self._common = parts
        elif self._common != parts[: len(self._common)]:
            self._common = tuple(os.path.commonprefix([self._common, parts]))
        named = _named(parts, of_class)
        prefix = "/".join(parts)
        self._paths.setdefault(named, prefix or "the source itself")
        for depth, found in named:
            names = self._names.setdefault((depth, found), {})
            if len(names) < _SHOWN:
                names[parts[depth]] = None
        for file in files:
            split = _split_of_file(file)
            if split not in self._files:
                self._files[split] = f"{prefix}/{file}" if prefix else file

    def decide(self, deals_anew: bool) -> SplitFolders:
        """What the names come to.

        Args:
          deals_anew: Whether splits are wanted at all; else contradictions are none.

        Raises:
          UsageError: If some images' paths name a split and others none, or one names
            two.
        """
        around = len(self._common or ())
        if not any(_splits(named, around) for named in self._paths):
            around = 0
        groups = [(path, _splits(named, around)) for named, path in self._paths.items()]
        if not any(found for _, found in groups):
            return self._by_files(deals_anew)
        if all(len(found) == 1 for _, found in groups):
            return SplitFolders(around, by_folder=True, described=self._tell(around))
        if deals_anew:
            return SplitFolders(described="splits named by some folders, not by all")
        groups.sort(key=lambda group: not group[1])
        seen = [f"{path} ({_words(found)})" for path, found in groups]
        raise UsageError(
            f"not every image's path names one split: {_shorten(seen)}; give each "
            "folder of images exactly one split's name, or a source without the "
            "others, or deal all images anew by --splits=train=0.8,validation=0.1,"
            "test=0.1"
        )

    def _tell(self, around: int) -> str:
        names: dict[str, str] = {}
        for (depth, found), of_depth in self._names.items():
            if depth >= around:
                names |= dict.fromkeys(of_depth, _words(found))
        told = [n if n == words else f"{n} ({words})" for n, words in names.items()]
        return f"splits from the folders {_shorten(told)}"

    def _by_files(self, deals_anew: bool) -> SplitFolders:
        """As for names as `train_0001.jpg`, if several splits are named."""
        if len(self._files.keys() - {None}) < 2:
            return SplitFolders()
        if None not in self._files:
            told = ", ".join(self._files.values())
            return SplitFolders(
                by_file=True, described=f"splits from the files' names, as {told}"
            )
        if deals_anew:
            return SplitFolders(described="splits named by some files, not by all")
        seen = [
            f"{path} ({split or 'no split'})" for split, path in self._files.items()
        ]
        raise UsageError(
            f"some files' names begin with a split, others do not: {_shorten(seen)}; "
            "sort them into folders of the splits, or deal all images anew by "
            "--splits=train=0.8,validation=0.1,test=0.1"
        )


_Named = tuple[tuple[int, frozenset[str]], ...]


def _named(parts: Sequence[str], of_class: Iterable[int]) -> _Named:
    """Which parts of a path name splits, and which."""
    return tuple(
        (depth, found)
        for depth, part in enumerate(parts)
        if depth not in of_class and (found := splits_named(part))
    )


def _splits(named: _Named, around: int) -> frozenset[str]:
    """The splits that a path names below a number of folders."""
    return frozenset().union(*(found for depth, found in named if depth >= around))


def _split_of_file(file: str) -> str | None:
    if file[:1] not in "dptvDPTV":  # quick: there may be millions
        return None
    start = _FILE_START.match(file)
    return None if start is None else split_of(start[1])


def _words(found: frozenset[str]) -> str:
    return " and ".join(sorted(found)) or "no split"


def _shorten(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    return f"{shown}, …" if len(texts) > _SHOWN else shown
