"""Folders of images: the class is a folder's name, or part of the file's."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import (
    parse_label_numbers,
    say_what_fits,
    whole_number,
)
from byel_tf.data.sources.source import (
    SourceOptions,
    require_items,
    subject_of,
    unknown_class,
)
from byel_tf.data.sources.split_folders import SplitFolders, SplitSurvey
from byel_tf.data.sources.split_words import split_of, splits_named, unknown_split
from byel_tf.data.sources.votes import VoteRule, read_votes
from byel_tf.data.sources.walk import Folder, is_hidden, walk
from byel_tf.errors import UsageError

HIDDEN = "hidden or system file"

_MOST_UNKNOWN = 1000

# What stands beside images and is none, for all its labelled folder.
_NO_IMAGES = {
    ".parquet",
    *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".ini"),
    *(".md", ".rst", ".html", ".htm", ".pdf", ".doc", ".docx", ".xls", ".xlsx"),
    *(".mat", ".npy", ".npz", ".pkl", ".h5", ".pts", ".log", ".py", ".ipynb", ".sh"),
    *(".zip", ".gz", ".tar", ".rar", ".7z"),
}


@dataclasses.dataclass(frozen=True)
class _Known:
    """What the source says of one image."""

    label: int
    split: str | None
    votes: tuple[float, ...] | None = None


# For the files of one folder: what is known of a file, or why it is rejected.
_Judge = Callable[[str], _Known | str]


class FolderSource:
    """`source/<class>/…/<file>`; deeper folders belong to their class.

    The class is the first folder on a file's path that names one, or else the first
    that has its number, where it is said what numbers mean. The splits are those that
    the other folders on the path name, at any depth. With `label_pattern` the class is
    found in the file's path instead, and with `votes` by the file's name in FERPlus's
    table, which is held in memory.
    """

    gives_boxes = False

    def __init__(
        self,
        path: str,
        labels: ClassNames,
        options: SourceOptions,
        kind: str = "folder",
    ) -> None:
        """Looks how the folders are laid out.

        Args:
          path: The folder.
          labels: The classes.
          options: What the user says of it.
          kind: The format's name.

        Raises:
          RunError: If it is no folder, or cannot be read.
          UsageError: If an option has no meaning here, or it is not clear which split
            or class folders mean.
        """
        options.allow(
            kind, "votes", "subject_pattern", "label_pattern", "label_numbers"
        )
        if options.votes is not None:
            for name in ("label_pattern", "label_numbers"):
                if (value := getattr(options, name)) is not None:
                    raise UsageError(
                        f"--votes={options.votes} and --{name}={value} both give "
                        "labels: choose one"
                    )
        self.kind = kind
        self.roots = (path,)
        self._path = path
        self._labels = labels
        self._numbers: dict[int, str] = {}
        self._refused: dict[int, str] = {}
        if options.label_numbers is not None:
            numbers = parse_label_numbers(options.label_numbers, labels)
            self._numbers, self._refused = numbers
        self._index = functools.lru_cache(maxsize=4096)(self._find_class)
        self._subjects = options.subjects
        self._pattern = options.label_names
        self._splits = SplitFolders()
        if options.votes is not None:
            by = f"votes of {options.votes} ({options.vote_labels}), by file name"
            splits = "splits from their column Usage"
            self._votes = self._read_votes(options.votes, options.vote_labels)
            self._enter = self._enter_with_votes
        else:
            if self._pattern is not None:
                by = f"the class is what --label_pattern={options.label_pattern} finds"
                self._enter = self._enter_with_pattern
            else:
                by = "the class is the first folder that names one"
                self._enter = self._enter_class_folder
            if options.label_numbers is not None:
                by += f", numbers as --label_numbers={options.label_numbers} says"
            self._splits = self._survey(options.deals_anew)
            splits = self._splits.described
        self.gives_splits = self._splits.are_given or options.votes is not None
        self.description = f"folder of images: {by}; {splits}"

    def items(self) -> Iterator[Item | Rejected]:
        """Every file, as `Source.items`."""
        nothing = (
            f"{self._path} has no file of one of the classes "
            f"{', '.join(self._labels.names)} (found: {{found}}): rename the folders "
            "or give --classes, --alias or --label_pattern; photographs without labels "
            "are for the program predict, training and evaluation need labels"
        )
        if tables := _tables_in(self._path):
            nothing += f"; a list of the images is given as --source={tables[0]}"
        return require_items(self._entries(), nothing)

    def _entries(self) -> Iterator[Item | Rejected]:
        for folder in walk(self._path):
            if isinstance(folder, Rejected):
                yield folder
                continue
            yield from self._files(folder)

    def _files(self, folder: Folder) -> Iterator[Item | Rejected]:
        prefix = folder.prefix
        in_hidden = any(is_hidden(part) for part in folder.parts)
        judge = self._enter(folder)
        for file in folder.files:
            name = prefix + file
            if in_hidden or is_hidden(file):
                yield Rejected(name, HIDDEN)
                continue
            known = judge(file)
            if isinstance(known, str):
                yield Rejected(name, known)
                continue
            subject = None
            if self._subjects is not None:
                subject = subject_of(self._subjects, name)
                if subject is None:
                    yield Rejected(name, self._subjects.mismatch)
                    continue
            path = f"{folder.path}/{file}"
            split = known.split or self._splits.of_file(file)
            yield Item(name, path, known.label, split, subject, known.votes)

    def _find_class(self, name: str) -> int | None:
        """The class that a folder's name or number means."""
        label = self._labels.index(name)
        if label is None and self._numbers:
            meant = self._numbers.get(whole_number(name))
            label = None if meant is None else self._labels.index(meant)
        return label

    def _why_none(self, name: str) -> str:
        """Why images of what is no class are rejected."""
        number = whole_number(name) if self._numbers else None
        if number in self._refused:
            return self._refused[number]
        return unknown_class(self._numbers.get(number, name))

    def _class_depth(self, folder: Folder) -> int | None:
        """Which of the folders on a path names the class, or None.

        The first that has a class's name, or else a class's number.
        """
        found = [d for d, p in enumerate(folder.parts) if self._index(p) is not None]
        named = (d for d in found if self._labels.index(folder.parts[d]) is not None)
        return next(named, found[0] if found else None)

    def _enter_class_folder(self, folder: Folder) -> _Judge:
        depth = self._class_depth(folder)
        known: _Known | str
        if depth is not None:
            split = self._splits.of(folder.parts, (depth,))
            known = _Known(self._index(folder.parts[depth]), split)
        elif folder.parts:
            known = self._why_none(_own_name(folder))
        else:
            known = "not in a class folder"
        return lambda _: known

    def _enter_with_pattern(self, folder: Folder) -> _Judge:
        prefix, pattern = folder.prefix, self._pattern

        splits: dict[tuple[int, ...], str | None] = {}

        def judge(file: str) -> _Known | str:
            text = pattern.find(prefix + file)
            if text is None:
                return pattern.mismatch
            label = self._index(text)
            if label is None:
                return self._why_none(text)
            of_class = _parts_of_class(folder, pattern.span(prefix + file))
            if of_class not in splits:
                splits[of_class] = self._splits.of(folder.parts, of_class)
            return _Known(label, splits[of_class])

        return judge

    def _enter_with_votes(self, _: Folder) -> _Judge:
        return lambda file: self._votes.get(file, "not named in the table of votes")

    def _read_votes(self, path: str, vote_labels: str) -> dict[str, _Known | str]:
        rule = VoteRule(self._labels, vote_labels)
        known: dict[str, _Known | str] = {}
        for row in read_votes(path):
            verdict, split = rule.decide(row), split_of(row.usage)
            if isinstance(verdict, str):
                known[row.image] = verdict
            elif split is None:
                known[row.image] = unknown_split(row.usage)
            else:
                known[row.image] = _Known(verdict.label, split, verdict.votes)
        return known

    def _survey(self, deals_anew: bool) -> SplitFolders:
        """Looks through all folders that hold labelled images.

        Raises:
          UsageError: If classes are numbers that nobody has explained, or it is not
            clear which splits are meant.
        """
        survey = SplitSurvey()
        unknown: set[str] = set()
        is_labelled = False
        for folder in walk(self._path):
            if isinstance(folder, Rejected):
                continue
            folder.folders[:] = [name for name in folder.folders if not is_hidden(name)]
            for of_class, files in self._labelled(folder, unknown).items():
                survey.add(folder.parts, of_class, files)
                is_labelled = True
        numbers = {whole_number(name) for name in unknown} - {None}
        if numbers and not is_labelled and not self._numbers:
            raise UsageError(
                f"{self._path}: the classes are numbers, which are no names: "
                f"{say_what_fits(numbers, self._labels)}"
            )
        return survey.decide(deals_anew)

    def _labelled(
        self, folder: Folder, unknown: set[str]
    ) -> dict[tuple[int, ...], list[str]]:
        """Files of the classes, by which folders on their path name the class.

        Args:
          folder: Where they are.
          unknown: Names of other classes are added to it, not all of a great many.
        """
        files = [file for file in folder.files if _may_be_image(file)]
        if self._pattern is None:
            depth = self._class_depth(folder)
            if files and depth is not None:
                return {(depth,): files}
            if files and folder.parts and len(unknown) < _MOST_UNKNOWN:
                unknown.add(_own_name(folder))
            return {}
        labelled: dict[tuple[int, ...], list[str]] = {}
        for file in files:
            name = folder.prefix + file
            text = self._pattern.find(name)
            if text is None:
                continue
            if self._index(text) is not None:
                of_class = _parts_of_class(folder, self._pattern.span(name))
                labelled.setdefault(of_class, []).append(file)
            elif len(unknown) < _MOST_UNKNOWN:
                unknown.add(text)
        return labelled


def _may_be_image(file: str) -> bool:
    if is_hidden(file):
        return False
    return os.path.splitext(file)[1].casefold() not in _NO_IMAGES


def _tables_in(folder: str) -> list[str]:
    """Files that may list a folder's images."""
    suffixes = (".csv", ".tsv", ".parquet")
    names = sorted(os.listdir(folder))
    return [
        os.path.join(folder, name)
        for name in names
        if name.casefold().endswith(suffixes) and not is_hidden(name)
    ]


def _own_name(folder: Folder) -> str:
    """The last folder on a path that is no split's, as those below classes are."""
    names = [part for part in folder.parts if not splits_named(part)]
    return (names or folder.parts)[-1]


def _parts_of_class(folder: Folder, span: tuple[int, int]) -> tuple[int, ...]:
    """Which folders on a path a stretch of it touches."""
    start, end = span
    touched, at = [], 0
    for depth, part in enumerate(folder.parts):
        if start < at + len(part) and at < end:
            touched.append(depth)
        at += len(part) + 1
    return tuple(touched)
