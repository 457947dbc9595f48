"""Reads a PNG's chunks within a graph, as `byel_tf.data.png` does."""

from __future__ import annotations

import typing

import tensorflow as tf

from byel_tf.serving.orientation import NOT_SAID, exif_orientation, xmp_orientation

if typing.TYPE_CHECKING:
    from byel_tf.serving.decoding import DecodingLimits

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEADER = b"\0\0\0\rIHDR"
_HEADER_BYTES = 26
_COLOURS, _WITH_ALPHA = 2, (4, 6)  # colour types
_MAX_SIDE = 65535
# Most files have nothing of this, which is found sooner than chunk after chunk.
_MATTERS = r"(?s)\C*(?:tRNS|eXIf|iTXt|zTXt|Raw profile type exif)\C*"
_XMP = b"XML:com.adobe.xmp\0"
_PROFILE = b"Raw profile type exif"
_EXIF_PREFIX = b"Exif\0\0"
# Chunks of pixels, which an encoder makes of one length, that are passed in one step.
_LONGEST_RUN = 4096


def is_plain_png(files: tf.Tensor) -> tf.Tensor:
    """Which files, (N,), string, need no `read_chunks`: nothing in them matters."""
    return ~tf.strings.regex_full_match(files, _MATTERS)


def is_taken_png(
    encoded: tf.Tensor, has_key: tf.Tensor, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether pictures are small enough, and whether they have opacity.

    Args:
      encoded: Files, (N,), string.
      has_key: Which have a transparent colour or palette, (N,), bool.
      limits: What is decoded.

    Returns:
      (N,), bool; and (N,), bool.
    """
    # Of what is shorter the rest is zeros.
    header = tf.strings.substr(encoded, 0, _HEADER_BYTES)
    header = tf.strings.join([header, tf.constant(bytes(_HEADER_BYTES))])
    header = tf.strings.substr(header, 0, _HEADER_BYTES)
    has_header = tf.strings.substr(header, 8, len(_HEADER)) == _HEADER
    numbers = tf.cast(tf.io.decode_raw(header, tf.uint8), tf.int64)
    numbers = tf.reshape(numbers, [-1, _HEADER_BYTES])
    weights = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)
    width = tf.reduce_sum(numbers[:, 16:20] * weights, axis=1)
    height = tf.reduce_sum(numbers[:, 20:24] * weights, axis=1)
    depth, colours = numbers[:, 24], numbers[:, 25]
    has_alpha = has_key | (colours == _WITH_ALPHA[0]) | (colours == _WITH_ALPHA[1])
    most = tf.where(has_alpha, limits.max_transparent_pixels, limits.max_pixels)
    is_taken = has_header & (tf.maximum(width, height) <= _MAX_SIDE)
    # Which of its colours are transparent the import knows by their upper bytes alone.
    is_taken &= ~((depth == 16) & (colours == _COLOURS) & has_key)
    # The product of two sides of a file that is taken is no overflow.
    return is_taken & (width * height <= tf.cast(most, tf.int64)), has_alpha


def read_chunks(
    encoded: tf.Tensor, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Goes from chunk to chunk, and leaves out those that hold no pixels.

    Compressed texts among them would be decompressed, whatever becomes of them.

    Args:
      encoded: Any bytes, (), string.
      limits: What is decoded.

    Returns:
      A file of the same picture, empty if it has no end or is refused, (), string; how
      it is turned, as EXIF counts, (), int32; whether a colour or palette is
      transparent, (), bool.
    """
    size = tf.cast(tf.strings.length(encoded), tf.int64)
    data = tf.concat([tf.io.decode_raw(encoded, tf.uint8), tf.zeros([8], tf.uint8)], 0)

    def text(start: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
        start = tf.clip_by_value(start, 0, size)
        return tf.strings.substr(encoded, start, tf.cast(count, tf.int64))

    def length(start: tf.Tensor) -> tf.Tensor:
        four = tf.cast(data[start : start + 4], tf.int64)
        weights = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)
        # No longer than the file: the sum of two of them has to stay a number.
        return tf.minimum(tf.reduce_sum(four * weights), size)

    def advance(
        steps, position, kind, kept, has_pixels, has_key, is_odd, has_profile, exif, xmp
    ):
        kind = text(position + 4, 4)
        stride = length(position) + 12
        most = tf.where(kind == b"IDAT", tf.constant(_LONGEST_RUN, tf.int64), 1)
        count = tf.clip_by_value((size - position) // stride, 1, most)
        places = position + stride * tf.range(count)
        heads = tf.gather(data, places[:, None] + tf.range(8, dtype=tf.int64))
        is_same = tf.reduce_all(heads == heads[0], axis=1)
        run = tf.reduce_sum(tf.math.cumprod(tf.cast(is_same, tf.int64)))
        # Small letters begin names of chunks that a decoder need not know.
        is_key = kind == b"tRNS"
        is_kept = is_key | (data[position + 4] < ord("a"))
        end = position + run * stride
        kept = kept.write(steps, text(position, tf.where(is_kept, end - position, 0)))
        name = text(position + 8, len(_PROFILE))
        is_text = (kind == b"iTXt") | (kind == b"tEXt") | (kind == b"zTXt")
        is_xmp = tf.strings.substr(name, 0, len(_XMP)) == _XMP
        return (
            steps + 1,
            end,
            kind,
            kept,
            has_pixels | (kind == b"IDAT"),
            has_key | is_key,
            # Of two keys, or one in a wrong place, decoders choose differently.
            is_odd | (is_key & (has_key | has_pixels)) | ((kind == b"PLTE") & has_key),
            has_profile | (is_text & (name == _PROFILE)),
            tf.where(kind == b"eXIf", position, exif),
            tf.where((kind == b"iTXt") & is_xmp, position, xmp),
        )

    def goes_on(steps, position, kind, *others):
        del others
        has_more = (kind != b"IEND") & (position + 12 <= size)
        return has_more & (steps < limits.max_segments)

    nowhere = tf.constant(-1, tf.int64)
    kept = tf.TensorArray(tf.string, 0, dynamic_size=True, element_shape=[])
    start = tf.constant(len(SIGNATURE), tf.int64)
    _, _, kind, kept, _, has_key, is_odd, has_profile, exif, xmp = tf.while_loop(
        goes_on,
        advance,
        (0, start, b"", kept, False, False, False, False, nowhere, nowhere),
        parallel_iterations=1,
    )

    def content(start: tf.Tensor) -> tf.Tensor:
        """Of a chunk; nothing where there is none."""
        count = length(tf.maximum(start, 0))
        return text(start + 8, tf.where(start >= 0, count, 0))

    exif_data = content(exif)
    begin = tf.strings.substr(exif_data, 0, len(_EXIF_PREFIX)) == _EXIF_PREFIX
    begin = tf.where(begin, len(_EXIF_PREFIX), 0)
    exif_data = tf.strings.substr(exif_data, begin, tf.strings.length(exif_data))
    from_exif = exif_orientation(exif_data)
    from_xmp = xmp_orientation(content(xmp))
    is_silent = from_exif == NOT_SAID
    is_compressed = text(xmp + 8 + len(_XMP), 1) == b"\1"
    # What only a decompressed text tells remains unknown.
    is_hidden = (has_profile & (exif < 0)) | (is_silent & (xmp >= 0) & is_compressed)
    # What stands before the header would be left out, and it would be the first again.
    has_header = text(tf.cast(len(SIGNATURE), tf.int64), len(_HEADER)) == _HEADER
    is_taken = has_header & (kind == b"IEND") & ~is_hidden & ~is_odd
    whole = tf.strings.join([SIGNATURE, tf.strings.reduce_join(kept.stack())])
    return (
        tf.where(is_taken, whole, ""),
        tf.where(is_silent, from_xmp, from_exif),
        has_key,
    )
