"""All files below a folder, folder by folder."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator

from byel_tf.data.sources.item import Rejected
from byel_tf.errors import RunError

# What systems, file servers and tools leave in folders, besides names with a dot.
_SYSTEM_NAMES = {
    "thumbs.db",  # Windows
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "found.000",
    "__macosx",  # macOS, in archives made there
    "icon\r",
    "network trash folder",
    "temporary items",
    "lost+found",  # Linux
    "@eadir",  # Synology and QNAP
    "#recycle",
    "#snapshot",
    "@recycle",
    "@tmp",
    "__pycache__",
}


@dataclasses.dataclass(frozen=True)
class Folder:
    """One folder of a walk.

    Attributes:
      path: Where it is.
      parts: The folders from the walk's start to it; empty for the start itself.
      folders: Names of the folders in it, sorted; what is removed is not entered.
      files: Names of the files in it, sorted.
    """

    path: str
    parts: tuple[str, ...]
    folders: list[str]
    files: list[str]

    @property
    def prefix(self) -> str:
        """What comes before a file's name in its path from the start."""
        return "".join(f"{part}/" for part in self.parts)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is the system's own and no image of the user's."""
    return name.startswith((".", "~$")) or name.casefold() in _SYSTEM_NAMES


def walk(source: str) -> Iterator[Folder | Rejected]:
    """Walks through a folder in the order of names, holding one folder's names.

    Links to folders outside the source are followed, each folder once.

    Args:
      source: The folder.

    Yields:
      Each folder, and each that cannot or need not be entered, with the reason.

    Raises:
      RunError: If the source is no folder, or cannot be read.
    """
    if not os.path.isdir(source):
        raise RunError(f"{source} is not a folder")
    root = os.path.realpath(source)
    # Where each linked folder was entered; those below the root are met anyway.
    entered: dict[str, str] = {}
    rejected: list[Rejected] = []

    def unreadable(error: OSError) -> None:
        name = _relative(error.filename, source)
        if not name:
            raise RunError(f"{source} cannot be read: {error.strerror}") from error
        rejected.append(Rejected(name, f"folder cannot be read: {error.strerror}"))

    def enters(relative: str) -> bool:
        path = os.path.join(source, relative)
        real = os.path.realpath(path)
        # What contains the root, or lies in it, is listed in its own place.
        if os.path.commonpath([real, root]) in (real, root):
            if os.path.islink(path):
                rejected.append(
                    Rejected(relative, "link to a folder that is listed anyway")
                )
                return False
            return True
        if real in entered:
            reason = f"folder is listed as {entered[real]} already"
            rejected.append(Rejected(relative, reason))
            return False
        entered[real] = relative
        return True

    for path, folders, files in os.walk(source, onerror=unreadable, followlinks=True):
        relative = _relative(path, source)
        parts = tuple(relative.split("/")) if relative else ()
        prefix = f"{relative}/" if relative else ""
        folders[:] = [name for name in sorted(folders) if enters(prefix + name)]
        yield from rejected
        rejected.clear()
        files.sort()
        yield Folder(path, parts, folders, files)
    yield from rejected


def _relative(path: str, source: str) -> str:
    relative = pathlib.PurePath(os.path.relpath(path, source)).as_posix()
    return "" if relative == "." else relative
