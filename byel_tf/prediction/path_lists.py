"""Paths in text: one a line, or in a column of a table."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO

from byel_tf.data.sources.csv_list import ROLES, find_delimiter
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.listing import path_in
from byel_tf.data.sources.table import (
    find_column,
    first_row,
    key,
    read_rows,
    row_name,
)
from byel_tf.data.storage import join
from byel_tf.errors import RunError

_BLOCK = 2**16
# What is no list may be a single line of any length, which memory would not hold.
_LONGEST_LINE = 2**20


def read_lines(stream: IO[bytes], separator: bytes, name: str) -> Iterator[str]:
    """Paths as they are written, blank lines left out.

    Args:
      stream: What is read.
      separator: What ends a path: a line feed or a NUL.
      name: What to call it in a message.

    Raises:
      RunError: If a line is far too long, or the stream cannot be read.
    """
    line_end = b"\r" if separator == b"\n" else b""
    rest = b""
    is_first = True
    try:
        while block := stream.read1(_BLOCK):
            *lines, rest = (rest + block).split(separator)
            if len(rest) > _LONGEST_LINE:
                raise RunError(
                    f"{name} has a line of more than {_LONGEST_LINE} bytes: give one "
                    "path a line"
                )
            for line in lines:
                if is_first:
                    line, is_first = line.removeprefix(b"\xef\xbb\xbf"), False
                if path := line.removesuffix(line_end):
                    yield os.fsdecode(path)
    except OSError as error:
        raise RunError(f"{name} cannot be read: {error.strerror}") from error
    if is_first:
        rest = rest.removeprefix(b"\xef\xbb\xbf")
    if path := rest.removesuffix(line_end):
        yield os.fsdecode(path)


def text_list(path: str, root: str) -> Iterator[Item | Rejected]:
    """Images in a file with one path a line.

    Args:
      path: The list.
      root: Folder that relative paths start from.

    Raises:
      RunError: If it cannot be read.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        for name in read_lines(file, b"\n", path):
            yield Item(name, join(root, name))


def is_table(path: str) -> bool:
    """Whether a text file begins with a header whose first column is for paths.

    So does the test list of Aff-Wild2's challenge, whose only column is `image`.
    """
    with contextlib.suppress(RunError):  # not UTF-8, which paths need not be
        header = first_row(path, find_delimiter(path))
        return key(header[0]) in ROLES["path"]
    return False


def table(path: str, root: str) -> Iterator[Item | Rejected]:
    """Images in a table with a column for the path; other columns are not read.

    Args:
      path: The table, CSV or TSV.
      root: Folder that relative paths start from.

    Raises:
      RunError: If it cannot be read or has no such column.
    """
    delimiter = find_delimiter(path)
    header = first_row(path, delimiter)
    keys = [key(column) for column in header]
    name = next((name for name in ROLES["path"] if name in keys), None)
    if name is None:
        raise RunError(
            f"{path} has no column for the path; expected one named "
            f"{', '.join(ROLES['path'])}; found {', '.join(header)[:200]}"
        )
    column = find_column(path, header, name)
    rows = read_rows(path, delimiter)
    next(rows)
    for number, row in rows:
        if name := path_in(row, column):
            yield Item(name, join(root, name))
        else:
            yield Rejected(row_name(path, number), "row has no path")
