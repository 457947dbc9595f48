"""Locks of the operating system: they go when their holder does, whatever ended it."""

import contextlib
import datetime
import os
import pathlib
import socket
import time
from collections.abc import Iterator
from typing import TextIO

from byel_tf.errors import RunError

#: Name of the file by which a folder is locked.
LOCK_FILE_NAME = ".lock"
# A link may lead to a file of somebody else.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# For a holder that has the lock and has not written who it is.
_LOOKS = 20
_SECONDS_BETWEEN_LOOKS = 0.05


def try_lock(descriptor: int) -> bool | None:
    """Locks an open file or folder, if that can be done at once.

    Returns:
      Whether this process has it now; None where the system has no locks, as Windows,
      or some file systems that are mounted from elsewhere.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def hold(path: pathlib.Path) -> tuple[int | None, bool | None]:
    """Opens and locks what is at a path, and makes sure that it still is there.

    Returns:
      The descriptor, which holds the lock until it is closed, and True; or None, and
      False if another process has it or it is gone, None if there are no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
    except FileNotFoundError:
        return None, False
    except OSError:  # a link, or a folder on Windows
        return None, None
    locked = try_lock(descriptor)
    if locked and _is_at(descriptor, path):
        return descriptor, True
    os.close(descriptor)
    return None, None if locked is None else False


@contextlib.contextmanager
def locked_folder(folder: pathlib.Path, busy: str) -> Iterator[None]:
    """Keeps other processes out of a folder.

    Args:
      folder: The folder; it is made if it is missing.
      busy: What to say if another process has it; `{holder}` becomes its name.

    Raises:
      RunError: If another process has it.
      OSError: If the folder or its lock cannot be made.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = open(folder / LOCK_FILE_NAME, "a+", encoding="utf-8", opener=_open)  # noqa: SIM115
        except FileNotFoundError:  # its holder has just removed the folder
            continue
        with file:
            if try_lock(file.fileno()) is False:
                raise RunError(busy.replace("{holder}", _holder(file)))
            if not _is_at(file.fileno(), folder / LOCK_FILE_NAME):
                continue
            file.truncate(0)
            now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
            file.write(f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
            file.flush()
            yield
            return


def _holder(file: TextIO) -> str:
    """Who has a lock, and writes so right after getting it."""
    for _ in range(_LOOKS):
        file.seek(0)
        if name := file.read().strip():
            return name
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return "another process"


def _is_at(descriptor: int, path: pathlib.Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINK, 0o666)
