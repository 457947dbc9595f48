"""How faces differ: modes of identity with independent standard normal weights.

Each mode is a few soft patches that move, or grow about their middle. Movements are in
cm at one standard deviation. They were chosen so that landmarks spread about as much
as under ICT-FaceKit's modes, which come from scans (Li et al., CVPR 2020).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from byel_tf.synthesis.heads.parametric import eyes
from byel_tf.synthesis.heads.parametric.features import EYE
from byel_tf.synthesis.heads.parametric.fields import bump, smooth_step
from byel_tf.synthesis.heads.parametric.parts import Part, some

_WIDE = 50.0  # A radius that reaches over the whole head, cm.


@dataclasses.dataclass(frozen=True)
class Move:
    """A patch that moves, and its mirror image unless it lies in the middle.

    Attributes:
        centre: x, y and z, cm.
        radii: Where the movement falls to 1/e, cm.
        way: The movement of the middle, cm.
        twin: Whether there is a mirror image.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    way: tuple[float, float, float]
    twin: bool = True


@dataclasses.dataclass(frozen=True)
class Grow:
    """A patch that grows about its middle, by a share of the distance from it."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    share: tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Eye:
    """A change of both eyes with their lids.

    Attributes:
        size: Share by which they grow.
        tilt: Degrees by which the outer corners rise.
        upper: Share of the opening by which the upper lid comes down.
        lower: Share by which the lower lid comes up.
    """

    size: float = 0.0
    tilt: float = 0.0
    upper: float = 0.0
    lower: float = 0.0


_ALL = (_WIDE, _WIDE, _WIDE)

MODES: dict[str, tuple] = {
    # Proportions of the whole
    "size": (Grow((0, 3, 1), _ALL, (0.018, 0.018, 0.018)),),
    "breadth": (Grow((0, 0, 1), (_WIDE, 14, _WIDE), (0.035, 0, 0)),),
    "length of the face": (Grow((0, 3.5, 1), (_WIDE, 14, 12), (0, 0.05, 0)),),
    "depth": (Grow((0, 0, 1), (_WIDE, 14, _WIDE), (0, 0, 0.018)),),
    "height of the skull": (Grow((0, 6, 0), (_WIDE, 12, _WIDE), (0, 0.04, 0)),),
    "back of the head": (Grow((0, 6, 2), (_WIDE, 10, _WIDE), (0.012, 0, 0.02)),),
    "profile": (
        Move((0, 2.0, 11), (6, 4.5, 8), (0, 0, 0.15)),
        Move((0, -7.5, 10), (5, 4, 8), (0, 0, -0.2)),
        Move((0, 9.5, 9), (7, 4, 8), (0, 0, -0.25)),
    ),
    # Jaw, chin and cheeks
    "jaw breadth": (Move((6.0, -4.0, 4), (3.0, 3.5, 5), (0.27, 0, 0)),),
    "jaw height": (Move((5.0, -6.0, 6), (3.0, 2.5, 5), (0, -0.35, 0)),),
    "chin length": (Move((0, -7.3, 10), (3.5, 2.8, 6), (0, -0.3, 0)),),
    "chin protrusion": (Move((0, -6.8, 10.5), (2.8, 2.2, 5), (0, 0, 0.28)),),
    "chin breadth": (Grow((0, -6.8, 10), (3.5, 2, 5), (0.1, 0, 0)),),
    "cheekbones": (Move((5.6, 0.6, 8), (2.2, 2.0, 4), (0.22, 0.0, 0.2)),),
    "fullness": (
        Move((4.6, -3.5, 8), (2.4, 3.2, 5), (0.25, 0, 0.25)),
        Move((2.0, -8.6, 7), (3.5, 2.0, 4), (0.05, -0.35, 0.1)),
        Grow((0, -11, 0), (_WIDE, 4.5, 6), (0.04, 0, 0.04)),
    ),
    "hollow cheeks": (Move((4.6, -1.8, 8.5), (1.5, 2.2, 3), (-0.15, 0, -0.18)),),
    # Forehead and brows
    "forehead height": (Move((0, 10, 8), (9, 4, 9), (0, 0.3, 0)),),
    "forehead slope": (Move((0, 9.8, 9), (7, 3.5, 8), (0, 0, 0.3)),),
    "brow ridge": (Move((2.2, 5.8, 10.5), (2.6, 1.0, 4), (0, 0, 0.2)),),
    "brow height": (Move((3.3, 5.9, 10), (2.5, 1.2, 4), (0, 0.22, 0)),),
    # Eyes
    "eye size": (Eye(size=0.05),),
    "eye opening": (Eye(upper=-0.07, lower=-0.03),),
    "eye spacing": (Move((3.1, 3.5, 9), (1.8, 2.2, 4), (0.16, 0, 0)),),
    "eye height": (Move((3.1, 3.6, 9), (3.5, 2.4, 4), (0, 0.14, 0)),),
    "eye depth": (Move((3.1, 3.5, 9), (2.4, 1.8, 4), (0, 0, 0.13)),),
    "eye tilt": (Eye(tilt=3.0),),
    "lid fold": (
        Move((3.3, 4.75, 9.8), (1.8, 0.55, 3), (0, -0.12, 0.14)),
        Eye(upper=0.03),
    ),
    # Nose
    "nose length": (Move((0, -0.3, 12), (1.9, 1.7, 4), (0, -0.2, 0.05)),),
    "nose protrusion": (Move((0, 0.3, 12.5), (1.5, 1.6, 3.5), (0, 0, 0.3)),),
    "nose breadth": (Move((1.5, -0.5, 11.3), (1.0, 0.9, 2.5), (0.17, 0, 0)),),
    "bridge height": (Move((0, 2.7, 11.5), (1.3, 1.6, 3), (0, 0, 0.22)),),
    "bridge breadth": (Grow((0, 2.2, 11), (1.6, 1.8, 3), (0.12, 0, 0)),),
    "nose hump": (Move((0, 1.9, 12), (0.8, 0.9, 3), (0, 0, 0.12)),),
    "nose tip turned up": (Move((0, 0.0, 13), (0.9, 0.8, 2), (0, 0.18, 0.02)),),
    "nose tip round": (Grow((0, 0.0, 12.5), (1.0, 0.8, 1.5), (0.16, 0.1, 0)),),
    # Mouth
    "upper lip": (Move((0, -2.6, 11.7), (2.0, 0.55, 3), (0, 0.11, 0.08)),),
    "lower lip": (Move((0, -4.3, 11.5), (1.9, 0.6, 3), (0, -0.12, 0.08)),),
    "mouth breadth": (Grow((0, -3.5, 11), (3.2, 1.3, 4), (0.09, 0, 0)),),
    "mouth height": (Move((0, -3.3, 11), (3.6, 2.0, 5), (0, 0.2, 0)),),
    "mouth protrusion": (Move((0, -3.3, 11), (2.6, 1.7, 5), (0, 0, 0.22)),),
    "corners of the mouth": (Move((2.5, -3.5, 10), (0.9, 0.7, 3), (0, 0.12, 0)),),
    # Ears and neck
    "ear size": (Grow((7.0, 0.9, 0.5), (1.8, 4, 3), (0.08, 0.09, 0.08)),),
    "ears stand off": (Move((8.4, 1.5, -1), (1.2, 4, 2), (0.3, 0, 0.1)),),
    "neck breadth": (Grow((0, -10, 0), (_WIDE, 4.5, 6), (0.07, 0, 0.06)),),
    # Several at once
    "sex": (
        Move((2.4, 5.7, 10.5), (3.0, 1.1, 4), (0, -0.12, 0.18)),
        Move((5.8, -4.5, 5), (3.0, 3.0, 5), (0.2, -0.1, 0)),
        Move((0, -7.2, 10), (3.2, 2.2, 6), (0, -0.22, 0.12)),
        Grow((0, 1.0, 11), (2.2, 3.0, 4), (0.06, 0.03, 0)),
        Grow((0, -10, 0), (_WIDE, 4.5, 6), (0.06, 0, 0.05)),
        Move((0, -3.4, 11.5), (1.8, 1.0, 3), (0, 0, -0.06)),
        Move((0, 9, 9.5), (6, 3, 7), (0, 0, -0.12)),
        Eye(size=-0.015, upper=0.03),
    ),
    "age": (
        Move((4.4, -5.8, 8), (1.8, 1.6, 4), (0.05, -0.3, 0.05)),
        Move((3.4, -2.6, 9.8), (1.0, 1.6, 3), (0, -0.1, 0.12)),
        Move((2.3, -1.6, 10.5), (0.45, 1.2, 3), (0, 0, -0.1)),
        Move((4.6, 4.6, 9), (1.2, 0.7, 3), (0, -0.15, 0.06)),
        Move((3.2, 2.0, 9.8), (1.3, 0.5, 3), (0, -0.05, 0.07)),
        Move((0, -2.6, 11.7), (1.8, 0.6, 3), (0, -0.06, -0.08)),
        Move((0, -0.2, 12.8), (1.2, 1.0, 2), (0, -0.1, 0)),
        Eye(upper=0.05),
    ),
    "descent: nose and lips": (
        Move((0, 2.7, 11.5), (1.4, 1.8, 3), (0, 0, -0.2)),
        Move((1.5, -0.5, 11.3), (1.0, 0.9, 2.5), (0.14, 0, 0)),
        Move((0, -2.6, 11.7), (2.0, 0.6, 3), (0, 0.1, 0.14)),
        Move((0, -4.3, 11.5), (1.9, 0.7, 3), (0, -0.1, 0.14)),
    ),
    "descent: eyes and cheekbones": (
        Move((0, 3.2, 11), (1.3, 1.4, 3), (0, 0, -0.15)),
        Move((3.1, 4.7, 9.8), (1.9, 0.6, 3), (0, -0.12, 0.2)),
        Move((5.4, 1.0, 8.5), (1.9, 1.6, 4), (0.12, 0, 0.18)),
        Move((3.1, 3.5, 9), (2.0, 1.6, 4), (0, 0, 0.08)),
        Eye(tilt=1.5, upper=0.05),
    ),
    # No face is symmetric
    "crooked nose": (Move((0, 0.3, 12.5), (1.5, 1.8, 3.5), (0.08, 0, 0), False),),
    "crooked jaw": (Move((0, -7, 9), (6, 3.5, 8), (0.13, 0, 0), False),),
    "crooked mouth": (
        Move((2.4, -3.5, 10.3), (1.3, 1.1, 4), (0, 0.06, 0), False),
        Move((-2.4, -3.5, 10.3), (1.3, 1.1, 4), (0, -0.06, 0), False),
    ),
    "uneven eyes": (
        Move((3.1, 4.2, 9.3), (2.6, 2.4, 4), (0, 0.06, 0), False),
        Move((-3.1, 4.2, 9.3), (2.6, 2.4, 4), (0, -0.06, 0), False),
    ),
    "uneven brows": (
        Move((3.3, 5.9, 10), (2.2, 1.1, 4), (0, 0.08, 0), False),
        Move((-3.3, 5.9, 10), (2.2, 1.1, 4), (0, -0.08, 0), False),
    ),
}


def identities(head: Part, opposite: np.ndarray) -> np.ndarray:
    """The modes' displacements, cm, [M, V, 3].

    Args:
        head: Both halves of the head.
        opposite: The vertex on the other side of each one, int [V].
    """
    modes = np.zeros((len(MODES), len(head.points), 3))
    left = np.flatnonzero(head.points[:, 0] >= 0.0)
    left_half = some(head, left)
    for mode, terms in zip(modes, MODES.values(), strict=True):
        if all(getattr(term, "twin", True) for term in terms):
            mode[left] = _mode(left_half, terms)
            mode[opposite[left]] = mode[left] * [-1.0, 1.0, 1.0]
        else:
            mode[:] = _mode(head, terms)
    return modes


def _field(points: np.ndarray, terms: tuple) -> np.ndarray:
    """Displacement of points by moving and growing patches, [n, 3]."""
    offsets = np.zeros_like(points)
    for term in terms:
        if isinstance(term, Eye):
            continue
        sides = (
            [1.0]
            if term.centre[0] == 0 or not getattr(term, "twin", True)
            else [1.0, -1.0]
        )
        for side in sides:
            flip = np.array([side, 1.0, 1.0])
            weight = bump(points, term.centre * flip, term.radii)[:, None]
            if isinstance(term, Move):
                offsets += weight * (np.array(term.way) * flip)
            else:
                offsets += weight * (points - term.centre * flip) * np.array(term.share)
    return offsets


def _mode(head: Part, terms: tuple) -> np.ndarray:
    points = head.points
    offsets = _field(points, terms)
    for side in (1.0, -1.0):
        centre = EYE * [side, 1.0, 1.0]
        away = points - centre
        near = 1.0 - smooth_step(np.hypot(away[:, 0], away[:, 1]), 1.35, 2.6)
        near = near * (points[:, 2] > 3.0) * (points[:, 0] * side > 0)
        near = np.where(head.eye & (points[:, 0] * side > 0), 1.0, near)[:, None]
        # An eye moves with its lids as one piece.
        offsets += near * (_field(centre[None] + [0.0, 0.0, 0.9], terms) - offsets)
        for term in terms:
            if isinstance(term, Eye):
                offsets += near * term.size * away
                angle = np.deg2rad(term.tilt) * side
                turned = np.stack([-away[:, 1], away[:, 0], 0 * away[:, 0]], axis=1)
                offsets += near * angle * turned
                places = head.places * [side, 1.0, 1.0]
                turn = eyes.lid_turn(places, term.upper, term.lower) * head.lid
                turn = (turn * (places[:, 0] > 0))[:, None]
                offsets += turn * np.stack(
                    [0 * turn[:, 0], -away[:, 2], away[:, 1]], axis=1
                )
    return offsets
