"""What a camera and a file format do to a picture."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from byel_tf.synthesis.face import Processing


def process_image(image: np.ndarray, processing: Processing, size: int) -> np.ndarray:
    """Exposes, blurs, develops and compresses a picture.

    Args:
        image: Linear light, float64 [3, n, n] with n a multiple of `size`; 1 is
            white paper under full light.
        processing: What to do.
        size: Side of the picture to return.

    Returns:
        uint8 [size, size, 3], sRGB.
    """
    image = image * processing.exposure
    factor = image.shape[1] // size
    if factor > 1:
        image = image.reshape(3, size, factor, size, factor)
        image = sum(image[:, :, i, :, j] for i in range(factor) for j in range(factor))
        image = image / factor**2
    image = gaussian_blur(image, processing.blur * size)
    # Film-like shoulder: highlights roll off instead of clipping flat.
    image = np.maximum(image, 0)
    image = image / (1 + 0.15 * image * image)
    image = image ** (1 / 2.2)
    grey = 0.3 * image[0] + 0.59 * image[1] + 0.11 * image[2]
    image = grey + (image - grey) * processing.saturation
    image = image * np.array(processing.cast).reshape(3, 1, 1)
    image = 0.5 + (image - 0.5) * processing.contrast
    if processing.vignette > 0:
        grid = (np.arange(size) + 0.5) / size * 2 - 1
        radius = grid[:, None] ** 2 + grid[None, :] ** 2
        image = image * (1 - 0.5 * processing.vignette * radius)
    if processing.noise > 0:
        generator = np.random.Generator(np.random.Philox(processing.noise_seed))
        # Mostly shared by the channels: a camera's noise is less coloured than raw.
        grain = generator.standard_normal((4, size, size))
        image = image + processing.noise * (0.8 * grain[0] + 0.6 * grain[1:])
    pixels = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return _store(np.ascontiguousarray(pixels.transpose(1, 2, 0)), processing)


def _store(pixels: np.ndarray, processing: Processing) -> np.ndarray:
    """Loses pixels and goes through JPEG, where asked to."""
    size = pixels.shape[0]
    kept = max(8, round(size * processing.resolution))
    if kept >= size and processing.jpeg_quality == 0:
        return pixels
    picture = Image.fromarray(pixels)
    if kept < size:
        picture = picture.resize((kept, kept), Image.Resampling.BOX)
    if processing.jpeg_quality > 0:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=processing.jpeg_quality)
        picture = Image.open(buffer)
    if kept < size:
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.array(picture, dtype=np.uint8)


def gaussian_blur(image: np.ndarray, deviation: float) -> np.ndarray:
    """Blurs the last two axes; edges repeat.

    Sums of shifted copies rather than a matrix product: a threaded product may round
    differently from run to run, and the same face must give the same bytes.

    Args:
        image: float64 [..., n, n].
        deviation: Standard deviation in pixels; below 0.2 nothing is done.

    Returns:
        The blurred picture, of the same shape.
    """
    if deviation < 0.2:
        return image
    radius = math.ceil(2.5 * deviation)
    weights = [math.exp(-0.5 * (i / deviation) ** 2) for i in range(radius + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    for axis in (-2, -1):
        padding = [(0, 0)] * image.ndim
        padding[axis] = (radius, radius)
        padded = np.moveaxis(np.pad(image, padding, mode="edge"), axis, 0)
        n = image.shape[axis]
        blurred = weights[0] * padded[radius : radius + n]
        for i in range(1, radius + 1):
            before = padded[radius - i : radius - i + n]
            after = padded[radius + i : radius + i + n]
            blurred = blurred + weights[i] * (before + after)
        image = np.moveaxis(blurred / total, 0, axis)
    return image
