"""What `--input` names: files, folders, patterns, lists, standard input."""

from __future__ import annotations

import dataclasses
import functools
import glob
import os
import sys
from collections.abc import Callable, Iterator

from byel_tf.data.sources.folder import HIDDEN
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.table import check_root
from byel_tf.data.sources.walk import is_hidden, walk
from byel_tf.errors import RunError, UsageError
from byel_tf.prediction import path_lists

STANDARD_INPUT = "-"

_TABLES = (".csv", ".tsv", ".tab")
_TEXT_LISTS = (".txt", ".lst")


@dataclasses.dataclass(frozen=True)
class Input:
    """Images and videos that one `--input` names.

    Attributes:
      text: What the user gave.
      entries: Gives them in order, those that cannot be read with the reason.
      can_repeat: Whether they can be gone through more than once.
    """

    text: str
    entries: Callable[[], Iterator[Item | Rejected]]
    can_repeat: bool = True

    def count(self) -> int | None:
        """How many there are, if that can be told without using them up.

        Raises:
          RunError: If there is none, or it cannot be read.
        """
        if not self.can_repeat:
            return None
        count = sum(1 for _ in self.entries())
        if not count:
            raise RunError(f"--input={self.text} names no image: it is empty")
        return count


def find_input(text: str, root: str | None = None, null: bool = False) -> Input:
    """Tells what an input is.

    Args:
      text: A file, a folder, a list, a pattern, or `-`.
      root: Folder that paths in lists start from; without it, the list's.
      null: Whether paths on standard input end in NUL and not in a line feed.

    Raises:
      RunError: If there is nothing of that name.
      UsageError: If an option has no meaning for it.
    """
    start = None if root is None else check_root(root)
    if text == STANDARD_INPUT:
        separator = b"\0" if null else b"\n"
        lines = functools.partial(_standard_input, start or "", separator)
        return Input(text, lines, can_repeat=False)
    if os.path.isdir(text):
        return Input(text, functools.partial(_folder, text))
    if not os.path.lexists(text):
        if not glob.has_magic(text):
            raise RunError(f"--input={text} does not exist")
        if not any(_matches(text)):
            raise RunError(f"--input={text} matches no file")
        return Input(text, functools.partial(_matches, text))
    suffix = os.path.splitext(text)[1].casefold()
    list_root = os.path.dirname(text) if start is None else start
    if suffix in _TABLES or (suffix in _TEXT_LISTS and path_lists.is_table(text)):
        return Input(text, functools.partial(path_lists.table, text, list_root))
    if suffix in _TEXT_LISTS:
        return Input(text, functools.partial(path_lists.text_list, text, list_root))
    return Input(text, functools.partial(_file, text))


def _file(path: str) -> Iterator[Item]:
    yield Item(path, path)


def _folder(path: str) -> Iterator[Item | Rejected]:
    """Every file below a folder; nothing is left out."""
    for folder in walk(path):
        if isinstance(folder, Rejected):
            yield Rejected(os.path.join(path, folder.name), folder.reason)
            continue
        in_hidden = any(is_hidden(part) for part in folder.parts)
        for name in folder.files:
            file = os.path.join(path, *folder.parts, name)
            if in_hidden or is_hidden(name):
                yield Rejected(file, HIDDEN)
            else:
                yield Item(file, file)


def _matches(pattern: str) -> Iterator[Item]:
    """Files that a pattern matches, sorted; `**` stands for folders of any depth."""
    names: dict[str, str] = {}
    for path in sorted(glob.iglob(pattern, recursive=True)):
        folder = os.path.dirname(path)
        # A link to a folder may lead round in a circle: each folder once.
        once = names.setdefault(os.path.realpath(folder), folder) == folder
        if once and not os.path.isdir(path):
            yield Item(path, path)


def _standard_input(root: str, separator: bytes) -> Iterator[Item]:
    name = "standard input"
    for path in path_lists.read_lines(sys.stdin.buffer, separator, name):
        yield Item(path, os.path.join(root, path))


def require_apart(output: str, inputs: list[Input]) -> None:
    """Refuses an output that is an input, or lies in one.

    Raises:
      UsageError: If it does.
    """
    written = os.path.realpath(output)
    for given in inputs:
        path = os.path.realpath(given.text)
        inside = os.path.isdir(path) and os.path.commonpath([written, path]) == path
        if given.text != STANDARD_INPUT and (written == path or inside):
            raise UsageError(
                f"--output={output} is or lies in --input={given.text}: choose a "
                "place outside it"
            )
