"""What is found out about each image, on any process or machine."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Sequence

from PIL import Image

from byel_tf.data import storage
from byel_tf.data.image_files import (
    EncodedImage,
    ImageLimits,
    RejectedImage,
    decode_plain,
    encode,
    quiet_pillow,
    read_file,
    to_png,
)
from byel_tf.data.metadata import without_metadata
from byel_tf.data.sources.fer2013 import parse_row
from byel_tf.data.sources.item import Item
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box, bounds_box, crop

#: What happens to an image on which no face is found.
NO_FACE_CHOICES = ("keep", "list", "reject")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How images become records.

    Attributes:
      classes: Class names in label order.
      limits: Which images are taken.
      crop_faces: Whether images are cropped to the face that is found, in the box
        that their source gives if it does, else to the largest.
      crop_margin: Side of the crop, as a multiple of that of rendered faces; of boxes,
        of their longer side.
      no_face: What happens where no face is found; one of `NO_FACE_CHOICES`.
      crop_boxes: Whether images are cropped to the boxes that their source gives; an
        image without one is rejected then.
      keep_metadata: Whether JPEG and PNG files keep what they say besides the picture.
      detector: What finds faces; one of `detection.names.DETECTORS`.
    """

    classes: tuple[str, ...]
    limits: ImageLimits
    crop_faces: bool = False
    crop_margin: float = 1.0
    no_face: str = "keep"
    crop_boxes: bool = False
    keep_metadata: bool = False
    detector: str = "mtcnn"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found out about an image that can be taken.

    Attributes:
      sha256: Hash of what its record holds.
      bytes: Size of that.
      format: "jpeg" or "png".
      width: Pixels.
      height: Pixels.
      grey: Whether it has one channel.
      passed: Whether the record holds the file as it is.
      box: Where it is cropped, if it is.
    """

    sha256: bytes
    bytes: int
    format: str
    width: int
    height: int
    grey: bool
    passed: bool
    box: Box | None


def examine(
    items: Sequence[tuple[int, Item]], conversion: Conversion
) -> list[tuple[Finding | str, str | None]]:
    """Converts images to learn what they will be.

    Args:
      items: The images, each with a number.
      conversion: How they become records.

    Returns:
      What was found out about each, a string being why it can't be taken, and the
      stamp its file had before.
    """
    results = []
    for _, item in items:
        before = stamp(item.path)
        with quiet_pillow():
            results.append((_examine(item, conversion), before))
    return results


def stamp(path: str) -> str | None:
    """What differs when a file has changed; None if it can't be told."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return f"{status.st_size} {status.st_mtime_ns}"


def _examine(item: Item, conversion: Conversion) -> Finding | str:
    try:
        content = read_item(item, conversion)
        content, box = find_face(content, conversion, item.box)
        image = convert(content, conversion, box)
    except RejectedImage as error:
        return str(error)
    return Finding(
        hashlib.sha256(image.content).digest(),
        len(image.content),
        image.format,
        image.width,
        image.height,
        image.grey,
        image.content is content,
        box,
    )


def read_item(item: Item, conversion: Conversion) -> bytes | Image.Image:
    """The image file, or the picture where a table holds pixels.

    Raises:
      RejectedImage: If it can't be read.
    """
    if storage.is_remote(item.path):
        return _read_remote(item.path, conversion.limits.max_bytes)
    if item.row is None:
        return read_file(item.path, conversion.limits.max_bytes)
    try:
        side, pixels = parse_row(item.path, item.row)
    except OSError as error:
        raise RejectedImage(f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RejectedImage(str(error)) from error
    return Image.frombytes("L", (side, side), pixels)


def _read_remote(path: str, max_bytes: int) -> bytes:
    try:
        with storage.open_binary(path, "rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RejectedImage(f"cannot be read: {reason}") from error
    except RunError as error:
        scheme = path.partition("://")[0]
        raise RejectedImage(f"no file system for {scheme}:// is installed") from error
    if not content:
        raise RejectedImage("empty file")
    if len(content) > max_bytes:
        raise RejectedImage(f"larger than {max_bytes} bytes")
    return content


def convert(
    content: bytes | Image.Image, conversion: Conversion, box: Box | None
) -> EncodedImage:
    """An image as its record holds it.

    Args:
      content: What `read_item` or `find_face` gives.
      conversion: How images become records.
      box: Where it is cropped, if it is.

    Raises:
      RejectedImage: If it can't be taken.
    """
    if box is None and isinstance(content, bytes):
        image = encode(content, conversion.limits)
        if conversion.keep_metadata or image.content is not content:
            return image
        content = without_metadata(content, image.format)
        return dataclasses.replace(image, content=content)
    image = _decoded(content, conversion)
    if box is not None:
        most = conversion.limits.max_pixels  # beyond the picture's edge is much room
        if box.side**2 > most:
            raise RejectedImage(f"its crop has more than {most} pixels")
        try:
            image = crop(image, box)
        except ValueError as error:
            raise RejectedImage("the face's crop is mostly outside") from error
    return to_png(image, conversion.limits)


def _decoded(content: bytes | Image.Image, conversion: Conversion) -> Image.Image:
    if isinstance(content, bytes):
        return decode_plain(content, conversion.limits)
    return content


def find_face(
    content: bytes | Image.Image,
    conversion: Conversion,
    bounds: tuple[float, float, float, float] | None = None,
) -> tuple[bytes | Image.Image, Box | None]:
    """What `convert` takes, and where it crops.

    Args:
      content: What `read_item` gives.
      conversion: How images become records.
      bounds: `Item.box`.

    Returns:
      The picture, decoded, and the crop of its face: of that in the bounds where they
      are given, else of the largest. Or the content as it is, and None, where no face
      is wanted or found, or the bounds are the whole picture's.

    Raises:
      RejectedImage: If there is no face and such images are not wanted, or there are
        no bounds and they are, or they are elsewhere.
    """
    if not (conversion.crop_faces or conversion.crop_boxes):
        return content, None
    if conversion.crop_boxes and bounds is None:
        raise RejectedImage(
            "the source gives no box of its face; --crop=none does without"
        )
    picture = _decoded(content, conversion)
    if bounds is not None:
        _require_inside(bounds, picture)
    if conversion.crop_boxes:
        if _is_whole(bounds, picture):
            return content, None
        return picture, bounds_box(bounds).with_margin(conversion.crop_margin)
    if bounds is None:
        face = _detector(conversion.detector).largest(picture)
    else:
        face = _detector(conversion.detector).within(picture, bounds)
    if face is not None:
        return picture, face.box(conversion.crop_margin)
    if conversion.no_face == "reject":
        raise RejectedImage("no face found")
    return content, None


def _require_inside(
    bounds: tuple[float, float, float, float], picture: Image.Image
) -> None:
    """Refuses bounds that are not of this picture, or of another size of it.

    Raises:
      RejectedImage: If more than half of what they hold is outside.
    """
    left, top, right, bottom = bounds
    width = min(right, picture.width) - max(left, 0)
    height = min(bottom, picture.height) - max(top, 0)
    seen = max(0, width) * max(0, height)
    if 2 * seen < (right - left) * (bottom - top):
        raise RejectedImage(
            "the face's box is mostly outside the picture; --crop=none does without"
        )


def _is_whole(bounds: tuple[float, float, float, float], picture: Image.Image) -> bool:
    left, top, right, bottom = map(round, bounds)
    return (
        left <= 0 and top <= 0 and right >= picture.width and bottom >= picture.height
    )


@functools.cache
def _detector(name: str):
    from byel_tf.detection.detectors import make_detector  # seconds and megabytes

    return make_detector(name)
