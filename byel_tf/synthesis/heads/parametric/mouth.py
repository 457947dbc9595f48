"""Lips, from the vermilion border to their inner side, and the lining of the mouth."""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.heads.head import FACE, MOUTH_SOCKET
from byel_tf.synthesis.heads.parametric.parts import Part, part, rows, strip

# The mouth is 5 cm wide; the red of the lips is 0.95 and 1 cm high.
CORNER = np.array([2.5, -3.5])
_STEPS = 24  # Edges of each half lip.
_RED_RINGS = 7  # From the border to the line where the lips touch.
# Inner side of a lip: depth behind that line and distance from it, cm.
_INNER = ((0.1, 0.012), (0.2, 0.06), (0.28, 0.18), (0.34, 0.36), (0.38, 0.6))


def touching_line(x: np.ndarray) -> np.ndarray:
    """Height at which the lips touch, cm: a flat bow with a tubercle in the middle."""
    return -3.34 - 0.13 * (x / 2.2) ** 2 - 0.03 * np.exp(-((x / 0.5) ** 2))


def _spread() -> np.ndarray:
    share = np.arange(_STEPS + 1) / _STEPS
    return 0.55 * share + 0.45 * np.sin(np.pi / 2 * share)


def border() -> np.ndarray:
    """Vermilion border of the left half, cm, [2 · steps + 1, 2].

    From the middle of the upper lip over the corner to the middle of the lower lip.
    """
    x = CORNER[0] * _spread()
    arc = 1.0 - (x / CORNER[0]) ** 2.5
    bow = 0.1 * np.exp(-(((x - 0.62) / 0.38) ** 2))
    upper = np.column_stack([x, CORNER[1] + 0.98 * arc + bow * (x < 2.4)])
    lower = np.column_stack([x, CORNER[1] - 0.93 * arc])
    return np.concatenate([upper, lower[-2::-1]])


CORNER_AT = _STEPS  # Place of the corner in the border.
TOUCHING_RING = _RED_RINGS - 1  # Ring of the part `lips` in which the lips touch.


def lips(edge: np.ndarray, first: int) -> tuple[Part, np.ndarray, int]:
    """The red of the lips and their inner side.

    Args:
        edge: The skin's vertices along the border, cm, [n, 3].
        first: Number that the part's first vertex will have.

    Returns:
        The part, without triangles; triangles, which name the edge's vertices as -n to
        -1; and how many vertices a ring has.
    """
    count = len(edge)
    spread = np.concatenate([_spread(), _spread()[-2::-1]])
    sign = np.where(np.arange(count) <= _STEPS, 1.0, -1.0)  # upper, lower
    sign[_STEPS] = 0.0
    x = 2.22 * spread
    y = touching_line(x)
    y[_STEPS] = y[_STEPS - 1]
    z = 11.12 - 0.2 * np.abs(x) ** 2
    line = np.column_stack([x, y, z])
    pout = 0.1 * np.where(sign > 0, 0.8, 1.4) * (1.0 - spread**4)
    rings, places = [], []
    for i in range(1, _RED_RINGS + 1):
        angle = np.pi / 2 * i / _RED_RINGS
        out, turn = 1.0 - np.cos(angle), np.sin(angle)
        ring = edge.copy()
        ring[:, 0] += (line - edge)[:, 0] * turn
        ring[:, 1] += (line - edge)[:, 1] * turn
        ring[:, 2] += (line - edge)[:, 2] * out + pout * np.sin(2 * angle)
        rings.append(ring)
        # Places keep the lips apart, so that each follows its own movements.
        place = ring.copy()
        place[:, 1] = y + (edge[:, 1] - y) * (1.0 - 0.55 * turn)
        places.append(place)
    for depth, apart in _INNER:
        ring = line.copy()
        ring[:, 0] += 0.1 * depth * spread
        ring[:, 1] += sign * apart * (1.0 - 0.6 * spread**3)
        ring[:, 2] -= depth
        rings.append(ring)
        places.append(places[-1])
    index = first + np.arange(count * len(rings)).reshape(len(rings), count)
    outer = np.arange(-count, 0)
    triangles = [strip(index[0], outer)]
    triangles += [strip(b, a) for a, b in zip(index[:-1], index[1:], strict=True)]
    piece = part(np.concatenate(rings), [], FACE, places=np.concatenate(places))
    return piece, np.concatenate(triangles), count


def lining(edge: np.ndarray, places: np.ndarray) -> Part:
    """The bag behind the lips.

    Args:
        edge: Innermost vertices of the lips, cm, [n, 3].
        places: The places that their movements are those of, cm, [n, 3].
    """
    count = len(edge)
    angle = np.linspace(np.pi / 2, -np.pi / 2, count)
    rings, all_places, softness = [edge], [places], [np.ones(count)]
    for share in (0.15, 0.35, 0.6, 0.8, 0.95):
        wide = np.sqrt(np.sin(np.pi * min(0.12 + 0.88 * share, 0.985)))
        bag = np.column_stack(
            [
                3.4 * wide * np.cos(angle),
                -3.5 + 2.5 * wide * np.sin(angle),
                np.full(count, 10.4 - 7.5 * share),
            ]
        )
        blend = min(1.0, share / 0.35)
        bag[:, 2] = np.minimum(bag[:, 2], edge[:, 2] - 0.1 - 0.5 * share)
        rings.append(edge + blend * (bag - edge))
        all_places.append(places)
        softness.append(np.full(count, 1.0 - blend))
    middle = np.array([[0.0, -3.5, 2.8]])
    points = np.concatenate([*rings, middle])
    points[::count][: len(rings), 0] = 0.0
    triangles = rows((len(rings), count))[:, ::-1]
    last = (len(rings) - 1) * count + np.arange(count)
    fan = np.stack([last[:-1], last[1:], np.full(count - 1, len(points) - 1)], axis=1)
    return part(
        points,
        np.concatenate([triangles, fan[:, ::-1]]),
        MOUTH_SOCKET,
        places=np.concatenate([*all_places, [[0.0, -3.4, 10.0]]]),
        softness=np.concatenate([*softness, [0.0]]),
    )
