"""Watermarks and captions, printed over the finished picture."""

from __future__ import annotations

import string

import cv2
import numpy as np

from byel_tf.synthesis.face import Face

# Points a side for each of the picture's at which letters are drawn.
_FINE = 4
# Height of a capital in OpenCV's fonts at scale 1, in pixels.
_CAPITAL = 22.0
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip
_UPRIGHT_FONTS = 4
# What is beside some watermarks' letters, and the share of them that have it.
_SIGNS, _WITH_SIGN = ("circle", "square", "cross"), 0.35
_LINES = 0.15  # Share of the watermarks with lines across the picture.
# Light that an edge round a caption's letters leaves.
_EDGE = np.float32(0.85)


def print_over(picture: np.ndarray, face: Face) -> None:
    """Prints what a face says over a picture, in place.

    Args:
        picture: Display values, float32 [S, S, 3].
        face: Its `print` says what; its texture seed decides the letters.
    """
    printed = face.print
    if printed.kind == "none":
        return
    generator = np.random.default_rng((face.texture_seed, 3))
    side = len(picture) * _FINE
    sheet = np.zeros((side, side), np.uint8)
    if printed.kind == "watermark":
        _watermark(sheet, printed, generator)
        opacity = printed.opacity
    else:
        opacity = 1.0 - 0.3 * printed.opacity
        edge = _caption(sheet, printed, generator)
        dark = 1.0 if printed.luminance < 0.5 else 0.0
        _lay(picture, edge, dark, _EDGE * opacity)
    _lay(picture, sheet, printed.luminance, opacity)


def _lay(picture: np.ndarray, sheet: np.ndarray, level: float, opacity: float) -> None:
    size = len(picture)
    cover = cv2.resize(sheet, (size, size), interpolation=cv2.INTER_AREA)
    cover = cover.astype(np.float32)[..., None] * np.float32(opacity / 255)
    picture += cover * (np.float32(level) - picture)


def _word(generator: np.random.Generator, low: int, high: int) -> str:
    """Letters in no language's order, in one of the usual cases."""
    letters = generator.choice(
        list(string.ascii_lowercase), generator.integers(low, high)
    )
    word = "".join(letters)
    return (word, word.upper(), word.capitalize())[generator.integers(3)]


def _written(sheet, text, font, height, middle) -> tuple[float, float]:
    """Writes a text about a place; returns its half width and half height."""
    scale = height / _CAPITAL
    thickness = max(1, round(height / 9))
    (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
    corner = round(middle[0] - width / 2), round(middle[1] + height / 2)
    cv2.putText(sheet, text, corner, font, scale, 255, thickness, cv2.LINE_AA)
    return width / 2, height / 2


def _watermark(sheet, printed, generator) -> None:
    side = len(sheet)
    height = printed.size * side
    middle = side * (0.5 + printed.x), side * (0.5 + printed.y)
    font = _FONTS[generator.integers(len(_FONTS))]
    half, _ = _written(sheet, _word(generator, 4, 12), font, height, middle)
    if generator.random() < _WITH_SIGN:
        at = round(middle[0] - half - 1.3 * height), round(middle[1])
        reach, width = round(0.9 * height), max(1, round(height / 7))
        sign = _SIGNS[generator.integers(len(_SIGNS))]
        if sign == "circle":
            cv2.circle(sheet, at, reach, 255, width, cv2.LINE_AA)
        elif sign == "square":
            low, high = (at[0] - reach, at[1] - reach), (at[0] + reach, at[1] + reach)
            cv2.rectangle(sheet, low, high, 255, width, cv2.LINE_AA)
        else:
            cv2.drawMarker(sheet, at, 255, cv2.MARKER_TILTED_CROSS, 2 * reach, width)
    if generator.random() < _LINES:
        for start, stop in (((0, 0), (side, side)), ((0, side), (side, 0))):
            cv2.line(sheet, start, stop, 255, max(1, round(height / 6)), cv2.LINE_AA)
    if printed.angle:
        turn = cv2.getRotationMatrix2D(middle, printed.angle, 1.0)
        cv2.warpAffine(sheet, turn, (side, side), sheet, cv2.INTER_LINEAR)


def _caption(sheet, printed, generator) -> np.ndarray:
    """Writes one line of words at an edge; returns the letters' own edges."""
    side = len(sheet)
    height = printed.size * side
    words = [_word(generator, 2, 8) for _ in range(generator.integers(2, 5))]
    inset = height * generator.uniform(0.6, 1.3)
    middle = side * (0.5 + printed.x / 2), inset if printed.y < 0 else side - inset
    font = _FONTS[generator.integers(_UPRIGHT_FONTS)]
    _written(sheet, " ".join(words), font, height, middle)
    round_letters = np.ones((max(3, round(height / 5)),) * 2, np.uint8)
    return cv2.dilate(sheet, round_letters)
