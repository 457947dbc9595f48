"""Images as a caller has them, made into what records hold and models take."""

from __future__ import annotations

import os
import typing
from collections.abc import Iterable

import numpy as np
from PIL import Image

from byel_tf.data.image_files import (
    MAX_SIDE,
    ImageLimits,
    RejectedImage,
    encode,
    read_file,
    to_plain,
    to_png,
)

#: A path, a file's content, an array (uint8, [H, W], [H, W, 3] or, with opacity,
#: [H, W, 4]) or a picture of Pillow's.
ImageInput = typing.Union[str, os.PathLike, bytes, np.ndarray, Image.Image]  # noqa: UP007

_DEFAULT_LIMITS = ImageLimits()
_CHANNELS = (3, 4)


def encode_image(image: ImageInput, limits: ImageLimits = _DEFAULT_LIMITS) -> bytes:
    """A JPEG or PNG file of an image, by the rules of the import.

    Files pass or become a PNG of the same pixels, upright, transparent parts on black;
    arrays and pictures become a PNG, which loses nothing.

    Args:
      image: The image.
      limits: What is taken.

    Raises:
      RejectedImage: If it cannot be read or decoded, is too large, or is nothing that
        can be an image; the message is the reason.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return encode(bytes(image), limits).content
    if isinstance(image, (str, os.PathLike)):
        return encode(read_file(image, limits.max_bytes), limits).content
    if isinstance(image, np.ndarray):
        image = _picture(image)
    if not isinstance(image, Image.Image):
        raise RejectedImage(
            "no image: expected a path, bytes, a NumPy array or a picture of Pillow's, "
            f"received {type(image).__name__}"
        )
    _require_size(image.width, image.height, limits)
    try:
        return to_png(to_plain(image), limits).content
    except RejectedImage:
        raise
    except Exception as error:  # Pillow decodes late, and raises errors of many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RejectedImage(f"cannot be decoded: {reason}") from error


def as_images(images: ImageInput | Iterable[ImageInput]) -> Iterable[ImageInput]:
    """The images one by one, also where a single one was given without a list."""
    single = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)
    if isinstance(images, single):
        return [images]
    if isinstance(images, np.ndarray) and (
        images.ndim < 3 or (images.ndim == 3 and images.shape[2] in _CHANNELS)
    ):
        return [images]
    return images


def decode_images(
    images: ImageInput | Iterable[ImageInput], image_size: int
) -> tuple[np.ndarray, list[str]]:
    """Images as the ONNX and LiteRT models take them.

    Args:
      images: Paths, bytes, arrays or pictures, mixed.
      image_size: Side S of the model's input in pixels.

    Returns:
      The images, (N, S, S, 3), uint8, RGB, resized as in training, black where one
      cannot be read; and for each the reason, empty where there is none.
    """
    import tensorflow as tf

    from byel_tf.data.images import decode_and_resize

    pixels, errors = [], []
    for image in as_images(images):
        picture, reason = np.zeros([image_size, image_size, 3], np.uint8), ""
        try:
            picture = decode_and_resize(encode_image(image), image_size).numpy()
        except RejectedImage as error:
            reason = str(error)
        except tf.errors.InvalidArgumentError:
            reason = "cannot be decoded"
        pixels.append(picture)
        errors.append(reason)
    if not pixels:
        return np.zeros([0, image_size, image_size, 3], np.uint8), []
    return np.stack(pixels), errors


def _picture(array: np.ndarray) -> Image.Image:
    """An array's picture.

    Raises:
      RejectedImage: If it is of another type or shape than pictures are.
    """
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _CHANNELS)
    if array.dtype != np.uint8 or not is_picture or not array.size:
        raise RejectedImage(
            "no image: expected an array of uint8, [H, W] or [H, W, 3], received "
            f"{array.dtype} {list(array.shape)}"
        )
    return Image.fromarray(np.ascontiguousarray(array))


def _require_size(width: int, height: int, limits: ImageLimits) -> None:
    """The limits that the import checks before it decodes.

    Raises:
      RejectedImage: If there is no pixel, or there are too many.
    """
    if not width * height:
        raise RejectedImage("no image: it has no pixels")
    if width * height > limits.max_pixels:
        raise RejectedImage(f"more than {limits.max_pixels} pixels")
    if max(width, height) > MAX_SIDE:
        raise RejectedImage(f"more than {MAX_SIDE} pixels a side")
