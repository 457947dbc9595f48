"""How each facial movement displaces the head.

A movement of the skin is a sum of pulls: soft patches that move together. Patches,
in cm seen from the front, are the places where the muscles end; amplitude 1 is a strong
natural movement, about as far as ICT-FaceKit's shape of that name goes. Lids turn about
the eyeball, the lower jaw about its joint.
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
from byel_tf.synthesis.heads.pull import BOTH, LOWER_LIP, UPPER_LIP, Pull

# What the lower jaw turns about, y and z, cm: behind the joint, which also slides
# forward; and how far it turns.
_HINGE = np.array([2.4, -1.8])
_JAW_TURN = np.deg2rad(15.5)
_HALF_MOUTH = 2.3  # From the middle to where the lips join, cm.
_LEAST = 1e-3  # Displacements below this are left out, cm.


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
_UNDER_EYE = ((2.2, 2.3), (3.3, 1.75), (4.7, 2.2))

# Movements of the subject's left half; those of the whole face are mirrored and added.
_MOVEMENTS: dict[str, tuple] = {
    "browInnerUp": (
        Pull((1.3, 5.8), (1.5, 1.4), (0.03, 0.5, 0.0)),
        Pull((3.0, 6.2), (1.6, 1.3), (0.0, 0.15, 0.0)),
        Pull((1.5, 7.9), (2.4, 1.7), (0.03, 0.25, 0.05)),
        Pull((2.2, 4.7), (1.2, 0.5), (0.0, 0.2, -0.05)),
    ),
    "browOuterUp": (
        Pull((4.6, 6.0), (1.9, 1.6), (0.2, 0.75, -0.25)),
        Pull((2.4, 6.2), (1.3, 1.2), (0.03, 0.2, 0.0)),
        Pull((4.4, 8.0), (2.0, 1.5), (0.1, 0.25, -0.05)),
        Pull((3.6, 4.7), (1.4, 0.6), (0.0, 0.2, -0.05)),
    ),
    "browDown": (
        Pull((1.3, 5.8), (1.3, 1.1), (-0.2, -0.3, 0.1)),
        Pull((3.6, 6.1), (1.9, 1.2), (-0.4, -0.3, 0.25)),
        Pull((2.6, 4.8), (1.7, 0.5), (-0.05, -0.15, 0.1)),
        Pull((0.7, 5.0), (0.7, 0.6), (0.0, -0.1, 0.08)),
        Pull((2.2, 7.6), (2.3, 1.3), (-0.08, -0.15, 0.08)),
        Fold(((0.75, 4.9), (0.65, 6.2)), 0.22, 0.04),
    ),
    "eyeWide": (Lids(-0.28, -0.1), Pull((3.2, 4.8), (1.4, 0.4), (0.0, 0.12, -0.05))),
    "cheekRaiser": (
        Pull((4.5, 0.6), (2.3, 2.0), (-0.08, 0.55, 0.22)),
        Pull((3.4, 2.1), (1.6, 0.6), (-0.05, 0.15, 0.08)),
        Pull((2.9, -2.0), (1.5, 1.3), (0.1, 0.15, -0.1)),
        Pull((5.3, 3.3), (0.9, 1.0), (-0.08, 0.05, 0.12)),
        Fold(_UNDER_EYE, 0.2, 0.06),
        Lids(0.05, 0.28),
    ),
    "cheekSquint": (
        Pull((4.5, 0.6), (2.2, 1.9), (-0.08, 0.5, 0.22)),
        Pull((3.3, 2.1), (1.5, 0.6), (-0.05, 0.12, 0.06)),
        Pull((2.9, -2.0), (1.5, 1.3), (0.1, 0.1, -0.1)),
        Pull((4.2, 5.4), (1.6, 0.9), (0.0, -0.1, 0.0)),
        Fold(_UNDER_EYE, 0.2, 0.05),
        Lids(0.05, 0.26),
    ),
    "eyeSquint": (
        Lids(0.18, 0.3),
        Pull((2.9, 2.1), (1.6, 0.7), (-0.22, 0.22, 0.07)),
        Pull((4.2, 1.0), (1.3, 1.1), (-0.12, 0.1, 0.03)),
        Pull((5.0, 3.4), (0.7, 0.7), (-0.12, 0.0, 0.03)),
    ),
    "noseSneer": (
        Pull((3.2, -0.8), (2.2, 2.1), (-0.13, 0.8, 0.12)),
        Pull((4.2, 0.8), (1.6, 1.3), (-0.05, 0.25, 0.12)),
        Pull((1.35, -0.6), (0.7, 0.8), (0.1, 0.3, 0.0)),
        Pull((1.9, -2.7), (1.2, 1.1), (0.06, 0.5, 0.0), UPPER_LIP),
        Pull((0.0, -2.5), (1.1, 0.9), (0.0, 0.3, 0.0), UPPER_LIP),
        Pull((2.8, -3.8), (1.2, 1.2), (-0.08, 0.2, 0.05)),
        Pull((0.0, 0.2), (1.0, 1.0), (0.0, 0.25, 0.0)),
        Pull((1.2, 1.6), (0.8, 1.0), (-0.05, 0.25, 0.12)),
        Pull((1.9, 5.8), (1.8, 1.1), (-0.1, -0.3, 0.05)),
        Fold(_NASOLABIAL, 0.3, 0.1),
        Lids(0.05, 0.12),
    ),
    "mouthUpperUp": (
        Pull((2.5, -1.4), (1.5, 1.4), (0.15, 0.6, -0.12)),
        Pull((1.7, -2.7), (1.2, 0.9), (0.1, 0.42, 0.0), UPPER_LIP),
        Pull((0.0, -2.6), (1.1, 0.8), (0.0, 0.3, -0.05), UPPER_LIP),
        Pull((4.1, 0.0), (1.7, 1.5), (0.1, 0.28, 0.2)),
        Pull((1.35, -0.7), (0.7, 0.7), (0.1, 0.2, -0.08)),
        Pull((2.8, -3.7), (1.2, 1.2), (0.0, 0.22, 0.05)),
        Fold(_NASOLABIAL, 0.3, 0.08),
    ),
    "mouthSmile": (
        Pull((2.9, -3.6), (1.9, 2.1), (0.65, 0.95, -0.85)),
        Pull((0.0, -3.6), (1.5, 1.6), (0.0, 0.22, -0.2)),
        Pull((0.0, -6.2), (2.6, 1.6), (0.0, 0.25, 0.03)),
        Pull((4.4, -0.4), (1.7, 1.6), (0.25, 0.4, 0.5)),
        Pull((4.6, 1.3), (1.8, 1.4), (0.08, 0.22, 0.05)),
        Pull((2.3, -1.2), (1.1, 1.1), (0.18, 0.18, -0.08)),
        Pull((1.4, -0.5), (0.6, 0.7), (0.12, 0.08, -0.1)),
        Fold(((1.95, -0.3), (2.9, -1.3), (3.8, -2.3), (4.1, -3.4)), 0.32, 0.12),
    ),
    "mouthDimple": (
        Pull((2.5, -3.6), (1.0, 1.0), (0.12, 0.25, -0.55)),
        Pull((4.0, -1.4), (1.3, 1.3), (0.1, 0.12, 0.32)),
        Pull((3.9, -3.6), (0.8, 1.2), (-0.15, 0.1, 0.25)),
        Pull((2.6, -5.0), (1.3, 1.0), (0.1, 0.35, -0.05)),
        Fold(((3.1, -2.6), (3.3, -3.6), (3.1, -4.5)), 0.25, 0.12),
    ),
    "mouthFrown": (
        Pull((2.7, -3.5), (1.3, 1.4), (0.2, -0.6, -0.18)),
        Pull((2.8, -1.8), (1.3, 1.2), (0.0, -0.2, -0.12)),
        Pull((0.0, -3.7), (1.3, 0.8), (0.0, 0.12, 0.05)),
        Pull((1.6, -4.4), (0.9, 0.6), (0.0, 0.12, 0.1), LOWER_LIP),
        Pull((2.9, -5.3), (1.0, 0.8), (0.03, -0.1, 0.17)),
        Fold(((2.9, -3.9), (3.3, -4.7), (3.3, -5.6)), 0.25, 0.08),
    ),
    "mouthLowerDown": (
        Pull((1.2, -4.4), (1.5, 1.0), (0.08, -0.45, -0.12), LOWER_LIP),
        Pull((0.0, -4.4), (1.2, 1.0), (0.0, -0.22, -0.08), LOWER_LIP),
        Pull((0.8, -6.0), (2.0, 1.4), (0.05, -0.2, -0.08), LOWER_LIP),
        Pull((2.5, -3.8), (1.0, 1.0), (0.0, -0.08, 0.0)),
    ),
    "mouthShrugLower": (
        Pull((0.0, -5.9), (2.1, 1.4), (0.0, 0.85, 0.2)),
        Pull((0.0, -4.3), (2.2, 0.9), (0.0, 0.3, 0.4), LOWER_LIP),
        Pull((0.0, -3.0), (2.0, 0.7), (0.0, 0.32, 0.15), UPPER_LIP),
        Pull((2.8, -5.0), (1.2, 1.0), (-0.08, 0.2, 0.15)),
        Fold(((-1.3, -5.2), (0.0, -4.9), (1.3, -5.2)), 0.25, 0.1),
    ),
    "mouthShrugUpper": (
        Pull((0.0, -2.7), (2.1, 1.1), (0.0, 0.48, 0.05), UPPER_LIP),
        Pull((0.0, -1.4), (1.3, 0.6), (0.0, 0.2, 0.0)),
    ),
    "mouthPucker": (
        Pull((0.0, -3.4), (2.6, 2.0), (0.0, 0.03, 0.65)),
        Pull((2.6, -3.5), (1.6, 1.5), (-0.65, 0.15, 0.4)),
        Pull((3.2, -4.0), (1.8, 2.0), (-0.15, 0.12, 0.2)),
        Pull((0.0, -2.2), (1.2, 0.5), (0.0, 0.2, 0.1), UPPER_LIP),
        Pull((0.0, -4.6), (1.1, 0.5), (0.0, -0.15, 0.0), LOWER_LIP),
    ),
    "mouthStretch": (
        Pull((2.7, -3.6), (1.6, 1.6), (0.7, -0.3, -0.65)),
        Pull((3.4, -5.4), (1.6, 1.5), (0.22, -0.15, 0.0)),
        Pull((2.8, -1.5), (1.2, 1.2), (0.12, -0.05, -0.05)),
        Pull((0.0, -3.5), (1.2, 1.2), (0.0, -0.05, -0.12)),
        Pull((1.1, -4.4), (1.2, 0.8), (0.05, -0.12, -0.05), LOWER_LIP),
        Fold(((3.2, -3.2), (3.8, -4.3), (3.7, -5.5)), 0.3, 0.08),
    ),
    "mouthFunnel": (
        Pull((0.0, -3.4), (2.6, 2.0), (0.0, 0.0, 0.6)),
        Pull((2.5, -3.5), (1.4, 1.4), (-0.45, 0.0, 0.3)),
        Pull((0.0, -2.6), (1.6, 0.8), (0.0, 0.5, 0.1), UPPER_LIP),
        Pull((0.0, -4.2), (1.7, 0.9), (0.0, -0.65, 0.0), LOWER_LIP),
        Pull((0.0, -6.3), (2.0, 1.5), (0.0, -0.4, -0.15)),
    ),
    "mouthPress": (
        Pull((1.0, -2.45), (1.5, 0.4), (0.0, -0.18, -0.06), UPPER_LIP),
        Pull((1.0, -4.45), (1.5, 0.45), (0.0, 0.25, -0.03), LOWER_LIP),
        Pull((1.0, -3.35), (1.6, 0.55), (0.0, 0.02, -0.2)),
        Pull((2.6, -3.5), (0.8, 0.8), (0.05, 0.05, -0.1)),
        Pull((1.6, -5.6), (1.5, 1.0), (0.0, 0.22, 0.15)),
        Pull((2.6, -2.0), (1.6, 1.0), (0.05, 0.03, 0.12)),
    ),
    "mouthRollLower": (
        Pull((0.0, -3.8), (2.0, 0.55), (0.0, 0.1, -0.6), LOWER_LIP),
        Pull((0.0, -4.5), (2.0, 0.5), (0.0, 0.5, -0.2), LOWER_LIP),
        Pull((0.0, -5.2), (1.8, 0.7), (0.0, 0.3, 0.1)),
    ),
    "mouthRollUpper": (
        Pull((0.0, -3.0), (2.0, 0.5), (0.0, 0.0, -0.5), UPPER_LIP),
        Pull((0.0, -2.4), (2.0, 0.5), (0.0, -0.4, -0.25), UPPER_LIP),
        Pull((0.0, -1.9), (1.4, 0.5), (0.0, -0.2, -0.08), UPPER_LIP),
    ),
    "cheekPuff": (
        Pull((3.2, -3.1), (2.0, 2.2), (0.1, 0.15, 1.1)),
        Pull((5.4, -2.6), (1.6, 2.1), (0.5, 0.1, 0.35)),
        Pull((0.0, -3.3), (1.5, 1.6), (0.0, 0.0, 0.35)),
        Pull((2.3, -3.5), (0.9, 0.7), (-0.3, 0.0, 0.1)),
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
            # Lips that move together stay closed: only there do their places differ.
            at = head.points if term.lip == BOTH else places
            weight = skin * bump(at[:, :2], term.centre, term.radii) * lip[term.lip]
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
    width = 0.36 + 0.04 * x + 0.75 * np.clip(x - 2.05, 0.0, 3.5)
    return smooth_step(line - places[:, 1], -width, width)


def _carried_by_jaw(head: Part) -> np.ndarray:
    """How far each vertex moves with the lower jaw, [n], 0 to 1."""
    places = head.places
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    share = lower_lip(places) * smooth_step(z, 1.0, 4.0)
    # Near the corners both lips go half way, so that the opening is an oval.
    oval = np.sqrt(1.0 - (np.minimum(x, _HALF_MOUTH) / _HALF_MOUTH) ** 2)
    beside = np.maximum(x - _HALF_MOUTH, 0.0) / 0.9
    near = np.exp(-(beside**2) - ((y + 3.5) / 1.3) ** 2) * (1.0 - oval)
    share += near * (0.45 - share)
    # The skin of the cheeks only stretches.
    share *= 1.0 - 0.5 * smooth_step(x, 1.5, 6.5)
    # Below the jaw's edge the skin of the throat stays.
    throat = (1.0 - smooth_step(z, 3.5, 9.0)) * smooth_step(-y, 4.5, 8.0)
    share *= (1.0 - throat) * (1.0 - smooth_step(-y, 8.8, 11.5))
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
