"""Teeth, gums and tongue."""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.heads.head import GUMS, TEETH
from byel_tf.synthesis.heads.parametric.parts import (
    LOWER,
    UPPER,
    Part,
    joined,
    part,
    rows,
)

# Breadths of the crowns from the middle incisor back, cm; averages after Wheeler,
# Dental Anatomy.
_UPPER_BREADTHS = (0.85, 0.65, 0.75, 0.7, 0.7, 1.0, 0.9)
_LOWER_BREADTHS = (0.5, 0.55, 0.7, 0.7, 0.7, 1.1, 1.05)
_UPPER_HEIGHTS = (1.0, 0.88, 0.98, 0.84, 0.76, 0.7, 0.65)
_LOWER_HEIGHTS = (0.85, 0.88, 0.98, 0.84, 0.76, 0.7, 0.65)
_BITE = -3.55  # Height of the upper teeth's edges, cm.


def _arch(length: np.ndarray, front: float, half: float) -> tuple[np.ndarray, ...]:
    """Points x, z and outward directions x, z at a length along half a dental arch."""
    angle = np.linspace(0.0, np.pi / 2, 400)
    depth = 4.6
    x, z = half * np.sin(angle) ** 0.85, front - depth * (1.0 - np.cos(angle))
    steps = np.hypot(np.diff(x), np.diff(z))
    at = np.interp(length, np.concatenate([[0.0], np.cumsum(steps)]), angle)
    x, z = np.interp(at, angle, x), np.interp(at, angle, z)
    slope = np.arctan2(x / half**2, (z - front + depth) / depth**2)
    return x, z, np.sin(slope), np.cos(slope)


def _crowns(breadths, heights, front, half, edge, way, jaw) -> Part:
    """Crowns side by side: rounded boxes, thinner towards their edge."""
    around, levels = 10, 5
    turn = (np.arange(around) + 0.5) * 2 * np.pi / around
    # A superellipse: nearly a rectangle.
    side = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.45
    out = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.6
    crowns, start = [], 0.01
    for number, (breadth, height) in enumerate(zip(breadths, heights, strict=True)):
        x, z, out_x, out_z = _arch(start + breadth / 2, front, half)
        start += breadth
        thick = 0.22 if number < 3 else 0.42
        rings = []
        for level in np.linspace(0.0, 1.0, levels):
            narrow = (0.93 + 0.06 * level) * (1.0 if level < 1 else 0.86)
            thin = thick * (1.0 - (0.45 * level if number < 3 else 0.1 * level))
            a, b = 0.5 * breadth * narrow * side, thin * out - 0.15 * (1 - level) * 0.5
            y = edge + way * height * (1.0 - level - (0.03 if level == 1 else 0.0))
            rings.append(
                np.column_stack(
                    [
                        x + out_z * a + out_x * (b - thick),
                        np.full(around, y),
                        z - out_x * a + out_z * (b - thick),
                    ]
                )
            )
        tip = rings[-1].mean(axis=0, keepdims=True) - [0.0, 0.01 * way, 0.0]
        points = np.concatenate([*rings, tip])
        triangles = rows((levels, around), closed=True)
        last = (levels - 1) * around + np.arange(around)
        fan = np.stack([last, np.roll(last, -1), np.full(around, levels * around)], 1)
        triangles = np.concatenate([triangles, fan])
        # The sense of rotation depends on which way the crown points.
        crowns.append(
            part(
                points,
                triangles if way < 0 else triangles[:, ::-1],
                TEETH,
                softness=0,
                jaw=jaw,
            )
        )
    return joined(crowns)


def _gum(front, half, base, way, jaw) -> Part:
    """A rounded ridge over the roots."""
    length = np.linspace(0.0, 5.0, 18)
    x, z, out_x, out_z = _arch(length, front, half)
    x[0], out_x[0] = 0.0, 0.0
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    sections = []
    for t in turn:
        out, up = 0.3 * np.cos(t) - 0.28, 0.5 * np.sin(t) * way
        sections.append(
            np.column_stack([x + out_x * out, base + up + 0 * x, z + out_z * out])
        )
    sections.append(sections[0])
    triangles = rows((len(sections), len(length)))
    return part(
        np.concatenate(sections),
        triangles if way > 0 else triangles[:, ::-1],
        GUMS,
        softness=0,
        jaw=jaw,
    )


def _tongue() -> Part:
    """The front of the tongue: a flat mound behind the lower teeth."""
    along, across = np.linspace(0.0, 1.0, 14), np.linspace(0.0, 1.0, 9)
    rings = []
    for share in along:
        wide = 2.1 * np.sqrt(1.0 - (1.0 - min((share + 0.02) / 0.45, 1.0)) ** 2)
        angle = np.pi / 2 * across
        x = wide * np.sin(angle)
        top = 0.55 * np.sqrt(min(1.0, (share + 0.01) / 0.3)) + 0.5 * share
        y = -4.5 + top * np.cos(angle) ** 0.7 - 0.12 * np.exp(-((x / 0.25) ** 2))
        rings.append(np.column_stack([x, y, np.full(len(x), 9.5 - 6.0 * share)]))
    triangles = rows((len(along), len(across)))
    return part(np.concatenate(rings), triangles, GUMS, softness=0, jaw=LOWER)


def teeth() -> Part:
    """The left half of both rows of teeth with gums, and of the tongue."""
    return joined(
        [
            _crowns(_UPPER_BREADTHS, _UPPER_HEIGHTS, 10.6, 3.0, _BITE, 1.0, UPPER),
            _crowns(
                _LOWER_BREADTHS, _LOWER_HEIGHTS, 10.35, 2.75, _BITE - 0.05, -1.0, LOWER
            ),
            _gum(10.6, 2.95, _BITE + 1.35, 1.0, UPPER),
            _gum(10.3, 2.7, _BITE - 1.1, -1.0, LOWER),
            _tongue(),
        ]
    )
