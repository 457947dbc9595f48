"""Eyeball, lid margins, lashes and the lining between lids and eyeball."""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.heads.head import EYE_SOCKET, FACE, LASHES, LEFT_EYE
from byel_tf.synthesis.heads.parametric.features import EYE, EYE_RADIUS, LID_THICKNESS
from byel_tf.synthesis.heads.parametric.fields import smooth_step
from byel_tf.synthesis.heads.parametric.parts import (
    UPPER,
    Part,
    joined,
    part,
    rows,
    strip,
)

# The opening between the lids is 2.7 cm long and 1 cm high seen from the front; its
# outer corner lies higher than the inner one.
INNER_CORNER = np.array([1.80, 3.28])
OUTER_CORNER = np.array([4.50, 3.46])
_UPPER_HEIGHT, _LOWER_HEIGHT = 0.59, 0.37
_STEPS = 27  # Edges of each lid.


def _axis(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = np.clip((x - INNER_CORNER[0]) / (OUTER_CORNER - INNER_CORNER)[0], 0.0, 1.0)
    return share, INNER_CORNER[1] + share * (OUTER_CORNER - INNER_CORNER)[1]


def upper_margin(x: np.ndarray) -> np.ndarray:
    """Height of the upper lid's edge, cm; its top lies a little inwards."""
    share, axis = _axis(x)
    return axis + _UPPER_HEIGHT * (1.0 - np.abs(2.0 * share**1.08 - 1.0) ** 2.3)


def lower_margin(x: np.ndarray) -> np.ndarray:
    """Height of the lower lid's edge, cm; its lowest place lies a little outwards."""
    share, axis = _axis(x)
    return axis - _LOWER_HEIGHT * (1.0 - np.abs(2.0 * share**0.9 - 1.0) ** 2.3)


def contour() -> np.ndarray:
    """The opening's edge, cm, [2 · steps, 2].

    The upper lid from the inner to the outer corner, then the lower lid back.
    """
    share = np.arange(_STEPS + 1) / _STEPS
    share = 0.45 * share + 0.55 * (0.5 - 0.5 * np.cos(np.pi * share))
    x = INNER_CORNER[0] + share * (OUTER_CORNER - INNER_CORNER)[0]
    upper = np.stack([x, upper_margin(x)], 1)
    lower = np.stack([x, lower_margin(x)], 1)[::-1]
    return np.concatenate([upper[:-1], lower[:-1]])


CORNERS = (0, _STEPS)  # Inner and outer corner in the contour.


def lids(edge: np.ndarray, first: int) -> tuple[Part, np.ndarray]:
    """The margins of the lids, from the skin's edge to the eyeball.

    Args:
        edge: The skin's vertices along the contour, cm, [n, 3].
        first: Number that the part's first vertex will have.

    Returns:
        The part, with no triangles, and triangles that also name the edge's vertices
        as -n to -1.
    """
    count = len(edge)
    middle = EYE[:2]
    rings = []
    for share in (0.5, 1.0):
        flat = edge[:, :2] + 0.05 * share * _inwards(edge)
        over = EYE_RADIUS + 0.015
        ball = EYE[2] + np.sqrt(
            np.maximum(over**2 - np.sum((flat - middle) ** 2, axis=1), 0.0)
        )
        inner = np.clip(ball, edge[:, 2] - 0.3, edge[:, 2] - 0.06)
        rings.append(np.column_stack([flat, edge[:, 2] + share * (inner - edge[:, 2])]))
    points = np.concatenate(rings)
    outer = np.arange(-count, 0)
    one, two = np.arange(count) + first, np.arange(count) + count + first
    triangles = np.concatenate(
        [strip(one, outer, closed=True), strip(two, one, closed=True)]
    )
    places = np.tile(edge, (2, 1))
    return part(points, [], FACE, places=places, lid=1.0), triangles


def _inwards(edge: np.ndarray) -> np.ndarray:
    """Unit vectors across the contour into the opening, [n, 2]."""
    forward = np.roll(edge[:, :2], -1, axis=0) - np.roll(edge[:, :2], 1, axis=0)
    across = np.stack([forward[:, 1], -forward[:, 0]], axis=1)
    return across / np.linalg.norm(across, axis=1, keepdims=True)


def lining(margin: np.ndarray, places: np.ndarray) -> Part:
    """From the lids' inner edge into the eyeball, so that no gap shows.

    Args:
        margin: Inner edge of the lids, cm, [n, 3].
        places: The places that its movements are those of, cm, [n, 3].
    """
    away = margin - EYE
    near = 0.8 * away[:, :2]
    depth = np.sqrt(np.maximum((EYE_RADIUS - 0.1) ** 2 - np.sum(near**2, axis=1), 0.0))
    inner = EYE + np.column_stack([near, depth])
    points = np.concatenate([margin, inner])
    count = len(margin)
    triangles = strip(np.arange(count) + count, np.arange(count), closed=True)
    return part(points, triangles, EYE_SOCKET, places=np.tile(places, (2, 1)), lid=1.0)


def lashes(edge: np.ndarray) -> Part:
    """Two rows of triangles along the lids that lashes are drawn on.

    Args:
        edge: The skin's vertices along the contour, cm, [n, 3].
    """
    parts = []
    half = len(edge) // 2
    index = np.arange(len(edge))
    for chosen, length, lift in (
        (index[3 : half + 1], 0.5, 0.35),
        (np.append(index[half:], 0)[:-4], 0.22, -0.5),
    ):
        root = edge[chosen]
        radial = root - EYE
        radial /= np.linalg.norm(radial, axis=1, keepdims=True)
        along_lid = np.linspace(0.0, np.pi, len(chosen))
        reach = length * (0.45 + 0.55 * np.sin(along_lid))[:, None]
        aim = radial + np.array([0.15, lift, 0.1])
        start = root + 0.02 * radial
        middle = start + 0.55 * reach * (radial + [0.0, 0.1 * lift, 0.0])
        tip = start + reach * (aim + [0.0, 0.4 * lift, 0.0]) / 1.1
        points = np.concatenate([start, middle, tip])
        parts.append(
            part(
                points,
                rows((3, len(chosen))),
                LASHES,
                places=np.tile(root, (3, 1)),
                lid=1.0,
            )
        )
    return joined(parts)


def eyeball() -> Part:
    """A sphere whose rings are 0.065 cm apart round its forward pole."""
    near = np.linspace(0.0, np.arcsin(0.8 / EYE_RADIUS), 13)[1:]
    far = np.linspace(near[-1], np.pi, 11)[1:-1]
    angles = np.concatenate([near, far])
    points, triangles = [np.array([[0.0, 0.0, 1.0]])], []
    around = 48
    turn = np.arange(around) * 2 * np.pi / around
    for angle in angles:
        points.append(
            np.column_stack(
                [
                    np.sin(angle) * np.cos(turn),
                    np.sin(angle) * np.sin(turn),
                    np.full(around, np.cos(angle)),
                ]
            )
        )
    points.append(np.array([[0.0, 0.0, -1.0]]))
    rings = [1 + i * around + np.arange(around) for i in range(len(angles))]
    triangles.append(
        np.stack([np.zeros(around, int), rings[0], np.roll(rings[0], -1)], 1)
    )
    for inner, outer in zip(rings[:-1], rings[1:], strict=True):
        triangles.append(strip(outer, inner, closed=True))
    last = 1 + len(angles) * around
    triangles.append(
        np.stack([np.full(around, last), np.roll(rings[-1], -1), rings[-1]], 1)
    )
    points = EYE + EYE_RADIUS * np.concatenate(points)
    return part(
        points, np.concatenate(triangles), LEFT_EYE, softness=0.0, jaw=UPPER, eye=True
    )


def lid_turn(places: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Angle by which lid movements turn skin about the eyeball, radians.

    Args:
        places: Places of the left half's vertices, cm, [n, 3].
        upper: How far the upper lid's edge comes down at each place, as a share of the
            opening there, [n] or a number; negative where it goes up.
        lower: How far the lower lid's edge comes up, likewise.

    Returns:
        Angles about the x axis through the eye's centre, [n]; positive ones go down.
    """
    x, y = places[:, 0], places[:, 1]
    top, bottom = upper_margin(x), lower_margin(x)
    over = EYE_RADIUS + LID_THICKNESS
    reach = np.sqrt(np.maximum(over**2 - (x - EYE[0]) ** 2, 0.25))
    gap = np.arcsin(np.clip((top - EYE[1]) / reach, -1.0, 1.0))
    gap = gap - np.arcsin(np.clip((bottom - EYE[1]) / reach, -1.0, 1.0))
    is_upper = y >= 0.5 * (top + bottom)
    # The lid unrolls from its fold: full movement at its edge, none past the fold.
    fade_up = 1.0 - smooth_step(y - top, 0.0, 0.95)
    fade_down = 1.0 - smooth_step(bottom - y, 0.0, 0.8)
    turn = np.where(is_upper, upper * fade_up, -lower * fade_down) * gap
    beside = smooth_step(x, INNER_CORNER[0] - 0.1, INNER_CORNER[0] + 0.05)
    beside *= 1.0 - smooth_step(x, OUTER_CORNER[0] - 0.05, OUTER_CORNER[0] + 0.1)
    return turn * beside * (places[:, 2] > EYE[2] - 0.3)
