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

#: Pillow's modes that both formats hold and TensorFlow decodes as they are.
_PLAIN_MODES = ("RGB", "L")
_ORIENTATION_TAG = 0x0112


class RejectedImage(Exception):
    """An image that cannot be taken; the message is the reason."""


def read_image(
    path: pathlib.Path, filename: str, label: int, class_name: str
) -> Record:
    """Reads one image file as a record.

    JPEG and PNG files in 8-bit RGB or grey are kept byte for byte; anything else
    Pillow reads is converted to a PNG of the same pixels, upright.

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
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise RejectedImage(
                    f"{image.width}x{image.height}: more than {MAX_PIXELS} pixels"
                )
            image.load()
            is_plain = (
                image.format in ("JPEG", "PNG")
                and image.mode in _PLAIN_MODES
                and "transparency" not in image.info
                and image.getexif().get(_ORIENTATION_TAG, 1) == 1
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


def _convert(image: Image.Image) -> tuple[bytes, Image.Image]:
    """The same picture as an 8-bit PNG, upright, on black where it is transparent."""
    image = ImageOps.exif_transpose(image)
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
