"""What lies in one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from byel_tf.errors import RunError


def scan(folder: str) -> Iterator[os.DirEntry]:
    """The entries of a folder, in any order, one after the other.

    Args:
      folder: The folder; empty for the current one.

    Raises:
      RunError: If it cannot be read.
    """
    try:
        with os.scandir(folder or ".") as entries:
            yield from entries
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from error
