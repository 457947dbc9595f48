"""The chunks of PNG files."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_START = 8  # behind the signature
_DEPTH_BYTE = 24
_END = b"\0\0\0\0IEND\xaeB`\x82"  # the last chunk: length, type, checksum
# Decoders must refuse a picture that needs chunks which they don't know.
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PIECE = 2**20  # of what a stream becomes
# ImageMagick's way to keep EXIF data, and XMP data that are compressed.
_HIDDEN = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0\1")


def depth(content: bytes) -> int:
    """Bits of a value, as the header has it."""
    return content[_DEPTH_BYTE]


def hides_orientation(content: bytes) -> bool:
    """Whether a file may say how it is turned where a model does not look for it."""
    return any(hidden in content for hidden in _HIDDEN)


def is_whole(content: bytes) -> bool:
    """Whether a file has its last chunk, and its pixels' stream its end.

    Args:
      content: A file whose chunks have the right checksums.

    Raises:
      ValueError: If a chunk is in a wrong place, or one that no decoder knows.
      zlib.error: If the pixels are no stream.
    """
    if _END not in content:
        return False
    pixels = _EndOfStream()
    for number, (kind, data) in enumerate(_chunks(content)):
        if (kind == b"IHDR") != (number == 0):
            raise ValueError("PNG header in a wrong place")
        if kind[:1].isupper() and kind not in _CRITICAL:
            raise ValueError("unknown critical PNG chunk")
        if kind == b"IDAT":
            pixels.take(data)
        if kind == b"IEND":
            return pixels.reached
    return False


def bounds(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each chunk."""
    position = _START
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 12 + length
        yield content[position + 4 : position + 8], position, min(end, len(content))
        position = end


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and data of each chunk."""
    view = memoryview(content)
    for kind, start, end in bounds(content):
        length = int.from_bytes(content[start : start + 4], "big")
        yield kind, view[start + 8 : min(start + 8 + length, end)]


class _EndOfStream:
    """Whether a zlib stream, which is not kept, comes to its end.

    Attributes:
      reached: Whether it did.
    """

    def __init__(self):
        """Nothing read."""
        self._stream = zlib.decompressobj()
        self.reached = False

    def take(self, data: bytes | memoryview) -> None:
        """Reads on; what follows the end is ignored, as decoders do.

        Raises:
          zlib.error: If it is no such stream.
        """
        size = _PIECE  # less, once all is read and nothing is pending
        while not self.reached and (data or size == _PIECE):
            size = len(self._stream.decompress(data, _PIECE))
            data = self._stream.unconsumed_tail
            self.reached = self._stream.eof
