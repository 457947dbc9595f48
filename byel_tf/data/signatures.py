"""What a file is that is no picture to be read, by how it begins.

Folders of images hold other things under the names of images: a telephone's HEIC
pictures, what a failed download left, pointers to files that were not fetched. The
reason why one is not taken says what it is, and what to do.
"""

from __future__ import annotations

from typing import Any

_SAVE = "save it as JPEG or PNG"
_RAW = f"a camera's raw picture: {_SAVE}"
_VIDEO = "a video: save its frames as JPEG or PNG"
_ARCHIVE = "an archive: unpack it"

#: Place, bytes there, and what such a file is; the first that matches counts.
_SIGNATURES = (
    (0, b"%PDF-", f"a PDF document: {_SAVE}"),
    (0, b"%!PS", f"PostScript: {_SAVE}"),
    (0, b"\xc5\xd0\xd3\xc6", f"PostScript: {_SAVE}"),
    (0, b"8BPS", f"a Photoshop file: {_SAVE}"),
    (0, b"gimp xcf", f"a GIMP file: {_SAVE}"),
    (0, b"\0\0\1\0", f"an icon: {_SAVE}"),
    (128, b"DICM", f"a DICOM file: {_SAVE}"),
    (0, b"\xff\x0a", f"a JPEG XL picture: {_SAVE}"),
    (0, b"\0\0\0\x0cJXL ", f"a JPEG XL picture: {_SAVE}"),
    (0, b"\0\5\x16\7", "macOS's AppleDouble, the companion of another file"),
    (0, b"\0\5\x16\0", "macOS's AppleSingle, a file within a file"),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"FOVb", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"IIU\0", _RAW),
    (8, b"AVI ", _VIDEO),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (0, b"PK\3\4", _ARCHIVE),
    (0, b"\x1f\x8b", _ARCHIVE),
    (0, b"BZh", _ARCHIVE),
    (0, b"\xfd7zXZ", _ARCHIVE),
    (0, b"7z\xbc\xaf", _ARCHIVE),
    (0, b"Rar!", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (0, b"\x93NUMPY", "an array of NumPy"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"II*\0", f"a TIFF file of a kind that is not read: {_SAVE}"),
    (0, b"MM\0*", f"a TIFF file of a kind that is not read: {_SAVE}"),
)
# Beginnings of what is read, if it goes on so.
_PICTURES = (
    (0, b"\xff\xd8", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"BM", "BMP"),
)
_DAMAGED = "file that is damaged where it begins, or cut off"
# A file of boxes, as MP4 is, says by these four letters what is in it.
_BRANDS = (
    ({b"avif", b"avis"}, None),
    (
        {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"},
        f"a HEIC picture: {_SAVE}",
    ),
    ({b"crx "}, _RAW),
)
_AVIF_DAMAGED = f"an AVIF {_DAMAGED}"
_AVIF_UNKNOWN = "an AVIF picture: reading it needs Pillow 11.3"

#: Of text: what it holds among its first characters, and what it is.
_TEXTS = (
    ("version https://git-lfs", "a pointer of Git LFS: fetch the file, git lfs pull"),
    ("/annex/objects/", "a pointer of git-annex: fetch the file, git annex get"),
    ("<html", "an HTML page, as a failed download leaves"),
    ("<!doctype html", "an HTML page, as a failed download leaves"),
    ("<svg", f"an SVG drawing: {_SAVE}"),
    ("<?xml", "XML, as a failed download leaves"),
    ("", "text, not a picture"),
)
_HEAD = 1024
_CONTROL = bytes({*range(32)} - {*b"\t\n\r\f\x1b"})

# TIFF's tags, and the colour filters' values of one, by which raw pictures are told.
_SUBFILE, _REDUCED, _SUBIFDS, _DNG_VERSION = 254, 1, 330, 50706


def what_is(content: bytes, reads_avif: bool) -> str:
    """What a file is that could not be opened as a picture.

    Args:
      content: The file.
      reads_avif: Whether this Pillow opens AVIF.
    """
    if not content:
        return "an empty file"
    if not content.strip(b"\0"):
        return "nothing but zeros, as a copy that was broken off leaves"
    if content[4:8] == b"ftyp":
        return _what_boxes(content, reads_avif)
    for place, start, what in _SIGNATURES:
        if content.startswith(start, place):
            return what
    if is_text(content):
        text = content[:_HEAD].decode("utf-8", "replace").casefold()
        return next(what for start, what in _TEXTS if start in text)
    for place, start, name in _PICTURES:
        if content.startswith(start, place):
            return f"a {name} {_DAMAGED}"
    return "cannot identify image file"


def is_text(content: bytes) -> bool:
    """Whether a file begins as text does, in UTF-8 or with few other bytes."""
    head = content[:_HEAD].removeprefix(b"\xef\xbb\xbf")
    if len(head.translate(None, _CONTROL)) < len(head) or not head[:1].isascii():
        return False
    text = head.decode("utf-8", "replace")
    return text.count("\ufffd") * 8 <= len(text)


def _what_boxes(content: bytes, reads_avif: bool) -> str:
    length = min(int.from_bytes(content[:4], "big"), _HEAD)
    brands = {content[i : i + 4] for i in (8, *range(16, length, 4))}
    for known, what in _BRANDS:
        if known & brands:
            return what or (_AVIF_DAMAGED if reads_avif else _AVIF_UNKNOWN)
    return _VIDEO


def is_raw_tiff(tags: Any, content: bytes) -> bool:
    """Whether a TIFF file is a camera's, whose first picture is but a small preview.

    Args:
      tags: Its first picture's tags by number, as Pillow gives them.
      content: The file.
    """
    if _DNG_VERSION in tags or content[8:10] == b"CR":
        return True
    return tags.get(_SUBFILE) == _REDUCED and _SUBIFDS in tags


RAW_TIFF = _RAW
