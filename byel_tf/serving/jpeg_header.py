"""Reads a JPEG's segments within a graph, as `byel_tf.data.jpeg` does."""

from __future__ import annotations

import functools
import typing

import tensorflow as tf

from byel_tf.serving.orientation import NOT_SAID, exif_orientation, xmp_orientation

if typing.TYPE_CHECKING:
    from byel_tf.serving.decoding import DecodingLimits

_END, _SCAN, _APP1 = 0xD9, 0xDA, 0xE1
# Behind FF these are no markers of segments: stuffed bytes, restarts, fill.
_NO_SEGMENT = (0x00, 0x01, *range(0xD0, 0xD9), 0xFF)
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
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


def is_plain_jpeg(encoded: tf.Tensor, limits: DecodingLimits) -> tf.Tensor:
    """Whether a file, (), string, needs no `read_segments`: nothing in it matters."""
    _, codes = _markers(tf.io.decode_raw(encoded, tf.uint8))
    return ~_may_be_long(codes, limits) & ~tf.reduce_any(codes == _APP1)


def _may_be_long(codes: tf.Tensor, limits: DecodingLimits) -> tf.Tensor:
    """Whether there may be too many scans: other segments hold such codes as well."""
    return tf.math.count_nonzero(codes == _SCAN) > limits.max_scans


def _markers(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where in a file FF stands, and what stands behind it."""
    starts = tf.where(data[:-1] == 0xFF)[:, 0]
    return starts, tf.gather(data, starts + 1)


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
    starts, codes = _markers(data)
    may_be_long = _may_be_long(codes, limits)
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
