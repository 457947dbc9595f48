"""Reads a JPEG's segments within a graph, as `byel_tf.data.jpeg` does."""

from __future__ import annotations

import functools
import typing

import tensorflow as tf

from byel_tf.serving.orientation import (
    NOT_SAID,
    exif_orientation,
    exif_orientations,
    xmp_orientation,
)

if typing.TYPE_CHECKING:
    from byel_tf.serving.decoding import DecodingLimits

_END, _SCAN, _APP1 = 0xD9, 0xDA, 0xE1
# Behind FF these are no markers of segments: stuffed bytes, restarts, fill.
_NO_SEGMENT = (0x00, 0x01, *range(0xD0, 0xD9), 0xFF)
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# Before EXIF data stands at most what JFIF writes, and a comment.
_FIRST_SEGMENTS = 3
# Their converted colours depend on what wrote them.
_FOUR_COLOURS = 4


def is_taken_jpeg(encoded: tf.Tensor, limits: DecodingLimits) -> tf.Tensor:
    """Whether a picture is small enough and of a kind that is decoded, (), bool.

    Raises:
      tf.errors.InvalidArgumentError: If it is no JPEG.
    """
    # By the library that decodes it: both see the same header.
    shape = tf.cast(tf.image.extract_jpeg_shape(encoded), tf.int64)
    return (shape[0] * shape[1] <= limits.max_pixels) & (shape[2] < _FOUR_COLOURS)


def is_plain_jpeg(files: tf.Tensor, limits: DecodingLimits) -> tf.Tensor:
    """Which files, (N,), string, need no `read_segments`: nothing in them matters."""
    has_names = tf.strings.split(files, bytes((0xFF, _APP1)), maxsplit=1)
    return ~_may_be_long(files, limits) & (has_names.row_lengths() == 1)


def read_first_segments(
    files: tf.Tensor, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `read_segments` gives, for all files at once, where little is needed.

    Cameras and programs write EXIF data into the first segments; then these say enough.

    Args:
      files: Any bytes, (N,), string.
      limits: What is decoded.

    Returns:
      How pictures are turned, as EXIF counts, (N,), int32; and where that is known,
      (N,), bool: the others need `read_segments`.
    """
    size = tf.cast(tf.strings.length(files), tf.int64)
    position = tf.minimum(tf.fill(tf.shape(size), tf.constant(2, tf.int64)), size)
    name = tf.constant(list(_EXIF), tf.uint8)
    head_bytes = tf.fill(tf.shape(files), tf.constant(4 + len(_EXIF), tf.int64))
    exif, is_found = tf.fill(tf.shape(files), ""), tf.zeros_like(size, tf.bool)
    for _ in range(_FIRST_SEGMENTS):
        heads = tf.strings.substr(files, tf.minimum(position, size), head_bytes)
        heads = tf.io.decode_raw(heads, tf.uint8, fixed_length=4 + len(_EXIF))
        others = tf.constant((*_NO_SEGMENT, _END, _SCAN), tf.uint8)
        is_segment = tf.reduce_all(heads[:, 1:2] != others, axis=1)
        is_segment &= (heads[:, 0] == 0xFF) & ~is_found
        two = tf.cast(heads[:, 2:4], tf.int64) * tf.constant([256, 1], tf.int64)
        length = tf.maximum(tf.reduce_sum(two, axis=1), 2)
        is_exif = is_segment & (heads[:, 1] == _APP1)
        is_exif &= tf.reduce_all(heads[:, 4:] == name, axis=1)
        start = tf.minimum(position + 4 + len(_EXIF), size)
        count = tf.where(is_exif, tf.maximum(length - 2 - len(_EXIF), 0), 0)
        exif = tf.where(is_exif, tf.strings.substr(files, start, count), exif)
        is_found |= is_exif
        # Where no segment begins it stays, and finds none again.
        position += tf.where(is_segment, length + 2, 0)
    orientations = exif_orientations(exif)
    is_known = is_found & (orientations != NOT_SAID) & ~_may_be_long(files, limits)
    return orientations, is_known


def _may_be_long(files: tf.Tensor, limits: DecodingLimits) -> tf.Tensor:
    """Which may have too many scans: other segments hold such codes as well."""
    most = limits.max_scans
    parts = tf.strings.split(files, bytes((0xFF, _SCAN)), maxsplit=most + 1)
    return parts.row_lengths() > most + 1


def read_segments(
    encoded: tf.Tensor, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor]:
    """Goes from segment to segment, as far as there is something to learn.

    Args:
      encoded: Any bytes, (), string.
      limits: What is decoded.

    Returns:
      The file, empty if it is refused, (), string; how the picture is turned, as EXIF
      counts, (), int32. Where there might be too many scans the file is cut off at its
      end: what stands behind it, such as a film, holds anything.
    """
    data = tf.io.decode_raw(encoded, tf.uint8)
    starts = tf.where(data[:-1] == 0xFF)[:, 0]
    codes = tf.gather(data, starts + 1)
    may_be_long = _may_be_long(encoded[None], limits)[0]
    size = tf.size(data, tf.int64)
    data = tf.concat([data, tf.zeros([4], tf.uint8)], axis=0)
    is_segment = tf.reduce_all(codes[:, None] != tf.constant(_NO_SEGMENT, tf.uint8), 1)
    # Behind the last there is one that leads nowhere.
    starts = tf.concat([tf.boolean_mask(starts, is_segment), [size]], axis=0)
    codes = tf.concat([tf.boolean_mask(codes, is_segment), [0]], axis=0)
    codes = tf.cast(codes, tf.int32)

    def length(start: tf.Tensor) -> tf.Tensor:
        """Of the segment, with the two bytes that state it."""
        two = tf.cast(data[start + 2 : start + 4], tf.int64)
        return tf.maximum(tf.reduce_sum(two * tf.constant([256, 1], tf.int64)), 2)

    def advance(steps, position, at, code, scans, exif, xmp):
        index = tf.searchsorted(starts, position[None])[0]
        at, code = starts[index], codes[index]
        name = tf.strings.substr(encoded, tf.minimum(at + 4, size), len(_XMP))
        in_header = (code == _APP1) & (scans == 0)
        is_exif = in_header & (tf.strings.substr(name, 0, len(_EXIF)) == _EXIF)
        return (
            steps + 1,
            tf.minimum(at + 2 + length(at), size),
            at,
            code,
            scans + tf.cast(code == _SCAN, tf.int32),
            tf.where(is_exif & (exif < 0), at, exif),
            tf.where(in_header & (name == _XMP), at, xmp),
        )

    def goes_on(
        may_stop_at_exif: bool | tf.Tensor, steps, position, at, code, scans, exif, xmp
    ) -> tf.Tensor:
        del position, at, xmp
        is_inside = (code != _END) & (code != 0) & (steps < limits.max_segments)
        is_wanted = (scans == 0) & ~(may_stop_at_exif & (exif >= 0))
        return is_inside & (is_wanted | (may_be_long & (scans <= limits.max_scans)))

    nowhere, nothing = tf.constant(-1, tf.int64), tf.constant(0, tf.int64)
    start = (0, tf.constant(2, tf.int64), nowhere, _SCAN, 0, nowhere, nowhere)

    def walk(start: tuple, may_stop_at_exif: bool | tf.Tensor) -> tuple:
        condition = functools.partial(goes_on, may_stop_at_exif)
        return tf.while_loop(condition, advance, start, parallel_iterations=1)

    def segment(start: tf.Tensor, name: bytes) -> tf.Tensor:
        """Its content behind the name; nothing where there is no such segment."""
        left = tf.minimum(start + 4 + len(name), size)
        right = tf.minimum(start + 2 + length(start), size)
        count = tf.where(start >= 0, tf.maximum(right - left, 0), 0)
        return tf.strings.substr(encoded, left, count)

    # EXIF data come first as a rule, and say enough; else what follows may.
    reached = walk(start, True)
    from_exif = exif_orientation(segment(reached[5], _EXIF))
    steps, _, at, code, scans, _, xmp = walk(reached, from_exif != NOT_SAID)
    from_xmp = xmp_orientation(segment(xmp, _XMP))
    is_whole = (code == _END) & (scans <= limits.max_scans)
    end = tf.where(may_be_long, tf.where(is_whole, at + 2, 0), size)
    end = tf.where(steps < limits.max_segments, end, 0)
    content = tf.strings.substr(encoded, nothing, end)
    return content, tf.where(from_exif == NOT_SAID, from_xmp, from_exif)
