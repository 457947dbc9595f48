"""Images as a caller has them, made into what records hold and models take."""

from __future__ import annotations

import os
import typing
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from byel_tf.data.image_files import (
    MAX_SIDE,
    ImageLimits,
    RejectedImage,
    decode_plain,
    encode,
    quiet_pillow,
    read_file,
    to_plain,
    to_png,
)
from byel_tf.data.preparation.convert import Conversion, convert
from byel_tf.serving.cropping import face_detector

#: A path, a file's content, an array (uint8, [H, W], [H, W, 1], [H, W, 3] or, with
#: opacity, [H, W, 4]; NumPy's or what becomes one) or a picture of Pillow's.
ImageInput = typing.Union[str, os.PathLike, bytes, np.ndarray, Image.Image]  # noqa: UP007

_DEFAULT_LIMITS = ImageLimits()
_CHANNELS = (1, 3, 4)
_SINGLE = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)


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
    content = _content(image, limits)
    if isinstance(content, bytes):
        return encode(content, limits).content
    try:
        return to_png(to_plain(content), limits).content
    except RejectedImage:
        raise
    except Exception as error:  # Pillow decodes late, and raises errors of many kinds
        raise _undecodable(error) from error


def encode_face(
    image: ImageInput,
    margin: float,
    detector: str,
    limits: ImageLimits = _DEFAULT_LIMITS,
) -> tuple[bytes, int]:
    """A PNG file of an image's largest face, cropped as `predict --crop=face` does.

    Args:
      image: The image.
      margin: Side of the crop, as a multiple of that of rendered faces.
      detector: What finds faces, as of `make_detector`.
      limits: What is taken.

    Returns:
      The file, of the whole image as by `encode_image` where no face is found; and how
      many faces were found.

    Raises:
      RejectedImage: As by `encode_image`, or if the face's crop is mostly outside.
    """
    content = _content(image, limits)
    if isinstance(content, bytes):
        picture = decode_plain(content, limits)
    else:
        try:
            picture = to_plain(content)
        except RejectedImage:
            raise
        except Exception as error:
            raise _undecodable(error) from error
    faces = face_detector(detector).all(picture)
    if not faces:
        return encode_image(content, limits), 0
    box = faces[0].box(margin)
    return convert(picture, Conversion((), limits), box).content, len(faces)


def _undecodable(error: Exception) -> RejectedImage:
    reason = " ".join(str(error).split()) or type(error).__name__
    return RejectedImage(f"cannot be decoded: {reason}")


def _content(image: ImageInput, limits: ImageLimits) -> bytes | Image.Image:
    """A file's content, or a picture within the limits.

    Raises:
      RejectedImage: If it cannot be read, is too large, or can be no image.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        return read_file(image, limits.max_bytes)
    if _is_array(image):
        image = np.asarray(image)
        if image.dtype == object and image.ndim == 0:  # a path or file as a tensor
            return _content(image.item(), limits)
        image = _picture(image)
    if not isinstance(image, Image.Image):
        raise RejectedImage(
            "no image: expected a path, bytes, a NumPy array or a picture of Pillow's, "
            f"received {type(image).__name__}"
        )
    _require_size(image.width, image.height, limits)
    return image


def as_images(images: ImageInput | Iterable[ImageInput]) -> Iterable[ImageInput]:
    """The images one by one, also where a single one was given without a list.

    Of arrays the shape decides: [H, W] and [H, W, C] are one image, [N, H, W] and
    [N, H, W, C] are N, where C is 1, 3 or 4. What is [N, H, W] for an N of 3 or 4 could
    as well be one image with its channels first, and is refused.

    Args:
      images: One image, an array of several, or any iterable of images.

    Raises:
      ValueError: If it cannot be told what are the images.
    """
    if isinstance(images, _SINGLE):
        return [images]
    if _is_array(images):
        return _pictures_of(np.asarray(images))
    if isinstance(images, Mapping):
        raise ValueError(
            "images must be a list or an array: of a dictionary give list(d.values()). "
            f"Received: {type(images).__name__}"
        )
    return images


def _is_array(value: object) -> bool:
    """Whether it is an array of NumPy's, or a tensor or column that becomes one."""
    return hasattr(value, "__array__") and not isinstance(value, Image.Image)


def _pictures_of(array: np.ndarray) -> Iterable[ImageInput]:
    """As `as_images`."""
    shape = array.shape
    received = f"Received: {array.dtype} {list(shape)}"
    if array.dtype.kind in "OSU":
        if len(shape) > 1:
            raise ValueError(
                "Of a table give the column that has the images, an array of one "
                f"dimension. {received}"
            )
        return array.reshape(-1).tolist()
    is_last = bool(shape) and shape[-1] in _CHANNELS
    if len(shape) == 2 or (len(shape) == 3 and is_last):
        return [array]
    if (len(shape) == 4 and is_last) or shape == (0,):
        return array
    if len(shape) == 3 and shape[0] not in _CHANNELS[1:]:
        return array
    if len(shape) == 3:
        raise ValueError(
            f"{shape[0]} grey images or one image with its channels first? Give "
            "array[..., np.newaxis] for the first, np.moveaxis(array, 0, -1) for the "
            f"second. {received}"
        )
    raise ValueError(
        "An array of images must be [N, H, W] or [N, H, W, C], with C (1, 3 or 4) "
        f"last, and one image [H, W] or [H, W, C]. {received}"
    )


def decode_images(
    images: ImageInput | Iterable[ImageInput], image_size: int
) -> tuple[np.ndarray, list[str]]:
    """Images as the ONNX and LiteRT models take them.

    Args:
      images: Paths, bytes, arrays or pictures, mixed; as for `as_images`.
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
            with quiet_pillow():
                content = encode_image(image)
            picture = decode_and_resize(content, image_size).numpy()
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
        hint = ""
        if array.dtype.kind == "f":
            hint = "; values from 0 to 1 become bytes with (255 * array + 0.5).astype"
            hint += "(np.uint8)"
        elif array.ndim == 3 and array.shape[0] in _CHANNELS:
            hint = "; channels come last, np.moveaxis(array, 0, -1) puts them there"
        raise RejectedImage(
            "no image: expected an array of uint8, [H, W] or [H, W, C] with C 1, 3 or "
            f"4, received {array.dtype} {list(array.shape)}{hint}"
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
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
