"""Image files to what records hold: JPEG and PNG pass, the rest becomes PNG."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError, features

from byel_tf.data import jpeg, png, signatures
from byel_tf.data.regular_file import Unreadable, read_regular

#: TensorFlow and the formats themselves go no further.
MAX_SIDE = 65535

# Pillow reads more, some of them through other programs (EPS) or without a signature
# to tell them by (TGA).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")
# Since 11.3, and if it was built so. Older ones do not know the word.
_READS_AVIF = "avif" in features.modules and features.check_module("avif")
if _READS_AVIF:
    from PIL import AvifImagePlugin

    _FORMATS += ("AVIF",)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # there is a process a core

#: Those that records hold.
RECORD_FORMATS = ("JPEG", "PNG")
#: Pillow's modes that both formats hold and TensorFlow decodes as they are.
_PLAIN_MODES = ("RGB", "L")
_ORIENTATION_TAG = 0x0112
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_TIFF_SIGNED = 2
_TOO_EARLY = "the file ends too early"
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


# Pixels of a record's picture, whatever its data set says of itself: 0.8 GB in RGB.
_MOST_PIXELS = 2**28


def max_pixels_of(source: Mapping[str, Any]) -> int:
    """How large the pictures in a data set's records may be.

    Args:
      source: The manifest's `source`, which says so where it is more than usual. What
        a stranger writes there is bounded.
    """
    stated = source.get("max_pixels", ImageLimits.max_pixels)
    return min(max(stated, ImageLimits.max_pixels), _MOST_PIXELS)


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


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keeps Pillow's warnings back: what it warns of is harmless, or it raises."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def read_file(path: str | os.PathLike, max_bytes: int) -> bytes:
    """A regular file's content.

    Raises:
      RejectedImage: If it is none, is empty or larger, or cannot be read.
    """
    try:
        content = read_regular(path, max_bytes)
    except Unreadable as error:
        raise RejectedImage(str(error)) from error
    if not content:
        raise RejectedImage("empty file")
    return content


def encode(
    content: bytes, limits: ImageLimits, formats: Sequence[str] = _FORMATS
) -> EncodedImage:
    """An image file as a record holds it.

    JPEG and PNG files in 8-bit RGB or grey that stand upright and are within the
    limits are kept byte for byte; the other formats and modes are converted to a PNG
    of the same pixels, upright, transparent parts on black. Of an animation the first
    frame is taken.

    Args:
      content: The file.
      limits: What is taken.
      formats: Pillow's decoders that are asked.

    Raises:
      RejectedImage: If it is too large or cannot be decoded.
    """
    with decoding(content, limits, formats) as image:
        if is_plain(image, content) and not is_too_long(image, limits):
            kind, (width, height) = _kind(image), image.size
            _require_few_scans(image, content)
            _decode_for_errors(image)
            _require_whole(content, kind)
            # A PNG's EXIF data may stand behind its pixels.
            if kind == "jpeg" or _is_upright(image):
                return EncodedImage(content, kind, width, height, image.mode == "L")
        else:
            image = _load(image, content)
        return to_png(to_plain(image), limits)


def _kind(image: Image.Image) -> str:
    """The format as records name it; an MPO file is a JPEG with others behind it."""
    return "jpeg" if image.format == "MPO" else image.format.lower()


def _load(image: Image.Image, content: bytes) -> Image.Image:
    """Decodes a picture; what Pillow gets wrong is put right.

    Raises:
      RejectedImage: If its values have no known range, or it is not whole.
    """
    _require_few_scans(image, content)
    if image.format == "TIFF":
        return _load_tiff(image)
    image.load()
    if _kind(image) in ("jpeg", "png"):
        _require_whole(content, _kind(image))
    if image.format == "PNG" and "transparency" in image.info:
        # Pillow keeps the transparent colour as the file has it, and scales the pixels.
        colour, depth = image.info["transparency"], png.depth(content)
        if image.mode == "L" and depth < 8:
            image.info["transparency"] = colour * 255 // (2**depth - 1)
        elif image.mode == "RGB" and depth == 16:
            image.info["transparency"] = tuple(value >> 8 for value in colour)
    return image


def _load_tiff(image: Image.Image) -> Image.Image:
    bits = max(image.tag_v2.get(_TIFF_BITS, (1,)))
    if _TIFF_SIGNED in image.tag_v2.get(_TIFF_SAMPLE_FORMAT, ()):
        raise RejectedImage("signed values, whose range is not known")
    if image.mode == "I" and bits > 16:
        raise RejectedImage("values of more than 16 bits, whose range is not known")
    is_negative = image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
    image.load()
    if image.mode.startswith("I") and (bits < 16 or is_negative):
        import numpy as np

        values = np.asarray(image, np.float64) * (65535 / (2**bits - 1))
        values = 65535 - values if is_negative else values
        return Image.fromarray((values + 0.5).astype(np.uint16))
    return image


def decode_plain(content: bytes, limits: ImageLimits) -> Image.Image:
    """An image file's picture, upright, in 8-bit RGB or grey.

    Args:
      content: The file.
      limits: What is taken; the size is left as it is.

    Raises:
      RejectedImage: If it is too large or cannot be decoded.
    """
    with decoding(content, limits) as image:
        return to_plain(_load(image, content))


class decoding:  # noqa: N801  (used as a function)
    """Opens a picture within limits; what Pillow raises becomes a rejection."""

    def __init__(
        self,
        content: bytes,
        limits: ImageLimits,
        formats: Sequence[str] = _FORMATS,
    ):
        """Takes the file's content, what is taken, and the decoders that are asked."""
        self._content = content
        self._limits = limits
        self._formats = formats

    def __enter__(self) -> Image.Image:
        """The picture, not decoded yet.

        Raises:
          RejectedImage: If it is none, or too large.
        """
        try:
            self._image = Image.open(io.BytesIO(self._content), formats=self._formats)
            is_raw = self._image.format == "TIFF" and signatures.is_raw_tiff(
                self._image.tag_v2, self._content
            )
        except Exception as error:
            is_unknown = isinstance(error, UnidentifiedImageError)
            if not is_unknown and not signatures.is_text(self._content):
                raise _rejected(error) from error
            if self._formats == RECORD_FORMATS:
                what = "neither JPEG nor PNG, or damaged"
            else:
                what = signatures.what_is(self._content, _READS_AVIF)
            raise RejectedImage(f"cannot be decoded: {what}") from error
        if is_raw:
            raise RejectedImage(f"cannot be decoded: {signatures.RAW_TIFF}")
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
    if "truncated" in reason.casefold():
        reason = _TOO_EARLY
    return RejectedImage(f"cannot be decoded: {reason}")


def is_plain(image: Image.Image, content: bytes) -> bool:
    """Whether a record can hold an opened file as it is, by what its header says."""
    if _kind(image) not in ("jpeg", "png") or image.mode not in _PLAIN_MODES:
        return False
    if image.format == "PNG" and png.depth(content) == 16:
        return False
    if "transparency" in image.info:
        return False
    if image.format == "PNG":
        # Looking for its EXIF data decodes it, and hides what goes wrong in that.
        return not png.hides_orientation(content)
    return jpeg.has_common_frame(content) and _is_upright(image)


def is_too_long(image: Image.Image, limits: ImageLimits) -> bool:
    """Whether a picture is to be scaled down."""
    return bool(limits.max_side) and max(image.size) > limits.max_side


def _decode_for_errors(image: Image.Image) -> None:
    """Decodes a picture whose pixels nobody will look at.

    For a JPEG that is an eighth of them along a side: every coefficient is read all
    the same, and most of the transform saved.
    """
    if _kind(image) == "jpeg":
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _require_few_scans(image: Image.Image, content: bytes) -> None:
    """Refuses a JPEG of few bytes that takes hours to decode.

    Raises:
      RejectedImage: If it has more scans than any encoder makes.
    """
    if _kind(image) == "jpeg" and not jpeg.has_few_scans(content):
        raise RejectedImage(f"more than {jpeg.MAX_SCANS} scans")


def _require_whole(content: bytes, kind: str) -> None:
    """Refuses what Pillow's `load` lets pass and TensorFlow does not.

    Raises:
      RejectedImage: If a JPEG or PNG file ends too early.
      SyntaxError: If a PNG chunk's checksum does not match.
      ValueError: If a PNG is none that every decoder knows.
    """
    if kind == "png":
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            image.verify()
        is_whole = png.is_whole(content)
    else:
        is_whole = jpeg.has_end(content)
    if not is_whole:
        raise RejectedImage(f"cannot be decoded: {_TOO_EARLY}")


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
    if is_too_long(image, limits):
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
    with Image.open(io.BytesIO(content), formats=RECORD_FORMATS) as image:
        return image.mode == "L"
