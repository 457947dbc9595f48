"""A picture of what a stage sees: images, and their augmented views below."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

_LEAST_SIDE = 96
_GAP = 2


def view_grid(rows: Sequence[tf.Tensor]) -> np.ndarray:
    """Draws a column an image, the images above and each of their views below.

    Small images are enlarged a whole number of times, each pixel to a square.

    Args:
      rows: The images and each of their views, (columns, H, W, 3), float in [0, 1].

    Returns:
      (height, width, 3), uint8, with a caption above each row.
    """
    columns, side = rows[0].shape[:2]
    zoom = -(-_LEAST_SIDE // side)
    step = side * zoom + _GAP
    caption = step // 3  # legible when TensorBoard shows the whole in a small card
    font = ImageFont.load_default(caption * 0.8)
    size = columns * step, len(rows) * (caption + step)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for row, images in enumerate(rows):
        top = row * (caption + step)
        title = f"view {row}" if row else "image"
        draw.text((0, top + caption // 2), title, fill="black", font=font, anchor="lm")
        pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
        for column, tile in enumerate(pixels.repeat(zoom, 1).repeat(zoom, 2)):
            picture.paste(Image.fromarray(tile), (column * step, top + caption))
    return np.asarray(picture)
