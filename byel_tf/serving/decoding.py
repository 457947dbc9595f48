"""Decoding inside the SavedModel: as the import reads, and within limits.

A graph cannot ask a library what a file is before it decodes it, and TensorFlow's
decoders know neither limits nor EXIF. So the headers are read here, with TensorFlow's
own operations: what exceeds a limit is not decoded, pictures are turned upright, and
transparent parts lie on black.
"""

import dataclasses

import tensorflow as tf

from byel_tf.data import jpeg
from byel_tf.data.image_files import ImageLimits
from byel_tf.data.images import resize
from byel_tf.serving.jpeg_header import (
    is_plain_jpeg,
    is_taken_jpeg,
    read_first_segments,
    read_segments,
)
from byel_tf.serving.orientation import NOT_SAID, turn_upright
from byel_tf.serving.png_header import (
    SIGNATURE,
    is_plain_png,
    is_taken_png,
    read_chunks,
)


@dataclasses.dataclass(frozen=True)
class DecodingLimits:
    """What a model takes; files beyond it are not valid.

    Attributes:
      max_bytes: Bytes of a file.
      max_pixels: Pixels of a picture.
      max_transparent_pixels: Pixels of a picture with transparency, which takes several
        times the memory.
      max_scans: Scans of a JPEG, each of which goes through all of its pixels.
      max_segments: Segments of a JPEG or chunks of a PNG that are looked at; equal
        ones in a row, as a PNG's pixels are stored in, count as one.
    """

    max_bytes: int = ImageLimits.max_bytes
    max_pixels: int = ImageLimits.max_pixels
    max_transparent_pixels: int = 16 * 10**6
    max_scans: int = jpeg.MAX_SCANS
    max_segments: int = 1000


@tf.autograph.experimental.do_not_convert
def decode_within(
    image_bytes: tf.Tensor, image_size: int, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes JPEG and PNG files as the import does, and resizes as training does.

    Not valid is what is no JPEG or PNG, exceeds a limit, cannot be decoded, or is of a
    kind that the import reads and TensorFlow does not: four colours, or an orientation
    in compressed text.

    A graph cannot catch an error, but a data set can skip the elements that raise one;
    their positions tell which are left. It is made anew each time, which takes the
    longer the more its function does: headers are read before it, where nothing raises.

    Args:
      image_bytes: Files, (N,), string; N may be 0.
      image_size: Side of the result in pixels.
      limits: What is decoded.

    Returns:
      Images (max(N, 1), image_size, image_size, 3), uint8, RGB, upright, black where
      not valid; and which are valid, (N,), bool.
    """
    count = tf.size(image_bytes)
    with tf.device("/CPU:0"):
        files, orientations, is_png, has_alpha = _read_headers(image_bytes, limits)
        is_turned = (orientations >= 2) & (orientations <= 8)
        decoded = tf.data.Dataset.from_tensor_slices(
            (tf.range(count), files, is_png, has_alpha, is_turned)
        )
        decoded = decoded.map(
            lambda position, *file: (position, _decode(*file, image_size, limits)),
            num_parallel_calls=tf.data.AUTOTUNE,
        ).ignore_errors()
        # One element more than can come makes the batch never empty.
        shape = [image_size, image_size, 3]
        end = tf.data.Dataset.from_tensors((tf.constant(-1), tf.zeros(shape, tf.uint8)))
        batch = decoded.concatenate(end).batch(tf.cast(count, tf.int64) + 1)
        positions, images = batch.get_single_element()
    positions, images = positions[:-1, None], images[:-1]
    valid = tf.scatter_nd(positions, tf.ones_like(positions[:, 0]), [count]) > 0
    # scatter_nd has no uint8 kernel on GPUs; oneDNN complains of transposed integers.
    images = tf.cast(images, tf.float32)
    images = turn_upright(images, tf.gather(orientations, positions[:, 0]))
    # There is always an image, since TensorFlow's fused convolutions fail on none.
    placed = tf.scatter_nd(positions, images, [tf.maximum(count, 1), *shape])
    return tf.ensure_shape(tf.cast(placed, tf.uint8), [None, *shape]), valid


def _read_headers(
    image_bytes: tf.Tensor, limits: DecodingLimits
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Which files to decode, empty where refused; how turned; if PNG; if with alpha."""
    is_small = tf.strings.length(image_bytes) <= limits.max_bytes
    files = tf.where(is_small, image_bytes, "")
    is_png = tf.strings.substr(files, 0, len(SIGNATURE)) == SIGNATURE
    # Each looks at nothing in place of the other.
    pngs, jpegs = tf.where(is_png, files, ""), tf.where(is_png, "", files)
    is_plain = is_plain_png(pngs) & is_plain_jpeg(jpegs, limits)
    orientations = tf.fill(tf.shape(files), NOT_SAID)

    places = tf.where(~is_plain & ~is_png)[:, 0]
    found, is_known = read_first_segments(tf.gather(jpegs, places), limits)
    orientations = tf.tensor_scatter_nd_update(orientations, places[:, None], found)
    known = tf.boolean_mask(places, is_known)[:, None]
    is_done = tf.tensor_scatter_nd_update(
        is_plain, known, tf.ones_like(known[:, 0], tf.bool)
    )

    def look(place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        file = files[place]
        return tf.cond(
            is_png[place],
            lambda: read_chunks(file, limits),
            lambda: (*read_segments(file, limits), False),
        )

    places = tf.where(~is_done)[:, 0]
    found = tf.map_fn(look, places, fn_output_signature=(tf.string, tf.int32, tf.bool))
    places = places[:, None]
    files = tf.tensor_scatter_nd_update(files, places, found[0])
    orientations = tf.tensor_scatter_nd_update(orientations, places, found[1])
    has_key = tf.scatter_nd(
        places, tf.cast(found[2], tf.int32), tf.shape(files, tf.int64)
    )
    is_taken, has_alpha = is_taken_png(files, has_key > 0, limits)
    files = tf.where(is_taken | ~is_png, files, "")
    return files, orientations, is_png, has_alpha & is_png


def _decode(
    file: tf.Tensor,
    is_png: tf.Tensor,
    has_alpha: tf.Tensor,
    is_turned: tf.Tensor,
    image_size: int,
    limits: DecodingLimits,
) -> tf.Tensor:
    """One file's image, resized.

    Raises:
      tf.errors.InvalidArgumentError: If it cannot be decoded or is too large.
    """
    is_taken = tf.cond(is_png, lambda: True, lambda: is_taken_jpeg(file, limits))
    file = tf.where(is_taken, file, "")

    def pixels(channels: int) -> tf.Tensor:
        return tf.io.decode_image(file, channels=channels, expand_animations=False)

    def exact_pixels() -> tf.Tensor:
        return tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")

    # What the import turns it decodes itself, and with this transform. The other one
    # is TensorFlow's usual, and in damaged files far from it.
    kind = tf.where(has_alpha, 1, tf.where(is_turned & ~is_png, 2, 0))
    image = tf.switch_case(
        kind, [lambda: pixels(3), lambda: _on_black(pixels(4)), exact_pixels]
    )
    return resize(image, image_size)


def _on_black(image: tf.Tensor) -> tf.Tensor:
    """Pixels (H, W, 4) times their opacity, (H, W, 3), uint8."""
    pixels = tf.cast(image[..., :3], tf.uint16) * tf.cast(image[..., 3:], tf.uint16)
    return tf.cast((pixels + 127) // 255, tf.uint8)
