"""Files by path or, where Apache Beam is installed, by address, as gs://bucket/file.

Only what workers on other machines read and write goes through here.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import IO, Any

from byel_tf.errors import RunError
from byel_tf.files import close_on_disk


def is_remote(path: str) -> bool:
    """Whether a path is an address."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """The path of a file in a folder, or the name if it is an address itself."""
    return name if is_remote(name) else os.path.join(folder, name)


def open_binary(path: str, mode: str) -> IO[bytes]:
    """Opens a file.

    Args:
      path: Path or address.
      mode: "rb" or "wb"; what is written to an address is there once it is closed.

    Raises:
      OSError: If it can't be opened.
      RunError: If the address needs a package that is not installed.
    """
    if not is_remote(path):
        return open(path, mode)
    files = _file_systems(path)
    # Compression is told from names otherwise.
    return (files.open if mode == "rb" else files.create)(
        path, compression_type="uncompressed"
    )


def fetch(path: str, to: pathlib.Path) -> None:
    """Copies a file to this machine, under its name only when it is whole."""
    temporary = to.with_suffix(".open")
    with open_binary(path, "rb") as source, temporary.open("wb") as target:
        shutil.copyfileobj(source, target, 2**20)
        close_on_disk(target)
    os.replace(temporary, to)


def make_folder(path: str) -> None:
    """Makes a folder and those above it."""
    if is_remote(path):
        _file_systems(path).mkdirs(path)
    else:
        os.makedirs(path)


def remove(path: str) -> None:
    """Removes a file, or a folder with all that is in it; what is gone is no error."""
    if is_remote(path):
        files = _file_systems(path)
        if files.exists(path):
            files.delete([path])
    elif os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        pathlib.Path(path).unlink(missing_ok=True)


def matching(pattern: str) -> list[str]:
    """Paths of the files that a pattern with * matches, sorted."""
    if is_remote(pattern):
        found = _file_systems(pattern).match([pattern])[0].metadata_list
        return sorted(metadata.path for metadata in found)
    folder, name = os.path.split(pattern)
    return sorted(str(path) for path in pathlib.Path(folder).glob(name))


def _file_systems(path: str) -> Any:
    try:
        from apache_beam.io.filesystems import FileSystems

        FileSystems.get_filesystem(path)
    except ImportError as error:
        raise RunError(
            f"{path} needs Apache Beam: pip install -r requirements-beam.txt"
        ) from error
    except ValueError as error:
        scheme = path.partition("://")[0]
        raise RunError(
            f"{path}: Apache Beam knows no file system {scheme}://; for gs:// install "
            "apache-beam[gcp], for s3:// apache-beam[aws]"
        ) from error
    return FileSystems
