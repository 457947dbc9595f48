"""Files of strangers, read without waiting and not beyond a size."""

from __future__ import annotations

import os
import stat


class Unreadable(Exception):
    """A file that cannot be read, or is none; the message is the reason."""


def read_regular(path: str | os.PathLike, max_bytes: int) -> bytes:
    """A regular file's content.

    Raises:
      Unreadable: If it is none, is larger, or cannot be read.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            if status.st_size > max_bytes:
                raise Unreadable(f"larger than {max_bytes} bytes")
            return file.readall()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character in the path
        raise Unreadable("cannot be read: no file has such a name") from error


def _open_without_waiting(path: str, mode: int) -> int:
    """Opening a FIFO would else wait for a writer."""
    return os.open(path, mode | getattr(os, "O_NONBLOCK", 0))
