"""Sheets of what is worn: brims and peaks, a hood's rim, hair that falls over a face.

They are drawn, lit and cast shadows like the sheets of hair in `cards.py`.
"""

from __future__ import annotations

import colorsys
import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.colours import LUMA, hair_colour
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import Cards

# Side of the pictures of cloth and hair.
_TEXELS = 64
_CLOTH, _HAIR = 0, 1
# How far behind another surface a sheet is still seen, cm.
_DEPTHS = (0.15, 0.35)
# Points along a brim, a rim and a strand, and across the first two.
_ALONG, _ACROSS = 25, 4
_STEPS = 9
# Distance from the head where a brim begins, cm, and a peak's reach to a side, radians.
_OUT, _PEAK = 0.5, 1.15
# Distance of hair from the skin, cm.
_OVER = 0.45


@dataclasses.dataclass(frozen=True)
class _Sheet:
    """A grid of points: float32 [rows, columns, 3], and which picture is on it."""

    points: np.ndarray
    layer: int


def with_worn(
    cards: Cards | None, anatomy: Anatomy, face: Face, vertices: np.ndarray
) -> Cards | None:
    """Adds what a face wears to a person's own sheets.

    Args:
        cards: They, if there are any.
        anatomy: The head's.
        face: As painted.
        vertices: With expression, cm, float32 [V, 3].

    Returns:
        All sheets, or None if there are none.
    """
    sheets = _sheets(cards, anatomy, face, vertices)
    if not sheets:
        return cards
    worn = _cards(sheets, face)
    return worn if cards is None else _joined(cards, worn)


def _sheets(cards, anatomy, face, vertices) -> list[_Sheet]:
    cover = face.accessories.head_cover
    if cover in ("visor", "hat"):
        return [_brim(anatomy, face, vertices)]
    if cover == "hood":
        return [_rim(anatomy, vertices)]
    has_hair = face.hair.cover > 0 if cards is None else bool(cards.casts.any())
    if face.strands.kind == "none" or cover != "none" or not has_hair:
        return []
    return _strands(anatomy, face, vertices)


def _brim(anatomy: Anatomy, face: Face, vertices: np.ndarray) -> _Sheet:
    """A brim round the head, or a peak before it."""
    eyes = _between_eyes(anatomy, vertices)
    skin = vertices[anatomy.skin]
    height = min(eyes[1] + face.headwear.edge + 0.3, skin[:, 1].max() - 0.5)
    around = skin[np.abs(skin[:, 1] - height) < 0.8]
    # An ellipse round the head at that height.
    low, high = around.min(axis=0), around.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2 + _OUT
    peaked = face.accessories.head_cover == "visor"
    reach = _PEAK if peaked else math.pi
    angle = np.linspace(-reach, reach, _ALONG)[:, None]
    # A peak is widest in the middle and bends down at its sides; a brim is narrower.
    width = np.cos(angle / reach * math.pi / 2) if peaked else np.full_like(angle, 0.8)
    out = np.linspace(0, 1, _ACROSS)[None, :] * face.headwear.brim * width
    slope = math.radians(face.headwear.slope)
    x = middle[0] + np.sin(angle) * (half[0] + out * math.cos(slope))
    z = middle[2] + np.cos(angle) * (half[2] + out * math.cos(slope))
    bent = 0.05 * np.sin(angle) ** 2 * half[0] * peaked * np.linspace(0, 4, _ACROSS)
    y = height + 0.05 * np.abs(x) - out * math.sin(slope) - bent
    return _Sheet(np.stack(np.broadcast_arrays(x, y, z), -1), _CLOTH)


def _rim(anatomy: Anatomy, vertices: np.ndarray) -> _Sheet:
    """A hood's edge: a tube that stands off the head round the face."""
    eyes = _between_eyes(anatomy, vertices)
    face = vertices[anatomy.face]
    angle = np.linspace(0, 2 * math.pi, _ALONG)[:, None]
    across = np.linspace(0, 1, _ACROSS)[None, :]
    grown = 1.04 + 0.3 * across
    x = eyes[0] + 7.1 * grown * np.sin(angle)
    y = eyes[1] - 2.2 + 9.4 * grown * np.cos(angle)
    # Ahead of the skin that it goes round, and back to the head behind it.
    nearest = np.argmin((face[None, :, 0] - x[:, :1]) ** 2
                        + (face[None, :, 1] - y[:, :1]) ** 2, axis=1)  # fmt: skip
    front = np.maximum(face[nearest, 2], 1.5)[:, None] + 1.6
    z = front - 5.0 * across**2
    return _Sheet(np.stack(np.broadcast_arrays(x, y, z), -1), _CLOTH)


def _strands(anatomy: Anatomy, face: Face, vertices: np.ndarray) -> list[_Sheet]:
    """Locks that begin at the hairline and lie on the face."""
    generator = np.random.default_rng((face.texture_seed, 4))
    falling = face.strands
    eyes = _between_eyes(anatomy, vertices)
    skin = vertices[anatomy.face]
    top = eyes[1] + min(7.4, face.hair.fringe + 0.6)
    sign = math.copysign(1.0, falling.side)
    if falling.kind == "fringe":
        roots = np.linspace(-5.6, 5.6, 11)
        tips = 0.95 * roots + generator.normal(0, 0.5, len(roots))
        ends = np.full(len(roots), max(0.9, falling.end)) + 0.02 * roots**2
        width = 1.0
    elif falling.kind == "lock":
        count = int(generator.integers(2, 5))
        roots = sign * generator.uniform(-0.5, 2.0, count)
        tips = 6.0 * falling.side + generator.normal(0, 0.9, count)
        ends = falling.end - 1.0 + generator.normal(0, 0.9, count)
        width = 0.65
    else:
        roots = sign * np.linspace(2.2, 6.4, 7)
        tips = sign * np.linspace(6.0, 7.6, 7)
        ends = -6.0 - generator.uniform(0, 5, 7)
        width = 1.0
    ends = ends + generator.normal(0, 0.3, len(roots))
    widths = width * generator.uniform(0.7, 1.3, len(roots))
    bends = generator.normal(0, 0.5, len(roots))
    return [
        _strand(skin, eyes, top, *one)
        for one in zip(roots, tips, ends, widths, bends, strict=True)
    ]


def _strand(skin, eyes, top, root, tip, end, width, bend) -> _Sheet:
    """A lock from a root to a tip, cm beside the middle; `end` is above the eyes."""
    t = np.linspace(0, 1, _STEPS)
    x = eyes[0] + root + (tip - root) * t + bend * np.sin(math.pi * t)
    y = top + (eyes[1] + end - top) * t
    half = width * (1 - 0.75 * t**2)
    sides = np.stack([x - half, x, x + half], axis=1)
    heights = np.repeat(y[:, None], 3, axis=1)
    away = (skin[:, 0] - sides[..., None]) ** 2 + (skin[:, 1] - heights[..., None]) ** 2
    away += np.where(skin[:, 2] < 0, 100.0, 0.0)
    depth = skin[np.argmin(away, axis=-1), 2]
    # Hair is stiffer than skin is rough.
    depth = np.maximum(depth, depth[:, 1:2] - 1.0)
    smooth = depth.copy()
    smooth[1:-1] = (depth[:-2] + depth[1:-1] + depth[2:]) / 3
    depth = np.maximum(depth, smooth) + _OVER
    return _Sheet(np.stack([sides, heights, depth], -1), _HAIR)


def _between_eyes(anatomy: Anatomy, vertices: np.ndarray) -> np.ndarray:
    return vertices[anatomy.head.landmarks[36:48]].mean(axis=0)


def _cards(sheets: Sequence[_Sheet], face: Face) -> Cards:
    points, triangles, places, layers, of_points = [], [], [], [], []
    first = 0
    for sheet in sheets:
        rows, columns = sheet.points.shape[:2]
        corners, where = _grid(rows, columns)
        points.append(sheet.points.reshape(-1, 3))
        triangles.append(corners + np.int32(first))
        places.append(where)
        layers.append(np.full(len(corners), sheet.layer, np.int32))
        of_points.append(np.full(rows * columns, sheet.layer, np.int32))
        first += rows * columns
    worn, hair = face.accessories, hair_colour(face.hair.luminance, face.hair.warmth)
    hue = colorsys.hsv_to_rgb(worn.cover_hue, worn.cover_saturation, 1.0)
    gloss = face.hair.gloss * (0.12 * float(hair @ LUMA) + 0.01)
    pictures = _pictures()
    return Cards(
        points=np.concatenate(points).astype(np.float32),
        triangles=np.concatenate(triangles),
        places=np.concatenate(places),
        layers=np.concatenate(layers),
        pictures=pictures,
        sizes=np.full(len(pictures), _TEXELS, np.int32),
        colours=np.stack([worn.cover_luminance * np.array(hue), hair]).astype("f4"),
        opacities=np.array([1.0, 1.25], np.float32),
        depths=np.array(_DEPTHS, np.float32),
        casts=np.array([True, True]),
        gloss=np.array([0.0, gloss], np.float32),
        layer_of_points=np.concatenate(of_points),
    )


@functools.cache
def _grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of a grid of points, and where their corners are on its picture."""
    number = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triangles = np.stack([a, c, b, b, c, d], -1).reshape(-1, 3)
    down, right = np.divmod(triangles, columns)
    places = np.stack([right / (columns - 1), down / (rows - 1)], -1)
    return triangles, places.astype(np.float32)


@functools.cache
def _pictures() -> np.ndarray:
    """Luminance and opacity of cloth and of a lock, uint8 [2, S, S, 2]."""
    pictures = np.full((2, _TEXELS, _TEXELS, 2), (64, 255), np.uint8)
    generator = np.random.default_rng(0)
    across, down = np.meshgrid(*[np.linspace(0, 1, _TEXELS)] * 2)
    hairs = np.convolve(generator.standard_normal(_TEXELS + 2), [0.25, 0.5, 0.25])
    hairs = hairs[2 : _TEXELS + 2]
    lengths = generator.uniform(0.6, 1.0, _TEXELS)  # each hair ends where it will
    pictures[_HAIR, ..., 0] = np.clip(64 * (1 + 0.45 * hairs), 20, 140)
    solid = np.clip((0.5 - np.abs(across - 0.5)) * 5 + 0.25 * hairs, 0, 1)
    solid *= np.clip((lengths - down) * 7, 0, 1) * np.clip(down * 6, 0, 1)
    pictures[_HAIR, ..., 1] = 255 * solid
    return pictures


def _joined(own: Cards, worn: Cards) -> Cards:
    """Both, with pictures of one size."""
    count, used = own.pictures.shape[:2]
    side = max(used, _TEXELS)
    pictures = np.zeros((count + len(worn.pictures), side, side, 2), np.uint8)
    pictures[:count, :used, :used] = own.pictures
    pictures[count:, :_TEXELS, :_TEXELS] = worn.pictures
    shifted = dataclasses.replace(
        worn,
        triangles=worn.triangles + np.int32(len(own.points)),
        layers=worn.layers + np.int32(count),
        layer_of_points=worn.layer_of_points + np.int32(count),
    )
    both = {
        field.name: np.concatenate(
            [getattr(own, field.name), getattr(shifted, field.name)]
        )
        for field in dataclasses.fields(Cards)
        if field.name != "pictures"
    }
    return Cards(pictures=pictures, **both)
