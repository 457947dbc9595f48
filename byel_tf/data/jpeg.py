"""The segments of JPEG files."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Marker of a file's end.
END = 0xD9
_SCAN = 0xDA
# Frames that TensorFlow decodes: with 8 bits a value, not lossless or hierarchical.
_DECODED_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
#: Each scan may go through all of a picture's memory and take a few bytes of the file;
#: encoders make about ten.
MAX_SCANS = 64
# Neither a stuffed byte of pixels nor a restart; what stands before it is skipped.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each of a file's segments, up to its end.

    Pixels behind the segment that begins a scan are in none.
    """
    position = 2
    while found := _MARKER.search(content, position):
        position = found.end()
        marker = content[position - 1]
        if marker == END:
            yield marker, found.start(), position
            return
        length = int.from_bytes(content[position : position + 2], "big")
        position += max(length, 2)  # the length's own bytes
        yield marker, found.start(), min(position, len(content))


def _markers(content: bytes) -> Iterator[int]:
    return (marker for marker, _, _ in segments(content))


def has_end(content: bytes) -> bool:
    """Whether the segments of a file lead to its end.

    Pillow stops at the last row of pixels. TensorFlow reads on to the end, and fails if
    damaged pixels hold something like the beginning of a segment that goes beyond it.
    """
    return END in _markers(content)


def has_few_scans(content: bytes) -> bool:
    """Whether a file has no more scans than an encoder makes: more can take hours."""
    if content.count(bytes((0xFF, _SCAN))) <= MAX_SCANS:
        return True
    return sum(marker == _SCAN for marker in _markers(content)) <= MAX_SCANS


def has_common_frame(content: bytes) -> bool:
    """Whether a file's picture is coded in a way that TensorFlow decodes."""
    frames = (marker for marker in _markers(content) if marker in _FRAMES)
    return next(frames, None) in _DECODED_FRAMES
