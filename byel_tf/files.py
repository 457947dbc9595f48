"""Write, then rename: nothing half-written under its final name."""

import contextlib
import hashlib
import io
import os
import pathlib
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from typing import IO

from byel_tf.errors import RunError
from byel_tf.locks import hold

_TEMPORARY = re.compile(r"\..+\.partial-[0-9a-f]{8}", re.DOTALL)


def write_atomically(path: str | os.PathLike, content: str | bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, whole.

    Args:
      path: File to write; its folder is made when missing.
      content: Text (written as UTF-8) or bytes.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            close_on_disk(file)
        os.replace(temporary, path)
    except OSError as error:
        # A full disk does not say of what.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def close_on_disk(file: IO) -> None:
    """Closes a file that was written to, after its content has reached the disk."""
    file.flush()
    # What is written to an address is no file of the operating system.
    with contextlib.suppress(AttributeError, io.UnsupportedOperation):
        os.fsync(file.fileno())
    file.close()


@contextlib.contextmanager
def new_file(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Yields a file to write that takes its name only on success.

    Args:
      path: The file, which is replaced if it is there; its folder is made when
        missing.
    """
    # A rename replaces a link and not what it points to.
    final = pathlib.Path(os.path.realpath(path))
    final.parent.mkdir(parents=True, exist_ok=True)
    with _reserved(final, lambda path: path.touch(exist_ok=False)) as temporary:
        try:
            with open(temporary, "wb") as file:
                yield file
                close_on_disk(file)
            os.replace(temporary, final)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _reserved(
    final: pathlib.Path, make: Callable[[pathlib.Path], None]
) -> Iterator[pathlib.Path]:
    """Makes a temporary file or folder and holds it: then it is no leftover."""
    remove_leftovers(final)
    while True:
        temporary = _temporary(final)
        make(temporary)
        held, is_locked = hold(temporary)
        if is_locked is not False:  # else it was just taken for a leftover
            break
    try:
        yield temporary
    finally:
        if held is not None:
            os.close(held)


def remove_leftovers(final: pathlib.Path) -> None:
    """Removes what killed processes had begun to write for a file or folder.

    Args:
      final: Its path. What another process is writing, or another user's, stays, and
        all does where the system has no locks.
    """
    prefix = f".{final.name}.partial-"
    with os.scandir(final.parent) as entries:
        found = [pathlib.Path(e.path) for e in entries if e.name.startswith(prefix)]
    for path in filter(is_temporary, found):
        held, _ = hold(path)
        if held is None:
            continue
        status = os.fstat(held)
        if not hasattr(os, "geteuid") or status.st_uid == os.geteuid():
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        os.close(held)


def _temporary(path: pathlib.Path) -> pathlib.Path:
    """A name beside `path` that nobody has: two containers may share a process id."""
    return path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")


def is_temporary(path: pathlib.PurePath) -> bool:
    """Whether a name is one that something has until it is whole."""
    return _TEMPORARY.fullmatch(path.name) is not None


@contextlib.contextmanager
def new_directory(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that takes its final name only on success.

    Args:
      path: The folder to make. It must not exist, or be empty.

    Yields:
      The temporary folder beside it, to write into.

    Raises:
      RunError: If the folder exists and holds something, or cannot be made.
    """
    final = require_new_directory(path)
    with contextlib.ExitStack() as stack:
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(_reserved(final, pathlib.Path.mkdir))
        except OSError as error:
            raise RunError(f"cannot make {path}: {error.strerror}") from error
        try:
            yield temporary
            give_name(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def scratch_directory(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a folder for the meantime, which the next one removes if it was left.

    Args:
      path: A path that says what it is for, and beside which it is made.
    """
    final = pathlib.Path(os.path.realpath(path))
    final.parent.mkdir(parents=True, exist_ok=True)
    with _reserved(final, pathlib.Path.mkdir) as temporary:
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def require_new_directory(path: str | os.PathLike) -> pathlib.Path:
    """The real path of a folder that can be made.

    Args:
      path: The folder. It must not exist, or be empty.

    Raises:
      RunError: If it exists and holds something, or cannot be made.
    """
    # A rename replaces a link and not what it points to; and "." has no name.
    final = pathlib.Path(os.path.realpath(path))
    try:
        if final.exists() and (not final.is_dir() or any(final.iterdir())):
            raise RunError(
                f"{path} exists and is not an empty folder: choose another output "
                "folder, or remove it first"
            )
        if os.path.ismount(final):
            raise RunError(
                f"{path} is a mount point, which cannot be renamed to: choose a "
                "folder below it"
            )
        above = next(folder for folder in final.parents if folder.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise RunError(
                f"cannot make {path}: {above} is no folder that can be written to"
            )
    except OSError as error:
        raise RunError(f"cannot make {path}: {error.strerror}") from error
    return final


def give_name(temporary: pathlib.Path, final: pathlib.Path) -> None:
    """Renames a finished folder, onto an empty folder, too.

    Raises:
      RunError: If it can't be done.
    """
    try:
        os.rename(temporary, final)
    except OSError as error:
        raise RunError(
            f"cannot give the finished folder its name {final}: {error.strerror}"
        ) from error


def code_digest(*folders: str | os.PathLike) -> str:
    """A hash that changes when any of the program's own files in the folders does."""
    digest = hashlib.sha256()
    for folder in map(pathlib.Path, folders):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".toml", ".txt", ".npz"):
                digest.update(path.read_bytes())
    return digest.hexdigest()
