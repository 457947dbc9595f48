"""What cameras and later processing do to a picture."""

from __future__ import annotations

import cv2
import numpy as np

from byel_tf.synthesis.face import Face

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Blurs are given for a picture of this side.
_NOMINAL_SIDE = 64
# Radius of the unsharp mask, in pixels of that side.
_UNSHARP_RADIUS = 1.2
# Limits of the gain that gives a picture its contrast.
_LEAST_GAIN, _MOST_GAIN = 0.5, 2.6


def photograph(picture: np.ndarray, face: Face) -> np.ndarray:
    """Passes a picture through a camera.

    Args:
        picture: Display values, float32 [S, S, 3], of the order of 0 to 1.
        face: Its `image` says how.

    Returns:
        uint8 [S, S, 3].
    """
    camera = face.image
    generator = np.random.default_rng((face.texture_seed, 2))
    size = len(picture)
    unit = size / _NOMINAL_SIDE
    if camera.resolution < 1:
        small = max(8, round(size * camera.resolution))
        picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
    if camera.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), camera.blur * unit)
    if camera.sharpening > 0:
        smooth = cv2.GaussianBlur(picture, (0, 0), _UNSHARP_RADIUS * unit)
        picture = picture + camera.sharpening * (picture - smooth)
    picture = np.clip(picture, 0, 1) ** np.float32(camera.gamma)
    luma = picture @ _LUMA
    chroma = np.float32(camera.saturation) * (picture - luma[..., None])
    if camera.contrast > 0:
        middle = luma[size // 6 : -size // 10, size // 6 : -size // 6]
        gain = camera.contrast / (float(middle.std()) + 0.02)
        gain = np.float32(min(_MOST_GAIN, max(_LEAST_GAIN, gain)))
        luma = (luma - middle.mean()) * gain + np.float32(camera.brightness)
    cast = 0.5 * camera.cast * min(1.0, camera.saturation)
    picture = luma[..., None] + chroma
    picture *= np.exp([cast, 0.0, -cast]).astype(np.float32)
    if camera.noise > 0:
        # Mostly in brightness, as after a camera's own noise reduction.
        shape = (size, size, 1 if camera.saturation == 0 else 3)
        noise = generator.standard_normal(shape, np.float32)
        picture = picture + np.float32(camera.noise) * noise
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    if camera.equalize:
        pixels = _equalize(pixels)
    if camera.jpeg_quality > 0:
        pixels = _through_jpeg(pixels, camera.jpeg_quality)
    return pixels


def _equalize(pixels: np.ndarray) -> np.ndarray:
    """Spreads brightness over the whole range, keeping hues."""
    luma, red, blue = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb))
    together = cv2.merge([cv2.equalizeHist(luma), red, blue])
    return cv2.cvtColor(together, cv2.COLOR_YCrCb2RGB)


def _through_jpeg(pixels: np.ndarray, quality: float) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, int(min(100, max(1, quality)))]
    _, encoded = cv2.imencode(".jpg", pixels[..., ::-1], options)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
