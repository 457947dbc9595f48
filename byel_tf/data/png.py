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
# They stand before the pixels, once.
_COLOURS = (b"PLTE", b"tRNS")
# Values of a pixel, by the kind of colour.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, and steps to the next, of the pictures that make an interlaced
# one (Adam7).
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)),
    *((1, 0, 2, 2), (0, 1, 1, 2)),
)
# ImageMagick's way to keep EXIF data, and XMP data that are compressed.
_HIDDEN = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0\1")


def depth(content: bytes) -> int:
    """Bits of a value, as the header has it."""
    return content[_DEPTH_BYTE]


def hides_orientation(content: bytes) -> bool:
    """Whether a file may say how it is turned where a model does not look for it."""
    return any(hidden in content for hidden in _HIDDEN)


def is_whole(content: bytes) -> bool:
    """Whether a file has its last chunk, and a stream of all its pixels.

    Pillow takes missing rows for black; TensorFlow does not decode the file.

    Args:
      content: A file whose chunks have the right checksums.

    Raises:
      ValueError: If a chunk is in a wrong place, or one that no decoder knows.
      zlib.error: If the pixels are no stream.
    """
    if _END not in content:
        return False
    pixels = _EndOfStream()
    seen: set[bytes] = set()
    for number, (kind, data) in enumerate(_chunks(content)):
        if (kind == b"IHDR") != (number == 0):
            raise ValueError("PNG header in a wrong place")
        if kind[:1].isupper() and kind not in _CRITICAL:
            raise ValueError("unknown critical PNG chunk")
        if kind in _COLOURS and not seen.isdisjoint((kind, b"IDAT")):
            raise ValueError("PNG colours in a wrong place")
        if kind == b"IDAT":
            pixels.take(data)
        if kind == b"IEND":
            return pixels.reached and pixels.size >= _stream_size(content)
        seen.add(kind)
    return False


def _stream_size(content: bytes) -> int:
    """Bytes of the pixels of a picture, as its header has it (PNG, section 7)."""
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    bits = content[_DEPTH_BYTE] * _CHANNELS.get(content[_DEPTH_BYTE + 1], 1)
    is_interlaced = content[_DEPTH_BYTE + 4] == 1
    size = 0
    for x, y, step_x, step_y in _PASSES if is_interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            size += rows * (1 + -(-columns * bits // 8))
    return size


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
      size: Bytes of what it becomes, so far.
    """

    def __init__(self):
        """Nothing read."""
        self._stream = zlib.decompressobj()
        self.reached = False
        self.size = 0

    def take(self, data: bytes | memoryview) -> None:
        """Reads on; what follows the end is ignored, as decoders do.

        Raises:
          zlib.error: If it is no such stream.
        """
        size = _PIECE  # less, once all is read and nothing is pending
        while not self.reached and (data or size == _PIECE):
            size = len(self._stream.decompress(data, _PIECE))
            self.size += size
            data = self._stream.unconsumed_tail
            self.reached = self._stream.eof
