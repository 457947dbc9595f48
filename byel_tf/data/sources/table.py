"""Tables in text files, row by row."""

from __future__ import annotations

import csv
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from byel_tf.data.sources import parquet
from byel_tf.data.sources.file_kinds import refuse_other_kinds
from byel_tf.data.storage import is_remote
from byel_tf.errors import RunError

DELIMITERS = (",", ";", "\t")

# What is no table may be a single line of any length, which memory would not hold.
_LONGEST_LINE = 2**20

# The line in which Excel is told the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_rows(
    path: str, delimiter: str, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Rows of a table in UTF-8, UTF-16 with byte order mark, or of a Parquet file.

    Args:
      path: The file.
      delimiter: What separates its fields, where it is text.
      strict: Whether quotes out of place are an error.

    Yields:
      The row's number, as a spreadsheet counts them, and its fields. Blank lines are
      counted and not given, as is Excel's `sep=;`.

    Raises:
      RunError: If the file cannot be read, is no text in these encodings, its quotes
        do not close, or a line is far too long.
    """
    number = 0
    try:
        if parquet.is_parquet(path):
            yield from enumerate(parquet.read_rows(path), start=1)
            return
        with open(path, encoding=_encoding(path), newline="") as file:
            lines = _text(file)
            first = next(lines, "")
            if skipped := _SEPARATOR_LINE.fullmatch(first) is not None:
                first = next(lines, "")
            lines = itertools.chain([first], lines)
            rows = csv.reader(lines, delimiter=delimiter, strict=strict)
            for number, row in enumerate(rows, start=1 + skipped):
                if row and (len(row) > 1 or row[0].strip()):
                    yield number, row
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeError as error:  # of UTF-16, some are no UnicodeDecodeError
        refuse_other_kinds(path)
        raise RunError(
            f"{path} is not UTF-8 text, after row {number}: save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise RunError(f"{path} is no table, after row {number}: {error}") from error


def _encoding(path: str) -> str:
    with open(path, "rb") as file:
        return "utf-16" if file.read(2) in _UTF16_MARKS else "utf-8-sig"


def told_delimiter(path: str) -> str | None:
    """The delimiter that the first line says, as Excel's `sep=;`, or None.

    Raises:
      RunError: If the file cannot be read.
    """
    try:
        with open(path, encoding=_encoding(path), newline="", errors="replace") as file:
            told = _SEPARATOR_LINE.fullmatch(file.readline(_LONGEST_LINE))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    return told and told[1]


def _text(file: TextIO) -> Iterator[str]:
    """Lines of text; Python 3.10 alone refuses NULs, which no path can hold."""
    while line := file.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise csv.Error(f"a line has more than {_LONGEST_LINE} characters")
        if "\0" in line:
            raise csv.Error("line contains NUL")
        yield line


def first_row(path: str, delimiter: str = ",") -> list[str]:
    """The first row, its fields without line ends and needless blanks.

    Raises:
      RunError: As for `read_rows`, and if there is none.
    """
    # Where quotes are out of place depends on the delimiter, which may be a guess.
    rows = read_rows(path, delimiter, strict=False)
    try:
        _, row = next(rows)
    except StopIteration:
        raise RunError(f"{path} is empty") from None
    finally:
        rows.close()
    return [" ".join(field.split()) for field in row]


def key(column: str) -> str:
    """What of a column's name decides: `File Path` and `file_path` are one."""
    return "".join(c for c in column.casefold() if c not in " _-\t")


def find_column(path: str, header: Sequence[str], name: str) -> int | None:
    """Where a column stands, or None.

    Args:
      path: The file, for messages.
      header: The names of its columns.
      name: The column's `key`.

    Raises:
      RunError: If there are two of that name.
    """
    keys = [key(column) for column in header]
    if keys.count(name) > 1:
        column = header[keys.index(name)]
        raise RunError(f"{path} has two columns '{column}': rename one")
    return keys.index(name) if name in keys else None


def row_name(path: str, number: int) -> str:
    """What to call a row that names no image."""
    return f"{os.path.basename(path)} row {number}"


def locate(folders: Sequence[str], names: Sequence[str]) -> str | None:
    """The first folder that holds one of the images named, or None."""
    for folder in folders:
        if any(os.path.exists(os.path.join(folder, name)) for name in names):
            return folder
    return None


def check_root(root: str) -> str:
    """The folder that images are looked for in.

    Raises:
      RunError: If it is none.
    """
    if not is_remote(root) and not os.path.isdir(root):
        raise RunError(f"--root={root} is not a folder")
    return root
