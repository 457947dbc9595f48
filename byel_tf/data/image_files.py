"""Image files to records: pass through what training reads, convert the rest."""

import io
import pathlib
import stat

import numpy as np
from PIL import Image, ImageOps

from byel_tf.data.record import Record

#: Files and pictures beyond these are rejected before they are decoded.
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64 * 10**6
MAX_SIDE = 65535

# Pillow reads more, some of them through other programs (EPS) or without a signature
# to tell them by (TGA).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")

#: Pillow's modes that both formats hold and TensorFlow decodes as they are.
_PLAIN_MODES = ("RGB", "L")
_ORIENTATION_TAG = 0x0112
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # the last chunk: length, type, checksum
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"


class RejectedImage(Exception):
    """An image that cannot be taken; the message is the reason."""


def read_image(
    path: pathlib.Path, filename: str, label: int, class_name: str
) -> Record:
    """Reads one image file as a record.

    JPEG and PNG files in RGB or 8-bit grey are kept byte for byte; the other formats
    and modes are converted to a PNG of the same pixels, upright. Of an animation the
    first frame is taken.

    Args:
      path: The file.
      filename: Its name in the record.
      label: Its class index.
      class_name: Its class name.

    Raises:
      RejectedImage: If it is no regular file, too large, or cannot be decoded.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise RejectedImage("not a regular file")
        if status.st_size == 0:
            raise RejectedImage("empty file")
        if status.st_size > MAX_BYTES:
            raise RejectedImage(f"larger than {MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise RejectedImage(f"cannot be read: {error.strerror}") from error
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise RejectedImage(
                    f"{image.width}x{image.height}: more than {MAX_PIXELS} pixels"
                )
            if max(image.size) > MAX_SIDE:
                raise RejectedImage(
                    f"{image.width}x{image.height}: more than {MAX_SIDE} pixels a side"
                )
            image.load()
            if image.format in ("JPEG", "PNG"):
                _require_whole(content, image.format)
            is_plain = (
                image.format in ("JPEG", "PNG")
                and image.mode in _PLAIN_MODES
                and "transparency" not in image.info
                and _is_upright(image)
            )
            if not is_plain:
                content, image = _convert(image)
                kind = "png"
            else:
                kind = image.format.lower()
            width, height = image.size
    except RejectedImage:
        raise
    # Pillow raises many kinds of errors for broken files, SyntaxError among them.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        reason = reason.split(" <_io")[0]  # an address, which differs each time
        raise RejectedImage(f"cannot be decoded: {reason}") from error
    return Record(
        encoded=content,
        format=kind,
        height=height,
        width=width,
        label=label,
        class_name=class_name,
        filename=filename,
    )


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
        is_whole = content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN)
    if not is_whole:
        raise RejectedImage("cannot be decoded: the file ends too early")


def _is_upright(image: Image.Image) -> bool:
    """Whether EXIF asks for no rotation; broken EXIF asks for none."""
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1) not in range(2, 9)
    except Exception:
        return True


def _convert(image: Image.Image) -> tuple[bytes, Image.Image]:
    """The same picture as an 8-bit PNG, upright, on black where it is transparent."""
    if not _is_upright(image):
        image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise RejectedImage("floating-point values, whose range is not known")
    if image.mode.startswith("I"):  # 16 bits a value, which `convert` would clip
        values = np.clip(np.asarray(image, np.int64), 0, 65535)
        image = Image.fromarray((values / 257 + 0.5).astype(np.uint8))
    elif image.mode in ("1", "L"):
        image = image.convert("L")
    else:
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
            image = Image.alpha_composite(ground, image)
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue(), image
