"""The segments of JPEG files."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END, _SCAN = 0xD9, 0xDA
# Frames that TensorFlow decodes: with 8 bits a value, not lossless or hierarchical.
_DECODED_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Each scan may go through all of a picture's memory and take a few bytes of the file.
MAX_SCANS = 500
# Neither a stuffed byte of pixels nor a restart; what stands before it is skipped.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def _markers(content: bytes) -> Iterator[int]:
    """The markers of a file's segments, up to its end."""
    position = 2
    while found := _MARKER.search(content, position):
        position = found.end()
        marker = content[position - 1]
        yield marker
        if marker == _END:
            return
        length = int.from_bytes(content[position : position + 2], "big")
        position += max(length, 2)  # the length's own bytes


def has_end(content: bytes) -> bool:
    """Whether the segments of a file lead to its end.

    Pillow stops at the last row of pixels. TensorFlow reads on to the end, and fails if
    damaged pixels hold something like the beginning of a segment that goes beyond it.
    """
    return _END in _markers(content)


def has_few_scans(content: bytes) -> bool:
    """Whether a file has no more scans than an encoder makes: more can take hours."""
    if content.count(bytes((0xFF, _SCAN))) <= MAX_SCANS:
        return True
    return sum(marker == _SCAN for marker in _markers(content)) <= MAX_SCANS


def has_common_frame(content: bytes) -> bool:
    """Whether a file's picture is coded in a way that TensorFlow decodes."""
    frames = (marker for marker in _markers(content) if marker in _FRAMES)
    return next(frames, None) in _DECODED_FRAMES
