"""Folders of images: the class is a folder's name, or part of the file's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.source import (
    SourceOptions,
    require_items,
    subject_of,
    unknown_class,
)
from byel_tf.data.sources.split_words import split_of, split_of_folder, unknown_split
from byel_tf.data.sources.votes import VoteRule, read_votes
from byel_tf.data.sources.walk import Folder, is_hidden, walk
from byel_tf.errors import UsageError

HIDDEN = "hidden or system file"


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

    The class is the first folder on a file's path that names one. Where all the top
    folders that hold class folders are named as splits (train, validation, test, as in
    Kaggle's FER2013), they are the splits. With `label_pattern` the class is found in
    the file's path instead, and with `votes` by the file's name in FERPlus's table,
    which is held in memory.
    """

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
          UsageError: If an option has no meaning here.
        """
        options.allow(kind, "votes", "subject_pattern", "label_pattern")
        if options.votes is not None and options.label_pattern is not None:
            raise UsageError(
                f"--votes={options.votes} and --label_pattern={options.label_pattern} "
                "both give labels: choose one"
            )
        self.kind = kind
        self._path = path
        self._labels = labels
        self._subjects = options.subjects
        self._pattern = options.label_names
        self._splits: dict[str, str] = {}
        if options.votes is not None:
            by = f"votes of {options.votes} ({options.vote_labels}), by file name"
            splits = "splits from their column Usage"
            self._votes = self._read_votes(options.votes, options.vote_labels)
            self._enter = self._enter_with_votes
        elif self._pattern is not None:
            by = f"the class is what --label_pattern={options.label_pattern} finds"
            self._splits = self._splits_of_named_files()
            self._enter = self._enter_with_pattern
        else:
            by = "the class is the first folder that names one"
            self._splits = self._splits_of_class_folders()
            self._enter = self._enter_class_folder
        if options.votes is None:
            splits = (
                f"splits from the top folders {', '.join(self._splits)}"
                if self._splits
                else "no splits given"
            )
        self.gives_splits = bool(self._splits) or options.votes is not None
        self.description = f"folder of images: {by}; {splits}"

    def items(self) -> Iterator[Item | Rejected]:
        """Every file, as `Source.items`."""
        nothing = (
            f"{self._path} has no file of one of the classes "
            f"{', '.join(self._labels.names)} (found: {{found}}): rename the folders "
            "or give --classes, --alias or --label_pattern"
        )
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
            yield Item(name, path, known.label, known.split, subject, known.votes)

    def _split(self, folder: Folder) -> str | None:
        return self._splits.get(folder.parts[0]) if folder.parts else None

    def _class_of(self, parts: tuple[str, ...]) -> int | None:
        labels = (self._labels.index(part) for part in parts)
        return next((label for label in labels if label is not None), None)

    def _enter_class_folder(self, folder: Folder) -> _Judge:
        label = self._class_of(folder.parts)
        known: _Known | str
        if label is not None:
            known = _Known(label, self._split(folder))
        elif folder.parts:
            known = unknown_class(folder.parts[-1])
        else:
            known = "not in a class folder"
        return lambda _: known

    def _enter_with_pattern(self, folder: Folder) -> _Judge:
        prefix, split, pattern = folder.prefix, self._split(folder), self._pattern

        def judge(file: str) -> _Known | str:
            text = pattern.find(prefix + file)
            if text is None:
                return pattern.mismatch
            label = self._labels.index(text)
            return unknown_class(text) if label is None else _Known(label, split)

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

    def _splits_of_class_folders(self) -> dict[str, str]:
        """Splits by top folder; none unless all that hold classes are named so."""
        splits: dict[str, str] = {}
        for folder in walk(self._path):
            if isinstance(folder, Rejected):
                continue
            folder.folders[:] = [name for name in folder.folders if not is_hidden(name)]
            if self._class_of(tuple(folder.folders)) is None:
                continue
            split = split_of_folder(folder.parts[0]) if folder.parts else None
            if split is None:
                return {}
            splits[folder.parts[0]] = split
            folder.folders.clear()  # one class folder is enough
        return splits

    def _splits_of_named_files(self) -> dict[str, str]:
        """Splits by top folder; none unless all are named so and hold the images."""
        top = next(f for f in walk(self._path) if isinstance(f, Folder))
        if any(self._pattern.find(file) for file in top.files):
            return {}
        splits = {
            name: split_of_folder(name) for name in top.folders if not is_hidden(name)
        }
        return splits if all(splits.values()) else {}
