"""A folder beside an output that keeps what is done of it, if a program is killed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import stat
from collections.abc import Iterator

from byel_tf.errors import RunError
from byel_tf.files import is_temporary
from byel_tf.locks import LOCK_FILE_NAME, locked_folder


class WorkingFolder:
    """A folder of one program's, which deletes nothing but what that wrote.

    Attributes:
      path: Where it is.
    """

    def __init__(self, path: pathlib.Path, own: re.Pattern[str]):
        """Takes its name, and what is written there.

        Args:
          path: Where it is.
          own: What the paths from it to everything in it match whole, its folders
            included.
        """
        self.path = path
        self._own = own

    @contextlib.contextmanager
    def locked(self, doing: str) -> Iterator[None]:
        """Makes it, unless it is there, and keeps other processes out.

        Args:
          doing: What a process does in it, for messages: "is drawing …".

        Raises:
          RunError: If another process has it, it is not this program's own, or it
            cannot be made.
        """
        with contextlib.ExitStack() as stack:
            try:
                self._require_own()
                busy = f"{{holder}} {doing}, in {self.path}"
                stack.enter_context(locked_folder(self.path, busy))
                self._require_own()
            except OSError as error:
                raise RunError(f"cannot use {self.path}: {error.strerror}") from error
            yield

    def clear(self) -> None:
        """Deletes what is in it."""
        for relative in [*self._entries()][::-1]:
            path = self.path / relative
            if relative == LOCK_FILE_NAME:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()

    def remove(self) -> None:
        """Deletes it and what is in it, if that can be done."""
        with contextlib.suppress(OSError):
            self.clear()
            (self.path / LOCK_FILE_NAME).unlink(missing_ok=True)
            self.path.rmdir()

    def _entries(self, below: str = "") -> Iterator[str]:
        """Paths of all that is in it, a folder before what it holds."""
        with os.scandir(self.path / below) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            relative = f"{below}{entry.name}"
            yield relative
            if entry.is_dir(follow_symlinks=False):
                yield from self._entries(f"{relative}/")

    def _require_own(self) -> None:
        """Refuses what somebody else has made, or put there.

        Raises:
          RunError: With what it is.
        """
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return
        advice = "remove it, or choose another output"
        if not stat.S_ISDIR(status.st_mode):
            kind = "a link" if stat.S_ISLNK(status.st_mode) else "no folder"
            raise RunError(f"{self.path} is {kind}, not this program's own: {advice}")
        if _is_anothers(status):
            raise RunError(f"{self.path} belongs to another user: {advice}")
        for relative in self._entries():
            status = (self.path / relative).lstat()
            is_plain = stat.S_ISDIR(status.st_mode) or (
                stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            )
            is_own = (
                relative == LOCK_FILE_NAME
                or self._own.fullmatch(relative)
                or is_temporary(pathlib.PurePath(relative))
            )
            if not is_plain or not is_own or _is_anothers(status):
                raise RunError(
                    f"{self.path} holds {relative}, which this program did not write: "
                    f"{advice}"
                )


def _is_anothers(status: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and status.st_uid != os.geteuid()
