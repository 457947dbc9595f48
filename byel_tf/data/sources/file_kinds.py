"""Files that are no tables of images, told by their first bytes or their name."""

from __future__ import annotations

import os
import re

from byel_tf.errors import RunError

_UNPACK = "unpack it and give the folder, or the table in it"
_AS_TABLE = "save it as CSV, with a column for each image's path and one for its class"
_AS_FILES = (
    "write its images as files in a folder for each class, or as files listed in a CSV "
    "table"
)
_ONE_IMAGE = (
    "give the folder of the images, or a table that lists them; for photographs "
    "without labels use the program predict"
)
_AS_FRAMES = "write its frames as image files"

#: First bytes, what has them, and what to do.
_SIGNATURES = (
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive", _UNPACK),
    (rb"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (rb"\xff\xd8\xff", "a JPEG image", _ONE_IMAGE),
    (rb"\x89PNG\r\n\x1a\n", "a PNG image", _ONE_IMAGE),
    (rb"GIF8[79]a", "a GIF image", _ONE_IMAGE),
    (rb"BM.{4}\0\0\0\0", "a BMP image", _ONE_IMAGE),
    (rb"II[*+]\0|MM\0[*+]", "a TIFF image", _ONE_IMAGE),
    (rb"RIFF.{4}WEBP", "a WebP image", _ONE_IMAGE),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image", _ONE_IMAGE),
    (rb".{4}ftyp(hei|hev|mif1|avif)", "a HEIF or AVIF image", _ONE_IMAGE),
    (rb"RIFF.{4}AVI |.{4}ftyp|\x1aE\xdf\xa3", "a video", _AS_FRAMES),
    (rb"MATLAB 5\.0 MAT-file", "a MATLAB file", _AS_FILES),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", _AS_FILES),
    (rb"\x93NUMPY", "a NumPy array", _AS_FILES),
    (rb"\x80[\x02-\x05]", "a pickle file of Python", _AS_FILES),
    (rb"SQLite format 3\0", "an SQLite database", _AS_FILES),
    (rb"ARROW1\0\0", "an Arrow or Feather table", "save it as Parquet or CSV"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook", _AS_TABLE),
    (rb"%PDF-", "a PDF document", _AS_TABLE),
    (
        rb"version https://git-lfs",
        "a placeholder of Git LFS",
        "fetch the file itself, by git lfs pull",
    ),
    (rb"\s*<(!(?i:doctype)|\?xml|(?i:html))", "an HTML or XML file", _AS_TABLE),
    (rb"\s*(\{|\[\s*[\[{\"])", "a JSON file", _AS_TABLE),
)
_PATTERNS = [
    (re.compile(start, re.DOTALL), kind, advice) for start, kind, advice in _SIGNATURES
]
_ZIP = re.compile(rb"PK(\x03\x04|\x05\x06)")
_IN_ZIPS = {
    (".xlsx", ".xlsm", ".ods"): ("a spreadsheet's workbook", _AS_TABLE),
    (".npz",): ("an archive of NumPy arrays", _AS_FILES),
    (".pt", ".pth", ".keras"): ("a model or array of a framework", _AS_FILES),
}

#: Where first bytes tell nothing.
_BY_NAME = {
    (".json", ".jsonl", ".ndjson"): ("a JSON file", _AS_TABLE),
    (".pkl", ".pickle"): ("a pickle file of Python", _AS_FILES),
    (".mat",): ("a MATLAB file", _AS_FILES),
    (".tfrecord", ".tfrecords"): ("a TFRecord file", _AS_FILES),
    (".rec", ".lmdb", ".mdb"): ("a record database", _AS_FILES),
    (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"): (
        "an image file by its name",
        _ONE_IMAGE,
    ),
}


def refuse_other_kinds(path: str) -> None:
    """Refuses a file that is known to be something else than a table.

    Args:
      path: The file.

    Raises:
      RunError: If it is, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    found = _kind(start, path)
    if found is not None:
        raise RunError(f"{path} is {found[0]}: {found[1]}")


def _kind(start: bytes, path: str) -> tuple[str, str] | None:
    suffix = os.path.splitext(path)[1].casefold()
    if _ZIP.match(start):
        return _by_suffix(_IN_ZIPS, suffix) or ("a zip archive", _UNPACK)
    for pattern, kind, advice in _PATTERNS:
        if pattern.match(start):
            return kind, advice
    return _by_suffix(_BY_NAME, suffix)


def _by_suffix(
    known: dict[tuple[str, ...], tuple[str, str]], suffix: str
) -> tuple[str, str] | None:
    return next((found for of, found in known.items() if suffix in of), None)
