"""The TFRecord file format, read and written without TensorFlow.

A file is a row of frames: length (8 bytes, little-endian), masked CRC32C of it, data,
masked CRC32C of them. Source: tensorflow.org/tutorials/load_data/tfrecord, "TFRecords
format details".
"""

import os
import pathlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

_HEADER_BYTES = 12
_FOOTER_BYTES = 4


class CorruptFile(Exception):
    """A file that is no row of whole frames; the message says where it breaks."""


def frame(data: bytes) -> bytes:
    """One frame around a record's bytes."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked)


def read_frames(path: pathlib.Path) -> Iterator[bytes]:
    """Each record's bytes, in order, one in memory at a time.

    Raises:
      CorruptFile: If a checksum does not match or the file ends within a record.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        for number, (start, length) in enumerate(walk_frames(file, size)):
            yield read_frame(file, number, start, length)


def read_frame(file: BinaryIO, number: int, start: int, length: int) -> bytes:
    """One record's bytes.

    Args:
      file: The open file.
      number: The record's number, for the error.
      start: Where its bytes begin, as `walk_frames` says.
      length: How many they are.

    Raises:
      CorruptFile: If the checksum does not match.
    """
    file.seek(start)
    data = file.read(length)
    if file.read(_FOOTER_BYTES) != _masked_crc(data):
        raise CorruptFile(f"record {number} does not match its checksum")
    return data


def count_frames(path: pathlib.Path) -> int:
    """Number of records, from their headers alone.

    Raises:
      CorruptFile: If a header's checksum does not match or the file ends within a
        record.
    """
    with open(path, "rb", buffering=0) as file:
        return sum(1 for _ in walk_frames(file, os.path.getsize(path)))


def walk_frames(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Start and length of each record's bytes, from the headers alone.

    Args:
      file: The open file; it may be read elsewhere in between.
      size: Its size.

    Raises:
      CorruptFile: If a header's checksum does not match or the file ends within a
        record.
    """
    position = number = 0
    while position < size:
        file.seek(position)
        header = file.read(_HEADER_BYTES)
        length_bytes = header[:8]
        if len(header) < _HEADER_BYTES or header[8:] != _masked_crc(length_bytes):
            raise CorruptFile(f"record {number} has no whole header")
        (length,) = struct.unpack("<Q", length_bytes)
        start = position + _HEADER_BYTES
        position = start + length + _FOOTER_BYTES
        if position > size:
            raise CorruptFile(f"ends within record {number}")
        yield start, length
        number += 1
