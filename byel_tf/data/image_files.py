"""Image files to what records hold: JPEG and PNG pass, the rest becomes PNG."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import stat

from PIL import Image, ImageOps

#: TensorFlow and the formats themselves go no further.
MAX_SIDE = 65535

# Pillow reads more, some of them through other programs (EPS) or without a signature
# to tell them by (TGA).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")

#: Pillow's modes that both formats hold and TensorFlow decodes as they are.
_PLAIN_MODES = ("RGB", "L")
_ORIENTATION_TAG = 0x0112
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # the last chunk: length, type, checksum
_PNG_DEPTH_BYTE = 24
_JPEG_END = b"\xff\xd9"
# Neither a stuffed byte of pixels nor a restart; what stands before it is skipped.
_JPEG_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
# Pillow's own limit only warns; ours is checked before it decodes.
Image.MAX_IMAGE_PIXELS = None


class RejectedImage(Exception):
    """An image that cannot be taken; the message is the reason."""


@dataclasses.dataclass(frozen=True)
class ImageLimits:
    """What is taken, checked before a picture is decoded, and how large it stays.

    Attributes:
      max_bytes: Larger files are rejected.
      max_pixels: Pictures of more pixels are rejected.
      max_side: Pictures with a longer side are scaled down to it; 0: none.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 64 * 10**6
    max_side: int = 0


@dataclasses.dataclass(frozen=True)
class EncodedImage:
    """A JPEG or PNG file's content.

    Attributes:
      content: The file.
      format: "jpeg" or "png".
      width: Pixels.
      height: Pixels.
      grey: Whether it has one channel.
    """

    content: bytes
    format: str
    width: int
    height: int
    grey: bool


def read_file(path: str | os.PathLike, max_bytes: int) -> bytes:
    """A regular file's content.

    Raises:
      RejectedImage: If it is none, is empty or larger, or cannot be read.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise RejectedImage("not a regular file")
            if status.st_size == 0:
                raise RejectedImage("empty file")
            if status.st_size > max_bytes:
                raise RejectedImage(f"larger than {max_bytes} bytes")
            return file.readall()
    except OSError as error:
        raise RejectedImage(f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character in the path
        raise RejectedImage("cannot be read: no file has such a name") from error


def _open_without_waiting(path: str, mode: int) -> int:
    """Opening a FIFO would else wait for a writer."""
    return os.open(path, mode | getattr(os, "O_NONBLOCK", 0))


def encode(content: bytes, limits: ImageLimits) -> EncodedImage:
    """An image file as a record holds it.

    JPEG and PNG files in 8-bit RGB or grey that stand upright and are within the
    limits are kept byte for byte; the other formats and modes are converted to a PNG
    of the same pixels, upright, transparent parts on black. Of an animation the first
    frame is taken.

    Args:
      content: The file.
      limits: What is taken.

    Raises:
      RejectedImage: If it is too large or cannot be decoded.
    """
    with decoding(content, limits) as image:
        if _is_plain(image, content) and not _is_too_long(image, limits):
            kind, (width, height) = image.format.lower(), image.size
            _decode_for_errors(image)
            _require_whole(content, image.format)
            # A PNG's EXIF data may stand behind its pixels.
            if kind == "jpeg" or _is_upright(image):
                return EncodedImage(content, kind, width, height, image.mode == "L")
        else:
            _load(image, content)
        return to_png(to_plain(image), limits)


def _load(image: Image.Image, content: bytes) -> None:
    image.load()
    if image.format in ("JPEG", "PNG"):
        _require_whole(content, image.format)


def decode_plain(content: bytes, limits: ImageLimits) -> Image.Image:
    """An image file's picture, upright, in 8-bit RGB or grey.

    Args:
      content: The file.
      limits: What is taken; the size is left as it is.

    Raises:
      RejectedImage: If it is too large or cannot be decoded.
    """
    with decoding(content, limits) as image:
        _load(image, content)
        return to_plain(image)


class decoding:  # noqa: N801  (used as a function)
    """Opens a picture within limits; what Pillow raises becomes a rejection."""

    def __init__(self, content: bytes, limits: ImageLimits):
        """Takes the file's content, and what is taken."""
        self._content = content
        self._limits = limits

    def __enter__(self) -> Image.Image:
        """The picture, not decoded yet.

        Raises:
          RejectedImage: If it is none, or too large.
        """
        try:
            self._image = Image.open(io.BytesIO(self._content), formats=_FORMATS)
        except Exception as error:
            raise _rejected(error) from error
        width, height = self._image.size
        if width * height > self._limits.max_pixels:
            raise RejectedImage(f"more than {self._limits.max_pixels} pixels")
        if max(width, height) > MAX_SIDE:
            raise RejectedImage(f"more than {MAX_SIDE} pixels a side")
        return self._image

    def __exit__(self, kind, error, traceback) -> None:
        """Closes the picture.

        Raises:
          RejectedImage: For whatever went wrong.
        """
        self._image.close()
        # Pillow raises many kinds of errors for broken files, SyntaxError among them.
        if isinstance(error, Exception) and not isinstance(error, RejectedImage):
            raise _rejected(error) from error


def _rejected(error: Exception) -> RejectedImage:
    reason = " ".join(str(error).split()) or type(error).__name__
    reason = reason.split(" <_io")[0]  # an address, which differs each time
    reason = re.sub(r"\d+", "N", reason)  # reasons are counted
    return RejectedImage(f"cannot be decoded: {reason}")


def _is_plain(image: Image.Image, content: bytes) -> bool:
    if image.format not in ("JPEG", "PNG") or image.mode not in _PLAIN_MODES:
        return False
    if image.format == "PNG" and content[_PNG_DEPTH_BYTE] == 16:
        return False
    if "transparency" in image.info:
        return False
    # Looking for a PNG's EXIF data decodes it, and hides what goes wrong in that.
    return image.format == "PNG" or _is_upright(image)


def _is_too_long(image: Image.Image, limits: ImageLimits) -> bool:
    return bool(limits.max_side) and max(image.size) > limits.max_side


def _decode_for_errors(image: Image.Image) -> None:
    """Decodes a picture whose pixels nobody will look at.

    For a JPEG that is an eighth of them along a side: every coefficient is read all
    the same, and most of the transform saved.
    """
    if image.format == "JPEG":
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _require_whole(content: bytes, file_format: str) -> None:
    """Refuses what Pillow's `load` lets pass and TensorFlow does not: a missing end.

    Raises:
      RejectedImage: If a JPEG or PNG file ends too early.
      SyntaxError: If a PNG chunk's checksum does not match.
    """
    if file_format == "PNG":
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            image.verify()
        is_whole = _PNG_END in content
    else:
        is_whole = _jpeg_has_end(content)
    if not is_whole:
        raise RejectedImage("cannot be decoded: the file ends too early")


def _jpeg_has_end(content: bytes) -> bool:
    """Whether the segments of a JPEG file lead to its end.

    Pillow stops at the last row of pixels. TensorFlow reads on to the end, and fails if
    damaged pixels hold something like the beginning of a segment that goes beyond it.
    """
    position = 2
    while marker := _JPEG_MARKER.search(content, position):
        position = marker.end()
        if marker.group().endswith(_JPEG_END):
            return True
        length = int.from_bytes(content[position : position + 2], "big")
        position += max(length, 2)  # the length's own bytes
    return False


def _is_upright(image: Image.Image) -> bool:
    """Whether EXIF asks for no rotation; broken EXIF asks for none."""
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1) not in range(2, 9)
    except Exception:
        return True


def to_plain(image: Image.Image) -> Image.Image:
    """The same picture upright, in 8-bit RGB or grey, on black where transparent.

    Raises:
      RejectedImage: If its values have no known range.
    """
    if not _is_upright(image):
        image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise RejectedImage("floating-point values, whose range is not known")
    if image.mode.startswith("I"):  # 16 bits a value, which `convert` would clip
        import numpy as np

        values = np.clip(np.asarray(image, np.int64), 0, 65535)
        values[values == image.info.get("transparency")] = 0
        return Image.fromarray((values / 257 + 0.5).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        is_grey = image.mode in ("1", "L", "LA")
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
        return image.convert("RGB").convert("L") if is_grey else image.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def to_png(image: Image.Image, limits: ImageLimits) -> EncodedImage:
    """A plain picture as a PNG, scaled down where it is longer than allowed."""
    if _is_too_long(image, limits):
        image = fit(image, limits.max_side)
    buffer = io.BytesIO()
    # The profile is that of the original's mode, which may have been CMYK.
    image.save(buffer, "PNG", icc_profile=None)
    width, height = image.size
    return EncodedImage(buffer.getvalue(), "png", width, height, image.mode == "L")


def fit(image: Image.Image, side: int) -> Image.Image:
    """The picture scaled so that its longer side is `side`, the other at least 1."""
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def is_grey(content: bytes) -> bool:
    """Whether a JPEG or PNG file, as a record holds it, has one channel."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        return image.mode == "L"
