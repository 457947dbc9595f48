"""Backgrounds without a face: whatever a network might take for one."""

from __future__ import annotations

import string
from collections.abc import Callable

import cv2
import numpy as np

_LETTERS = string.ascii_letters + string.digits
_SUBPIXELS = 4  # bits, in which cv2 takes fractions of pixels


def draw_clutter(size: int, draws: np.random.Generator) -> np.ndarray:
    """A background.

    Args:
      size: Side in pixels.
      draws: Decides everything.

    Returns:
      float32 [size, size], grey values from 0 to 255.
    """
    picture = np.full((size, size), draws.uniform(0, 255), np.float32)
    if draws.random() < 0.7:
        _slope(picture, draws)
    for _ in range(draws.integers(0, 5)):
        layer = _LAYERS[draws.integers(len(_LAYERS))]
        if draws.random() < 0.6:
            layer(picture, draws)
        else:
            _through_hole(picture, layer, draws)
    if draws.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), draws.uniform(0.5, 6))
    return np.clip(picture, 0, 255)


def _through_hole(picture: np.ndarray, layer: Callable, draws) -> None:
    """Draws a layer in one shape only."""
    hole = np.zeros_like(picture)
    _shape(hole, draws, 1.0)
    over = picture.copy()
    layer(over, draws)
    picture += hole * (over - picture)


def _slope(picture: np.ndarray, draws) -> None:
    size = len(picture)
    along = np.linspace(-1, 1, size, dtype=np.float32)
    angle, reach = draws.uniform(0, 2 * np.pi), draws.uniform(0, 110)
    picture += np.float32(reach) * (
        np.float32(np.cos(angle)) * along + np.float32(np.sin(angle)) * along[:, None]
    )


def _noise(picture: np.ndarray, draws) -> None:
    """Cloudy to sandy: noise of several sizes."""
    size = len(picture)
    roughness, strength = draws.uniform(0.3, 1.3), draws.uniform(5, 70)
    cells = int(draws.integers(2, 6))
    stretch = draws.uniform(0.3, 3) if draws.random() < 0.4 else 1.0
    weight = 1.0
    while cells < size:
        shape = (cells, max(1, round(cells * stretch)))
        noise = draws.standard_normal(shape, np.float32)
        noise = cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        picture += np.float32(strength * weight) * noise
        cells, weight = cells * 2, weight * roughness


def _shape(picture: np.ndarray, draws, value: float | None = None) -> None:
    """An ellipse, a polygon or a box."""
    size = len(picture)
    value = draws.uniform(0, 255) if value is None else value
    centre = draws.uniform(-0.1, 1.1, 2) * size
    reach = size * np.exp(draws.uniform(np.log(0.02), np.log(0.6)))
    kind = draws.integers(3)
    if kind == 0:
        box = (tuple(centre), tuple(reach * draws.uniform(0.4, 2, 2)), 0.0)
        box = (*box[:2], float(draws.uniform(0, 180)))
        cv2.ellipse(picture, box, value, -1, cv2.LINE_AA)
        return
    if kind == 1:
        corners = centre + reach * draws.standard_normal((draws.integers(3, 7), 2))
        corners = cv2.convexHull(corners.astype(np.float32))[:, 0]
    else:
        angle = draws.uniform(0, np.pi) if draws.random() < 0.5 else 0.0
        turn = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        half = reach * draws.uniform(0.2, 1, 2)
        corners = centre + (half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ turn
    points = np.rint(corners * 2**_SUBPIXELS).astype(np.int32)
    cv2.fillConvexPoly(picture, points, value, cv2.LINE_AA, _SUBPIXELS)


def _shapes(picture: np.ndarray, draws) -> None:
    for _ in range(draws.integers(1, 25)):
        _shape(picture, draws)


def _stripes(picture: np.ndarray, draws) -> None:
    """Waves, stripes, checks, rings."""
    size = len(picture)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle = draws.uniform(0, np.pi)
    bend = draws.uniform(-0.004, 0.004)
    u = x * np.cos(angle) + y * np.sin(angle) + bend * (y - size / 2) ** 2
    v = y * np.cos(angle) - x * np.sin(angle)
    if draws.random() < 0.25:
        place = draws.uniform(0, size, 2)
        u = np.hypot(x - place[0], (y - place[1]) * draws.uniform(0.5, 2))
    length = np.exp(draws.uniform(np.log(3), np.log(40)))
    wave = np.sin(u * 2 * np.pi / length + draws.uniform(0, 6))
    if draws.random() < 0.5:
        wave = wave * np.sin(v * 2 * np.pi / (length * draws.uniform(0.5, 2)))
    if draws.random() < 0.5:
        wave = np.clip(wave * draws.uniform(2, 20), -1, 1)
    picture += (draws.uniform(10, 110) * wave).astype(np.float32)


def _spots(picture: np.ndarray, draws) -> None:
    """Dark or bright blobs: singly, they are what small eyes and mouths look like."""
    size = len(picture)
    count = draws.integers(2, 40)
    radius = np.exp(draws.uniform(np.log(0.8), np.log(8)))
    value = draws.uniform(0, 255)
    for _ in range(count):
        axes = radius * draws.uniform(0.6, 1.6, 2)
        place = tuple(draws.uniform(0, size, 2))
        value = value if draws.random() < 0.7 else draws.uniform(0, 255)
        box = (place, tuple(2 * axes), float(draws.uniform(0, 180)))
        cv2.ellipse(picture, box, value, -1, cv2.LINE_AA)
        if draws.random() < 0.2:  # an eye's rings
            box = (place, tuple(axes), box[2])
            cv2.ellipse(picture, box, draws.uniform(0, 255), -1, cv2.LINE_AA)


def _strands(picture: np.ndarray, draws) -> None:
    """Hair, grass, twigs: bundles of curves that go nearly together."""
    size = len(picture)
    t = np.linspace(0, 1, 12)[:, None]
    for _ in range(draws.integers(1, 4)):
        start, middle, end = draws.uniform(-0.2, 1.2, (3, 2)) * size
        spread = draws.uniform(1, 14)
        value = draws.uniform(0, 255)
        thickness = int(draws.integers(1, 4))
        for _ in range(draws.integers(5, 50)):
            a, b, c = np.stack([start, middle, end]) + spread * draws.normal(
                size=(3, 2)
            )
            curve = a * (1 - t) ** 2 + 2 * b * t * (1 - t) + c * t**2
            curve = np.rint(curve * 2**_SUBPIXELS).astype(np.int32)
            shade = float(np.clip(value + draws.normal(0, 30), 0, 255))
            cv2.polylines(
                picture, [curve], False, shade, thickness, cv2.LINE_AA, _SUBPIXELS
            )


def _balls(picture: np.ndarray, draws) -> None:
    """Smooth lit ellipsoids, as of heads from behind, fruit or knees."""
    size = len(picture)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    for _ in range(draws.integers(1, 7)):
        radius = np.exp(draws.uniform(np.log(4), np.log(0.4 * size)))
        place, light = draws.uniform(0, size, 2), draws.normal(0, 1, 2)
        height = radius * draws.uniform(0.7, 1.5)
        u, v = (x - place[0]) / radius, (y - place[1]) / height
        square = u * u + v * v
        towards = light[0] * u + light[1] * v + np.sqrt(np.maximum(0, 1 - square))
        lit = 0.5 + 0.5 * towards / np.sqrt(1 + light @ light)
        inside = np.clip((1 - square) * radius / 2, 0, 1)
        shade = draws.uniform(30, 255) * np.clip(lit, 0, 1)
        picture += (inside * (shade - picture)).astype(np.float32)


def _fingers(picture: np.ndarray, draws) -> None:
    """Rows of rounded bars with a lit middle: hands, limbs, pipes, books."""
    size = len(picture)
    start, way = draws.uniform(0, size, 2), draws.normal(0, size / 3, 2)
    width = np.exp(draws.uniform(np.log(2), np.log(18)))
    aside = np.array([-way[1], way[0]]) / (np.hypot(*way) + 1e-6) * width
    value = draws.uniform(30, 255)
    for i in range(draws.integers(1, 9)):
        begin = start + i * aside * draws.uniform(0.9, 1.2)
        end = begin + way * draws.uniform(0.7, 1.2)
        line = np.rint(np.stack([begin, end])).astype(np.int32)
        for share, shade in ((1.0, 0.65), (0.7, 0.85), (0.35, 1.0)):
            thick = max(1, round(width * share))
            cv2.line(
                picture, tuple(line[0].tolist()), tuple(line[1].tolist()),
                value * shade, thick, cv2.LINE_AA,
            )  # fmt: skip


def _text(picture: np.ndarray, draws) -> None:
    size = len(picture)
    for _ in range(draws.integers(1, 9)):
        letters = "".join(_LETTERS[i] for i in draws.integers(len(_LETTERS), size=9))
        place = draws.uniform(-0.2, 0.9, 2) * size
        place = tuple(place.astype(int).tolist())
        scale, thick = draws.uniform(0.2, 1.6), int(draws.integers(1, 4))
        font = int(draws.integers(8))
        value = draws.uniform(0, 255)
        cv2.putText(picture, letters, place, font, scale, value, thick, cv2.LINE_AA)


def _windows(picture: np.ndarray, draws) -> None:
    """Rows of equal things: windows, tiles, keys, shelves, leaves."""
    size = len(picture)
    cell = int(np.exp(draws.uniform(np.log(5), np.log(40))))
    tile = np.full((cell, cell), draws.uniform(0, 255), np.float32)
    for _ in range(draws.integers(1, 5)):
        _shape(tile, draws)
    count = -(-2 * size // cell)
    wall = np.tile(tile, (count, count))
    if draws.random() < 0.5:
        wall += cv2.resize(
            draws.normal(0, 25, (count, count)).astype(np.float32),
            wall.shape,
            interpolation=cv2.INTER_NEAREST,
        )
    corners = np.float32([[0, 0], [size, 0], [size, size], [0, size]])
    moved = corners + draws.normal(0, 0.15 * size, (4, 2)).astype(np.float32)
    seen = cv2.getPerspectiveTransform(moved, corners)
    cv2.warpPerspective(wall, seen, (size, size), picture, cv2.INTER_AREA)


_LAYERS = (
    _noise, _noise, _shapes, _shapes, _stripes, _spots, _strands, _balls, _fingers,
    _text, _windows,
)  # fmt: skip
