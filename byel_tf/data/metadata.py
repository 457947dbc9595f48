"""Image files without what they say besides the picture: places, cameras, names.

Nothing is encoded again: segments and chunks are left out, and what decodes the picture
stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from byel_tf.data import jpeg, png

# JPEG (ITU-T T.81, Annex B). Application segments hold EXIF, XMP, IPTC and thumbnails,
# but those of JFIF, colour profiles and Adobe's transform tell how a picture looks.
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_KEPT_SEGMENTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
# PNG (www.w3.org/TR/png-3, 11.3): no texts, times, EXIF, frames behind the first.
_KEPT_CHUNKS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT")
    + (b"sRGB", b"cICP", b"bKGD", b"hIST", b"pHYS", b"sPLT")
)  # fmt: skip


def without_metadata(content: bytes, kind: str) -> bytes:
    """The file with the picture alone; the same object where there is nothing else.

    Args:
      content: A file that decodes.
      kind: "jpeg" or "png".
    """
    private = _private_segments if kind == "jpeg" else _private_chunks
    kept, start = [], 0
    for first, last in private(content):
        kept.append(content[start:first])
        start = last
    if not kept:
        return content
    return b"".join([*kept, content[start:]])


def _private_segments(content: bytes) -> Iterator[tuple[int, int]]:
    for marker, first, last in jpeg.segments(content):
        data = content[first + 4 : last]
        named = _KEPT_SEGMENTS.get(marker)
        is_application = marker in _APPLICATION and not (
            named and data.startswith(named)
        )
        if is_application or marker == _COMMENT:
            yield first, last
        if marker == jpeg.END and last < len(content):
            yield last, len(content)


def _private_chunks(content: bytes) -> Iterator[tuple[int, int]]:
    for kind, first, last in png.bounds(content):
        if kind not in _KEPT_CHUNKS:
            yield first, last
        if kind == b"IEND":
            if last < len(content):
                yield last, len(content)
            return
