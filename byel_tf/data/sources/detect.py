"""Which layout a source has."""

from __future__ import annotations

import os
from collections.abc import Callable

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources import aff_wild2, affectnet, csv_list, fer2013, raf_db, votes
from byel_tf.data.sources.folder import FolderSource
from byel_tf.data.sources.source import Source, SourceOptions
from byel_tf.data.sources.table import first_row
from byel_tf.errors import RunError, UsageError

AUTO = "auto"

_OPENERS: dict[str, Callable[[str, ClassNames, SourceOptions], Source]] = {
    "folder": FolderSource,
    "csv": csv_list.CsvSource,
    "fer2013": fer2013.Fer2013Source,
    "aff-wild2": aff_wild2.AffWild2Source,
    "raf-db": raf_db.open_raf_db,
    "affectnet": affectnet.AffectNetSource,
}

#: Values of `--format`.
FORMATS = (AUTO, *_OPENERS)

_FILES_ONLY = ("csv", "fer2013")

#: How each format's file is told, the most specific first.
_FILE_TESTS = {
    "fer2013": fer2013.is_pixel_table,
    "affectnet": affectnet.is_table,
    "raf-db": raf_db.is_list,
    "aff-wild2": aff_wild2.is_list,
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
    path = os.fspath(path)
    if format not in FORMATS:
        raise UsageError(
            f"--format={format} is none of the formats {', '.join(FORMATS)}"
        )
    if not os.path.exists(path):
        raise RunError(f"--source={path} does not exist")
    is_folder = os.path.isdir(path)
    if not is_folder and not os.path.isfile(path):
        raise RunError(f"--source={path} is neither a folder nor a regular file")
    if format == AUTO:
        format = _detect_folder(path, options) if is_folder else _detect_file(path)
    if is_folder and format == "fer2013":
        path = _pixel_table_in(path) or path
        is_folder = os.path.isdir(path)
    if is_folder and format in _FILES_ONLY:
        raise RunError(f"--source={path} is a folder, and --format={format} is a table")
    return _OPENERS[format](path, labels, options)


def _pixel_table_in(folder: str) -> str | None:
    paths = [os.path.join(folder, name) for name in fer2013.FILE_NAMES]
    return next((path for path in paths if os.path.isfile(path)), None)


def _detect_folder(path: str, options: SourceOptions) -> str:
    if options.label_pattern is not None:
        return "folder"
    if _pixel_table_in(path) is not None:
        return "fer2013"
    if options.votes is not None:
        return "folder"
    if raf_db.find_list(path) or raf_db.find_class_folders(path):
        return "raf-db"
    if affectnet.find_tables(path):
        return "affectnet"
    return "aff-wild2" if aff_wild2.is_tree(path) else "folder"


def _detect_file(path: str) -> str:
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
        f"(raf-db), and found '{', '.join(header)[:100]}': see --format"
    )
