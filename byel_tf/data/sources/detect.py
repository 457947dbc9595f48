"""Which layout a source has."""

from __future__ import annotations

import os
from collections.abc import Callable

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources import (
    aff_wild2,
    affectnet,
    ck_plus,
    csv_list,
    expw,
    fer2013,
    ferplus,
    raf_db,
    votes,
)
from byel_tf.data.sources.file_kinds import refuse_other_kinds
from byel_tf.data.sources.folder import FolderSource
from byel_tf.data.sources.label_numbers import whole_number
from byel_tf.data.sources.outside import trusted_roots
from byel_tf.data.sources.parquet import is_parquet
from byel_tf.data.sources.source import Source, SourceOptions
from byel_tf.data.sources.table import first_row, read_rows
from byel_tf.errors import RunError, UsageError

AUTO = "auto"

_OPENERS: dict[str, Callable[[str, ClassNames, SourceOptions], Source]] = {
    "folder": FolderSource,
    "csv": csv_list.CsvSource,
    "fer2013": fer2013.Fer2013Source,
    "aff-wild2": aff_wild2.AffWild2Source,
    "raf-db": raf_db.open_raf_db,
    "affectnet": affectnet.open_affectnet,
    "ferplus": ferplus.FerPlusSource,
    "expw": expw.ExpWSource,
    "ck-plus": ck_plus.CkPlusSource,
}

#: Values of `--format`.
FORMATS = (AUTO, *_OPENERS)

_FILES_ONLY = ("csv", "fer2013")

#: How each format's file is told, the most specific first.
_FILE_TESTS = {
    "fer2013": fer2013.is_pixel_table,
    "affectnet": affectnet.is_table,
    "ferplus": ferplus.is_table,
    "expw": expw.is_list,
    "raf-db": raf_db.is_list_or_table,
    "aff-wild2": lambda path: aff_wild2.is_list(path) and _is_in_order(path),
    "csv": csv_list.is_list,
}


def open_source(
    path: str | os.PathLike,
    *,
    format: str,
    labels: ClassNames,
    options: SourceOptions,
) -> Source:
    """Opens a folder, table or list of images.

    Args:
      path: Where it is.
      format: One of `FORMATS`; "auto" decides by structure and headers.
      labels: The classes.
      options: What else the user says of it.

    Raises:
      UsageError: If there is no such format, or an option has no meaning for it.
      RunError: If the source is not there, or not as the format has it.
    """
    given = path = os.fspath(path)
    if format not in FORMATS:
        raise UsageError(
            f"--format={format} is none of the formats {', '.join(FORMATS)}"
        )
    if not os.path.exists(path):
        raise RunError(f"--source={path} does not exist")
    is_folder = os.path.isdir(path)
    if not is_folder and not os.path.isfile(path):
        raise RunError(f"--source={path} is neither a folder nor a regular file")
    if not is_folder:
        refuse_other_kinds(path)
    if format == AUTO:
        detect = _detect_folder if is_folder else _detect_file
        format = detect(path, options)
    if is_folder and format == "fer2013":
        path = _pixel_table_in(path) or path
        is_folder = os.path.isdir(path)
    if is_folder and format in _FILES_ONLY:
        raise RunError(f"--source={path} is a folder, and --format={format} is a table")
    source = _OPENERS[format](path, labels, options)
    source.roots = trusted_roots(given, options.root, source.roots)
    return source


def _is_in_order(path: str) -> bool:
    """Whether a list's numbers are Aff-Wild2's, whose plain header others have, too."""
    if "[" in "".join(first_row(path)):  # expressions[0,1,2,3,4,5]
        return True
    rows = read_rows(path, ",")
    next(rows)
    numbers = (whole_number(row[1]) for _, row in rows if len(row) > 1)
    return all(n is None or n < 0 or n in aff_wild2.EXPRESSIONS for n in numbers)


def _pixel_table_in(folder: str) -> str | None:
    paths = [os.path.join(folder, name) for name in fer2013.FILE_NAMES]
    return next((path for path in paths if os.path.isfile(path)), None)


def _detect_folder(path: str, options: SourceOptions) -> str:
    if options.label_pattern is not None or options.label_numbers is not None:
        return "folder"
    if _pixel_table_in(path) is not None:
        return "fer2013"
    if options.votes is not None:
        return "folder"
    if raf_db.find_list(path) or raf_db.find_class_folders(path):
        return "raf-db"
    if affectnet.find_tables(path) or affectnet.find_sets(path):
        return "affectnet"
    if ferplus.find_tables(path):
        return "ferplus"
    if expw.find_list(path):
        return "expw"
    if ck_plus.is_tree(path):
        return "ck-plus"
    return "aff-wild2" if aff_wild2.is_tree(path) else "folder"


def _detect_file(path: str, options: SourceOptions) -> str:
    if options.columns or options.label_numbers is not None or is_parquet(path):
        return "csv"
    header = first_row(path)
    for name, is_one in _FILE_TESTS.items():
        if is_one(path):
            return name
    if votes.is_vote_table(header):
        raise UsageError(
            f"--source={path} is FERPlus's table of votes: give it as --votes, and "
            "fer2013.csv as --source"
        )
    raise RunError(
        f"--source={path}: no known table: looked for columns pixels (fer2013), "
        "subDirectory_filePath and expression (affectnet), image and expression "
        "(aff-wild2), a path and a label (csv), or lines as 'train_00001.jpg 5' "
        "(raf-db), 'a_1.jpg 0 28 113 226 141 22.9 0' (expw) or 'fer0000000.png,\"(0, "
        "0, 48, 48)\",' and ten votes (ferplus), "
        f"and found '{', '.join(header)[:100]}': see --format"
    )
