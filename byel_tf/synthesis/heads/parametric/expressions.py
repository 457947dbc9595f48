"""How each facial movement displaces the head.

A movement of the skin is a sum of pulls: soft patches that move together. Patches,
in cm seen from the front, are the places where the muscles end; amplitude 1 is a strong
natural movement. Lids turn about the eyeball, the lower jaw about its joint.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from byel_tf.synthesis.action_units import ACTION_UNITS
from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.parametric import eyes
from byel_tf.synthesis.heads.parametric.features import EYE
from byel_tf.synthesis.heads.parametric.fields import bump, ridge, smooth_step
from byel_tf.synthesis.heads.parametric.mouth import touching_line
from byel_tf.synthesis.heads.parametric.parts import Part, some

# Joint of the jaw, just before the ears, and how far it turns; y and z, cm.
_HINGE = np.array([1.5, 3.0])
_JAW_TURN = np.deg2rad(21.0)
_LEAST = 1e-3  # Displacements below this are left out, cm.

BOTH, UPPER_LIP, LOWER_LIP = "both", "upper", "lower"


@dataclasses.dataclass(frozen=True)
class Pull:
    """A patch of skin that moves.

    Attributes:
        centre: Its middle seen from the front, x and y, cm.
        radii: Where the movement falls to 1/e, cm.
        way: The movement of the middle, cm.
        lip: Which side of the mouth's opening it moves.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    way: tuple[float, float, float]
    lip: str = BOTH


@dataclasses.dataclass(frozen=True)
class Fold:
    """A furrow along a line of points, `depth` cm deep and `width` cm wide."""

    line: tuple[tuple[float, float], ...]
    width: float
    depth: float


@dataclasses.dataclass(frozen=True)
class Lids:
    """How far the edges of the lids come towards each other.

    Attributes:
        upper: Share of the opening by which the upper lid comes down.
        lower: Share by which the lower lid comes up.
    """

    upper: float
    lower: float


@dataclasses.dataclass(frozen=True)
class Gaze:
    """Turn of the eyeball in degrees, up and to the subject's left."""

    up: float
    left: float


_NASOLABIAL = ((1.9, -0.3), (2.6, -1.4), (3.3, -2.6), (3.6, -3.8))

# Movements of the subject's left half; those of the whole face are mirrored and added.
_MOVEMENTS: dict[str, tuple] = {
    "browInnerUp": (
        Pull((1.7, 5.7), (1.5, 1.3), (-0.05, 0.6, 0.05)),
        Pull((1.6, 7.8), (2.3, 1.6), (0.0, 0.3, 0.0)),
        Pull((2.2, 4.7), (1.2, 0.5), (0.0, 0.25, -0.05)),
    ),
    "browOuterUp": (
        Pull((4.7, 5.7), (1.6, 1.3), (0.1, 0.75, -0.2)),
        Pull((3.0, 6.3), (1.2, 1.2), (0.0, 0.2, 0.0)),
        Pull((4.6, 7.6), (2.0, 1.5), (0.1, 0.3, -0.1)),
        Pull((4.2, 4.7), (1.2, 0.5), (0.0, 0.25, -0.05)),
    ),
    "browDown": (
        Pull((1.6, 5.8), (1.3, 1.1), (-0.35, -0.45, 0.2)),
        Pull((3.9, 6.1), (1.8, 1.1), (-0.3, -0.4, 0.15)),
        Pull((2.4, 4.7), (1.5, 0.5), (-0.1, -0.25, 0.15)),
        Pull((0.7, 5.0), (0.6, 0.6), (-0.05, -0.15, 0.15)),
        Pull((2.0, 7.6), (2.2, 1.3), (-0.05, -0.2, 0.0)),
        Fold(((0.85, 4.6), (0.8, 6.6)), 0.3, 0.05),
    ),
    "eyeWide": (Lids(-0.28, -0.1), Pull((3.2, 4.8), (1.4, 0.4), (0.0, 0.12, -0.05))),
    "cheekRaiser": (
        Pull((4.7, 0.4), (1.9, 1.4), (-0.08, 0.6, 0.3)),
        Pull((3.6, 2.1), (1.5, 0.5), (0.0, 0.2, 0.12)),
        Pull((5.4, 3.4), (0.8, 1.0), (-0.1, 0.1, 0.05)),
        Fold(((2.2, 2.3), (3.3, 1.75), (4.7, 2.2)), 0.2, 0.07),
        Lids(0.05, 0.18),
    ),
    "cheekSquint": (
        Pull((4.3, 0.5), (1.6, 1.2), (-0.05, 0.5, 0.28)),
        Pull((3.3, 2.1), (1.4, 0.5), (0.0, 0.18, 0.1)),
        Fold(((2.2, 2.3), (3.3, 1.75), (4.7, 2.2)), 0.2, 0.06),
        Lids(0.03, 0.16),
    ),
    "eyeSquint": (
        Lids(0.16, 0.3),
        Pull((2.9, 2.2), (1.5, 0.5), (-0.12, 0.2, 0.06)),
        Pull((5.0, 3.4), (0.7, 0.7), (-0.12, 0.0, 0.03)),
    ),
    "noseSneer": (
        Pull((1.4, -0.5), (0.7, 0.8), (0.08, 0.5, 0.0)),
        Pull((2.5, -0.9), (1.1, 1.2), (-0.12, 0.75, 0.15)),
        Pull((0.6, -2.6), (1.9, 0.9), (0.03, 0.45, 0.05), UPPER_LIP),
        Pull((1.1, 2.0), (0.7, 0.9), (-0.05, 0.25, 0.15)),
        Pull((1.3, 5.4), (1.2, 0.9), (-0.15, -0.25, 0.1)),
        Fold(_NASOLABIAL, 0.4, 0.12),
        Lids(0.05, 0.1),
    ),
    "mouthUpperUp": (
        Pull((0.6, -2.7), (1.8, 0.9), (0.04, 0.56, 0.05), UPPER_LIP),
        Pull((2.3, -1.6), (1.1, 1.1), (0.15, 0.5, 0.1), UPPER_LIP),
        Pull((1.4, -0.5), (0.6, 0.6), (0.06, 0.2, 0.0)),
        Pull((3.4, 0.3), (1.4, 1.0), (0.0, 0.2, 0.15)),
        Fold(_NASOLABIAL, 0.4, 0.12),
    ),
    "mouthSmile": (
        Pull((2.5, -3.5), (1.7, 1.5), (0.7, 0.85, -0.75)),
        Pull((4.1, -1.1), (1.6, 1.6), (0.2, 0.45, 0.4)),
        Pull((0.0, -3.3), (1.3, 1.0), (0.0, 0.18, -0.05)),
        Pull((0.6, -2.6), (1.2, 0.7), (0.05, 0.0, -0.1), UPPER_LIP),
        Pull((0.6, -4.3), (1.3, 0.8), (0.05, -0.05, -0.1), LOWER_LIP),
        Pull((1.5, -0.4), (0.6, 0.6), (0.15, 0.08, -0.08)),
        Fold(((1.95, -0.3), (2.8, -1.4), (3.4, -2.4), (3.7, -3.6)), 0.4, 0.13),
    ),
    "mouthDimple": (
        Pull((2.55, -3.5), (0.9, 0.9), (0.3, 0.25, -0.6)),
        Pull((3.6, -2.9), (0.8, 1.0), (0.0, 0.1, 0.3)),
        Fold(((3.1, -2.6), (3.3, -3.6), (3.1, -4.5)), 0.25, 0.15),
    ),
    "mouthFrown": (
        Pull((2.5, -3.6), (1.0, 0.95), (0.15, -0.65, -0.2)),
        Pull((0.0, -3.7), (1.2, 0.7), (0.0, 0.06, 0.06)),
        Pull((2.9, -5.2), (0.9, 0.8), (0.05, -0.15, 0.15)),
        Fold(((2.8, -3.7), (3.3, -4.6), (3.3, -5.6)), 0.25, 0.12),
    ),
    "mouthLowerDown": (
        Pull((0.9, -4.2), (1.6, 0.9), (0.08, -0.48, -0.1), LOWER_LIP),
        Pull((1.4, -5.3), (1.8, 0.9), (0.08, -0.15, 0.0), LOWER_LIP),
    ),
    "mouthShrugLower": (
        Pull((0.0, -6.3), (1.6, 1.2), (0.0, 0.7, 0.18)),
        Pull((0.8, -5.0), (1.2, 0.7), (0.0, 0.25, 0.0), LOWER_LIP),
        Pull((0.0, -4.0), (1.9, 0.75), (0.0, 0.38, 0.28), LOWER_LIP),
        Pull((0.0, -3.1), (1.7, 0.6), (0.0, 0.42, 0.12), UPPER_LIP),
        Pull((2.5, -3.6), (0.9, 0.8), (0.0, -0.2, 0.0)),
        Fold(((-1.3, -5.3), (0.0, -5.0), (1.3, -5.3)), 0.25, 0.12),
    ),
    "mouthShrugUpper": (
        Pull((0.0, -2.9), (1.9, 0.8), (0.0, 0.5, 0.12), UPPER_LIP),
        Pull((2.5, -3.6), (0.8, 0.8), (0.0, -0.1, 0.0)),
    ),
    "mouthPucker": (
        Pull((2.4, -3.5), (1.35, 1.2), (-0.8, 0.03, 0.35)),
        Pull((0.0, -3.3), (1.7, 1.1), (0.0, 0.0, 0.6)),
        Pull((0.0, -2.5), (1.0, 0.5), (0.0, 0.1, 0.1), UPPER_LIP),
        Pull((0.0, -4.4), (1.0, 0.5), (0.0, -0.1, 0.1), LOWER_LIP),
    ),
    "mouthStretch": (
        Pull((2.5, -3.6), (1.4, 1.2), (0.8, -0.25, -0.6)),
        Pull((3.3, -5.8), (1.5, 1.4), (0.25, -0.25, -0.05)),
        Pull((1.1, -4.3), (1.2, 0.8), (0.1, -0.2, -0.15), LOWER_LIP),
        Pull((0.9, -2.6), (1.2, 0.7), (0.1, -0.05, -0.12), UPPER_LIP),
        Fold(((3.2, -3.2), (3.7, -4.3), (3.6, -5.5)), 0.3, 0.12),
    ),
    "mouthFunnel": (
        Pull((2.4, -3.5), (1.2, 1.2), (-0.7, 0.0, 0.35)),
        Pull((0.0, -2.8), (1.5, 0.8), (0.0, 0.35, 0.6), UPPER_LIP),
        Pull((0.0, -4.2), (1.6, 0.9), (0.0, -0.6, 0.6), LOWER_LIP),
    ),
    "mouthPress": (
        Pull((1.0, -2.45), (1.5, 0.4), (0.0, -0.2, -0.08), UPPER_LIP),
        Pull((1.0, -4.45), (1.5, 0.45), (0.0, 0.25, -0.05), LOWER_LIP),
        Pull((1.0, -3.35), (1.6, 0.55), (0.0, 0.02, -0.25)),
        Pull((2.6, -3.5), (0.7, 0.7), (0.15, 0.0, -0.25)),
        Pull((1.2, -5.6), (1.2, 0.9), (0.0, 0.2, 0.12)),
        Pull((1.2, -1.9), (1.2, 0.5), (0.0, 0.0, 0.1)),
    ),
    "mouthRollLower": (
        Pull((0.0, -3.85), (1.9, 0.5), (0.0, 0.12, -0.55), LOWER_LIP),
        Pull((0.0, -4.5), (1.8, 0.5), (0.0, 0.55, -0.25), LOWER_LIP),
    ),
    "mouthRollUpper": (
        Pull((0.0, -3.05), (1.9, 0.45), (0.0, -0.08, -0.5), UPPER_LIP),
        Pull((0.0, -2.4), (1.8, 0.45), (0.0, -0.5, -0.25), UPPER_LIP),
    ),
    "cheekPuff": (
        Pull((3.7, -2.7), (2.0, 1.9), (0.4, 0.05, 0.95)),
        Pull((1.4, -2.2), (1.3, 0.7), (0.0, 0.05, 0.3), UPPER_LIP),
        Pull((1.4, -4.9), (1.3, 0.8), (0.0, 0.0, 0.3), LOWER_LIP),
    ),
    "eyeBlink": (Lids(0.93, 0.13), Pull((3.2, 5.1), (1.5, 0.6), (0.0, -0.1, 0.0))),
    "eyeLookUp": (Gaze(24, 0), Lids(-0.22, 0.1)),
    "eyeLookDown": (Gaze(-28, 0), Lids(0.6, -0.12)),
    "eyeLookIn": (Gaze(0, -28), Lids(0.03, 0.0)),
    "eyeLookOut": (Gaze(0, 28), Lids(0.03, 0.0)),
}


def expressions(head: Part, opposite: np.ndarray) -> dict[str, Shape]:
    """Every expression shape, by name.

    Args:
        head: Both halves of the head.
        opposite: The vertex on the other side of each one, int [V].
    """
    shapes = {}

    def mirror(offsets):
        return offsets[opposite] * [-1.0, 1.0, 1.0]

    whole = _whole_face(head)
    for name, unit in ACTION_UNITS.items():
        if unit.two_sided:
            left = _one_side(head, _MOVEMENTS[name])
            shapes[f"{name}_L"], shapes[f"{name}_R"] = left, mirror(left)
        elif name.endswith("Right"):
            shapes[name] = mirror(whole[name.replace("Right", "Left")](head))
        else:
            offsets = np.zeros_like(head.points)
            if name in _MOVEMENTS:
                left = _one_side(head, _MOVEMENTS[name])
                offsets = offsets + left + mirror(left)
            if name in whole:
                one = whole[name](head)
                offsets = offsets + (
                    one if name.endswith("Left") else 0.5 * (one + mirror(one))
                )
            shapes[name] = offsets
    return {name: _sparse(offsets) for name, offsets in shapes.items()}


def _sparse(offsets: np.ndarray) -> Shape:
    indices = np.flatnonzero(np.abs(offsets).max(axis=1) > _LEAST)
    return Shape(indices.astype(np.int32), offsets[indices].astype(np.float32))


def _one_side(head: Part, terms: tuple) -> np.ndarray:
    """The movement of the left half, fading out over the middle."""
    result = np.zeros_like(head.points)
    reached = head.places[:, 0] > -1.1
    head = some(head, reached)
    offsets = np.zeros_like(head.points)
    places = head.places
    side = smooth_step(places[:, 0], -1.1, 1.1)
    # Skin of the side and back of the head stays.
    ahead = smooth_step(places[:, 2], 2.0, 5.0)
    # Lids turn with `Lids` only, so that they keep to the eyeball.
    apart = np.hypot(np.abs(places[:, 0]) - EYE[0], 1.15 * (places[:, 1] - EYE[1]))
    free = smooth_step(apart, 0.75, 1.75)
    skin = head.softness * side * ahead * free
    lower = lower_lip(places)
    lip = {BOTH: 1.0, UPPER_LIP: 1.0 - lower, LOWER_LIP: lower}
    for term in terms:
        if isinstance(term, Pull):
            weight = skin * bump(places[:, :2], term.centre, term.radii) * lip[term.lip]
            offsets += weight[:, None] * np.array(term.way)
        elif isinstance(term, Fold):
            offsets[:, 2] -= term.depth * skin * ridge(places, term.line, term.width)
        elif isinstance(term, Lids):
            turn = eyes.lid_turn(places, term.upper, term.lower) * head.lid
            offsets += _turned(head.points, turn * (places[:, 0] > 0), EYE)
        elif isinstance(term, Gaze):
            mine = head.eye & (places[:, 0] > 0)
            offsets += mine[:, None] * _gaze(head.points, term)
    result[reached] = offsets
    return result


def _turned(points: np.ndarray, angle: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Displacement by a turn about the x axis through a centre, down in front."""
    y, z = points[:, 1] - centre[1], points[:, 2] - centre[2]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([0 * y, y * cos - z * sin - y, y * sin + z * cos - z], axis=1)


def _gaze(points: np.ndarray, term: Gaze) -> np.ndarray:
    if term.up:
        return _turned(points, np.full(len(points), -np.deg2rad(term.up)), EYE)
    # To the subject's left is up, once x takes the place of y.
    order = [1, 0, 2]
    angle = np.full(len(points), -np.deg2rad(term.left))
    return _turned(points[:, order], angle, EYE[order])[:, order]


def lower_lip(places: np.ndarray) -> np.ndarray:
    """How much a place lies below the opening of the mouth, [n], 0 to 1.

    The border is sharp between the lips and spreads beyond the corners.
    """
    x = np.abs(places[:, 0])
    line = touching_line(np.minimum(x, 2.2))
    width = 0.38 + 0.1 * x + 0.7 * np.clip(x - 2.0, 0.0, 3.5)
    return smooth_step(line - places[:, 1], -width, width)


def _carried_by_jaw(head: Part) -> np.ndarray:
    """How far each vertex moves with the lower jaw, [n], 0 to 1."""
    places = head.places
    share = lower_lip(places) * smooth_step(places[:, 2], 1.0, 4.0)
    # Below the jaw's edge the skin of the throat stays.
    throat = (1.0 - smooth_step(places[:, 2], 3.5, 9.0)) * smooth_step(
        -places[:, 1], 4.5, 8.0
    )
    share *= (1.0 - throat) * (1.0 - smooth_step(-places[:, 1], 8.8, 11.5))
    return np.where(np.isnan(head.jaw), share, head.jaw)


def _whole_face(head: Part) -> dict[str, Callable[[Part], np.ndarray]]:
    """Movements that are not sums of pulls on either side."""
    carried = _carried_by_jaw(head)[:, None]
    hinge = np.array([0.0, *_HINGE])
    down = _turned(head.points, np.full(len(head.points), _JAW_TURN), hinge) * carried
    flat = head.places[:, :2]
    soft = head.softness[:, None]

    def jaw_open(head):
        # The corners come together, the cheeks get longer and flatter.
        corner = bump(flat, (2.5, -3.6), (1.2, 1.2)) + bump(
            flat, (-2.5, -3.6), (1.2, 1.2)
        )
        cheek = bump(flat, (4.2, -2.6), (1.5, 2.0)) + bump(
            flat, (-4.2, -2.6), (1.5, 2.0)
        )
        side = np.sign(head.places[:, 0])
        extra = np.zeros_like(head.points)
        extra[:, 0] = -0.3 * corner * side - 0.15 * cheek * side
        extra[:, 2] = -0.1 * corner - 0.2 * cheek
        return down + extra * soft

    def mouth_close(head):
        near = 1.0 - (1.0 - bump(flat, (0.0, -3.7), (3.2, 1.2))) ** 2.5
        return -near[:, None] * down * soft * np.isnan(head.jaw)[:, None]

    def mouth_left(head):
        near = bump(flat, (0.0, -3.5), (2.9, 1.9))[:, None]
        return near * soft * np.array([1.3, 0.0, 0.0]) + np.outer(
            near[:, 0] * head.softness * np.abs(head.places[:, 0]) / 2.5,
            [0.0, 0.0, -0.25],
        )

    return {
        "jawOpen": jaw_open,
        "mouthClose": mouth_close,
        "mouthLeft": mouth_left,
        "jawForward": lambda head: carried * np.array([0.0, -0.1, 1.0]),
        "jawLeft": lambda head: carried * np.array([0.9, 0.0, 0.0]),
    }
