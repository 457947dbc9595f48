"""What light, lenses, sensors and files do to a scene."""

from __future__ import annotations

import cv2
import numpy as np


def photograph(picture: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Spoils a picture as photographs are.

    Args:
      picture: float32 [H, W], grey values from 0 to 255.
      draws: Decides how.

    Returns:
      uint8 [H, W].
    """
    height, width = picture.shape
    if draws.random() < 0.35:
        picture = _lit(picture, draws)
    if draws.random() < 0.3:
        share = draws.uniform(0.4, 1)
        size = (max(8, round(width * share)), max(8, round(height * share)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        how = (cv2.INTER_CUBIC, cv2.INTER_LINEAR)[draws.integers(2)]
        picture = cv2.resize(picture, (width, height), interpolation=how)
    if draws.random() < 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), draws.uniform(0.3, 1.3))
    if draws.random() < 0.35:
        smooth = cv2.GaussianBlur(picture, (0, 0), draws.uniform(0.7, 1.5))
        picture = picture + np.float32(draws.uniform(0.2, 1.3)) * (picture - smooth)
    picture = (np.clip(picture, 0, 255) / 255) ** np.float32(
        np.exp(draws.normal(0, 0.35))
    )
    picture = picture * 255
    if draws.random() < 0.6:
        gain, shift = np.exp(draws.normal(-0.05, 0.4)), draws.normal(0, 25)
        middle = picture.mean()
        picture = (picture - middle) * np.float32(gain) + np.float32(middle + shift)
    if draws.random() < 0.5:
        strength = np.float32(abs(draws.normal(0, 7)))
        picture = picture + strength * draws.standard_normal(picture.shape, np.float32)
    pixels = (np.clip(picture, 0, 255) + 0.5).astype(np.uint8)
    if draws.random() < 0.12:
        pixels = cv2.equalizeHist(pixels)
    if draws.random() < 0.5:
        options = [cv2.IMWRITE_JPEG_QUALITY, int(draws.integers(25, 96))]
        _, encoded = cv2.imencode(".jpg", pixels, options)
        pixels = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return pixels


def _lit(picture: np.ndarray, draws) -> np.ndarray:
    """Unevenly lit: light and shadow with soft edges."""
    height, width = picture.shape
    light = draws.uniform(0.3, 1.5, (int(draws.integers(2, 4)),) * 2)
    light = cv2.resize(
        light.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    return picture * np.clip(light, 0.15, 2)
