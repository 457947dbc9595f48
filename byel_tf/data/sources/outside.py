"""Images that a source leads to and that lie elsewhere.

A folder that somebody else has packed may hold links, and a list paths with `..` or
from the root, that lead to pictures of whoever prepares it. Those are the user's to
have in a data set, who may not know of it.
"""

from __future__ import annotations

import functools
import os
import posixpath
import stat
from collections.abc import Iterable

from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.storage import is_remote
from byel_tf.flagging import one_line

#: What happens to such images: taken and listed, or rejected.
OUTSIDE_CHOICES = ("list", "reject")
#: Where those taken are listed, beside the shards.
OUTSIDE_FILE_NAME = "outside.csv"
OUTSIDE_COLUMNS = ("path", "leads to")
_REJECTED = "outside the source; --outside=list takes it"


def trusted_roots(
    source: str, root: str | None, found: Iterable[str]
) -> tuple[str, ...]:
    """The folders that a user has named for images, or that lie beside a table.

    Args:
      source: What the user gave as source.
      root: And as folder of a table's images.
      found: Where a layout's images were found. Within a folder, or beside a table,
        that may be a link to anywhere.
    """
    given = () if root is None else (root,)
    if os.path.isdir(source):
        return (source, *given)
    if given:
        return given
    here = os.path.abspath(os.path.dirname(source))
    return (here, *(one for one in found if _stays(one, here)))


def _stays(folder: str, here: str) -> bool:
    """Whether a folder in a table's, or beside that, is no link to another place."""
    is_in_it = _is_within(os.path.abspath(folder), here)
    around = here if is_in_it else os.path.dirname(here)
    return _is_within(os.path.realpath(folder), os.path.realpath(around))


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


class Surroundings:
    """Tells which files lie outside of the folders in which they are looked for."""

    def __init__(self, roots: Iterable[str]) -> None:
        """Takes the folders, by path or address."""
        roots = list(roots)
        self._addresses = [root.rstrip("/") for root in roots if is_remote(root)]
        self._folders = [
            os.path.realpath(root) for root in roots if not is_remote(root)
        ]
        # Files of one folder, faces of one photograph, rows of one table.
        self._real_folder = functools.lru_cache(maxsize=256)(self._find_folder)
        self._leads_to = functools.lru_cache(maxsize=16)(self._find)
        self._count = 0
        self._first = "", ""

    def look_at(
        self, entry: Item | Rejected, choice: str
    ) -> tuple[Item | Rejected, str | None]:
        """What becomes of an entry of the source.

        Args:
          entry: What the source names.
          choice: One of `OUTSIDE_CHOICES`.

        Returns:
          The entry, or why it is rejected; and where the image is, if it is taken from
          outside.
        """
        where = None
        # What a table of pixels adds is numbers, wherever the table lies.
        if isinstance(entry, Item) and entry.row is None:
            where = self._leads_to(entry.path)
        if where is not None and choice == "reject":
            return Rejected(entry.name, _REJECTED), None
        if where is not None:
            self._count += 1
            if self._count == 1:
                self._first = entry.name, where
        return entry, where

    def summary(self) -> str:
        """A line on the images that are taken from outside; empty if there are none."""
        if not self._count:
            return ""
        lie = "image lies" if self._count == 1 else "images lie"
        name, where = self._first
        return one_line(
            f"{self._count} {lie} outside the source, as {name}, which is {where}: "
            f"listed in {OUTSIDE_FILE_NAME}; --outside=reject leaves such images out, "
            "and --root says where those of a table are"
        )

    def _find(self, path: str) -> str | None:
        """Where a file is, if that is outside; None if it is inside."""
        if is_remote(path):
            plain = posixpath.normpath(path.partition("://")[2])
            address = f"{path.partition('://')[0]}://{plain}"
            is_inside = any(address.startswith(f"{r}/") for r in self._addresses)
            return None if is_inside else path
        folder, name = os.path.split(path)
        try:
            real, is_inside = self._real_folder(folder)
            is_plain = name not in ("", os.curdir, os.pardir) and not stat.S_ISLNK(
                os.lstat(path).st_mode
            )
            if is_plain and is_inside:
                return None
            file = os.path.join(real, name) if is_plain else os.path.realpath(path)
        except (OSError, ValueError):  # it cannot be read, which will be said
            return None
        return None if self._is_inside(file) else file

    def _find_folder(self, folder: str) -> tuple[str, bool]:
        real = os.path.realpath(folder or os.curdir)
        return real, self._is_inside(real)

    def _is_inside(self, real: str) -> bool:
        return any(_is_within(real, root) for root in self._folders)
