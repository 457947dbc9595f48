"""How a picture is turned, read from EXIF and XMP data within a graph.

As Pillow does it for the import: the tag of EXIF's first directory counts (TIFF 6.0,
p. 14; Exif 2.32, 4.6.4), XMP's where EXIF has none; what is broken turns nothing.
"""

import tensorflow as tf

#: What `exif_orientation` and `xmp_orientation` give where nothing is said.
NOT_SAID = -1

_TAG, _SHORT, _LONG = 0x0112, 3, 4
_ENTRY_BYTES = 12
# Of a value, by the number of its type; unknown ones are passed over.
_VALUE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 0)
# The second of each pair is written by mistake.
_HEADERS = (b"MM\0*", b"MM*\0", b"II*\0", b"II\0*")
_XMP_NAME = "tiff:Orientation"
# One that fits a JPEG's segment; a PNG's may be of any length.
_MAX_EXIF_BYTES = 2**16


def exif_orientations(exif: tf.Tensor) -> tf.Tensor:
    """The orientations that EXIF data state.

    Args:
      exif: TIFF files, (N,), string: what stands behind `Exif` and two zeros.

    Returns:
      (N,), int32: from 1 to 8 if it is one; 0 if they are no TIFF file; `NOT_SAID` if
      it has none.
    """
    exif = tf.strings.substr(exif, 0, _MAX_EXIF_BYTES)
    size = tf.cast(tf.strings.length(exif), tf.int64)
    is_little = (tf.strings.substr(exif, 0, 1) == b"I")[:, None]

    def bytes_at(start: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
        """Of each, as numbers, (N, count); beyond its end zeros."""
        start = tf.minimum(start, size)
        counts = tf.fill(tf.shape(start), tf.cast(count, tf.int64))
        parts = tf.strings.substr(exif, start, counts)
        return tf.cast(tf.io.decode_raw(parts, tf.uint8, fixed_length=count), tf.int64)

    def number(digits: tf.Tensor) -> tf.Tensor:
        """Of 2 or 4 bytes in the last dimension, the first that of the files."""
        weights = [256**place for place in range(digits.shape[-1])]
        little = tf.reduce_sum(digits * tf.constant(weights, tf.int64), axis=-1)
        big = tf.reduce_sum(digits * tf.constant(weights[::-1], tf.int64), axis=-1)
        is_first = is_little if little.shape.rank == 2 else is_little[:, 0]
        return tf.where(is_first, little, big)

    nothing = tf.zeros_like(size)
    start = tf.minimum(number(bytes_at(nothing, 8)[:, 4:8]), size)
    room = (size - start - 2) // _ENTRY_BYTES
    count = tf.maximum(tf.minimum(number(bytes_at(start, 2)), room), 0)
    most = tf.reduce_max(tf.concat([count, [1]], axis=0))
    entries = bytes_at(start + 2, tf.cast(most, tf.int32) * _ENTRY_BYTES)
    entries = tf.reshape(entries, [-1, most, _ENTRY_BYTES])
    kinds, counts = number(entries[..., 2:4]), number(entries[..., 4:8])
    short, long = number(entries[..., 8:10]), number(entries[..., 8:])
    # Longer values stand elsewhere; where they do not, what follows is not read.
    unit = tf.gather(
        tf.constant(_VALUE_BYTES, tf.int64), tf.minimum(kinds, len(_VALUE_BYTES) - 1)
    )
    is_broken = (counts * unit > 4) & (long + counts * unit > size[:, None])
    places = tf.range(most)
    is_stated = (number(entries[..., :2]) == _TAG) & (places < count[:, None])
    is_stated &= tf.cumsum(tf.cast(is_broken, tf.int32), axis=1) == 0
    # Of several values the first counts.
    is_short = (kinds == _SHORT) & ((counts == 1) | (counts == 2))
    is_stated &= is_short | ((kinds == _LONG) & (counts == 1))
    values = tf.clip_by_value(tf.where(kinds == _SHORT, short, long), 0, 255)
    # The last of them, as the one with the highest place.
    values = tf.where(is_stated, places * 256 + values, NOT_SAID)
    stated = tf.reduce_max(values, axis=1)
    stated = tf.where(stated == NOT_SAID, stated, stated % 256)
    heads = tf.strings.substr(exif, 0, 4)[:, None]
    is_tiff = tf.reduce_any(heads == tf.constant(_HEADERS), axis=1)
    is_usable = (is_tiff & (size >= 8)) | (size == 0)
    return tf.where(is_usable, tf.cast(stated, tf.int32), 0)


def exif_orientation(exif: tf.Tensor) -> tf.Tensor:
    """As `exif_orientations`, of one TIFF file, (), string."""
    return exif_orientations(exif[None])[0]


def xmp_orientation(xmp: tf.Tensor) -> tf.Tensor:
    """The orientation that XMP data state, as an attribute or an element.

    Args:
      xmp: The text, (), string.

    Returns:
      (), int32: from 1 to 8 if it is one; `NOT_SAID` if it has none.
    """
    behind = tf.strings.split(xmp, _XMP_NAME)[1:]
    behind = tf.strings.substr(tf.strings.join([behind, "   "]), 0, 3)
    codes = tf.reshape(tf.io.decode_raw(behind, tf.uint8), [-1, 3])
    codes = tf.cast(codes, tf.int32)
    is_attribute = (codes[:, 0] == ord("=")) & (codes[:, 1] == ord('"'))
    digits = tf.where(is_attribute, codes[:, 2], codes[:, 1]) - ord("0")
    is_stated = is_attribute | (codes[:, 0] == ord(">"))
    is_stated &= (digits >= 0) & (digits <= 9)
    return tf.concat([tf.boolean_mask(digits, is_stated), [NOT_SAID]], axis=0)[0]


def turn_upright(images: tf.Tensor, orientations: tf.Tensor) -> tf.Tensor:
    """Turns square pictures.

    Args:
      images: (N, S, S, C).
      orientations: As EXIF counts, (N,), int32; other numbers than 2 to 8 turn nothing.
    """

    def turned() -> tf.Tensor:
        def among(*numbers: int) -> tf.Tensor:
            found = tf.reduce_any(orientations[:, None] == tf.constant(numbers), axis=1)
            return found[:, None, None, None]

        transposed = tf.transpose(images, [0, 2, 1, 3])
        pictures = tf.where(among(5, 6, 7, 8), transposed, images)
        pictures = tf.where(among(2, 3, 6, 7), pictures[:, :, ::-1], pictures)
        return tf.where(among(3, 4, 7, 8), pictures[:, ::-1], pictures)

    is_turned = tf.reduce_any((orientations >= 2) & (orientations <= 8))
    return tf.cond(is_turned, turned, lambda: images)
