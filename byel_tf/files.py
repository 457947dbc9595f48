"""Write, then rename: nothing half-written under its final name."""

import contextlib
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator

from byel_tf.errors import RunError


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
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: pathlib.Path) -> pathlib.Path:
    """A name beside `path` that nobody has: two containers may share a process id."""
    return path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")


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
    given = path
    # A rename replaces a link and not what it points to; and "." has no name.
    path = pathlib.Path(os.path.realpath(path))
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(
                f"{given} exists and is not an empty folder: choose another output "
                "folder, or remove it first"
            )
        if os.path.ismount(path):
            raise RunError(
                f"{given} is a mount point, which cannot be renamed to: choose a "
                "folder below it"
            )
        temporary = _temporary(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise RunError(f"cannot make {given}: {error.strerror}") from error
    try:
        yield temporary
        try:
            os.rename(temporary, path)  # onto an empty folder, too
        except OSError as error:
            raise RunError(
                f"cannot give the finished folder its name {given}: {error.strerror}"
            ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
