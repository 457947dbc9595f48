"""Write, then rename: nothing half-written under its final name."""

import contextlib
import os
import pathlib
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
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
    path = pathlib.Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(
            f"{path} exists and is not empty: choose another output folder, or "
            "remove it first"
        )
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise RunError(f"cannot make {temporary}: {error.strerror}") from error
    try:
        yield temporary
        if path.exists():
            path.rmdir()
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
