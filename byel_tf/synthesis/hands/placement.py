"""Places a hand against the face of a person with an expression."""

from __future__ import annotations

import dataclasses

import numpy as np

from byel_tf.synthesis.hands.grips import Grip, axes_of
from byel_tf.synthesis.hands.rig import (
    BONES,
    FIRST_FINGER,
    FOREARM,
    OF_A_FINGER,
    PALM,
    Bend,
    Rig,
    moves_of,
    skinned,
    turned_towards,
)
from byel_tf.synthesis.hands.touch import Heights, close_fingers, flatten
from byel_tf.synthesis.heads.head import Head

# How far a hand comes nearer at most, cm.
_FURTHEST = 6.0
# Depths below the chin to which skin belongs to the face, and from which to the neck.
_FACE_END, _NECK_BEGINS = 2.5, 1.5
# Turns of the arm away from the face that are tried.
_ARMS = (0.0, 0.4, 0.9, 1.8)


class Sides:
    """What the left hand may touch, and the right one, to which the head is mirrored.

    Attributes:
        face: Triangles of the face and the sides of the head, int32 [T, 3] each.
        neck: Those below the chin, int32 [N, 3] each.
    """

    def __init__(self, head: Head, casting: np.ndarray):
        """Looks at a head at rest.

        Args:
            head: The head.
            casting: Triangles of its skin, int32 [T, 3].
        """
        centres = head.vertices[casting].mean(axis=1)
        chin = head.vertices[head.landmarks[8], 1]
        above = (centres[:, 1] > chin - _FACE_END) & (centres[:, 2] > -5)
        below = (centres[:, 1] < chin - _NECK_BEGINS) & (centres[:, 1] > chin - 9)
        self.face = _both_ways(casting[above])
        self.neck = _both_ways(casting[below & (centres[:, 2] > -2)])


def _both_ways(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.ascontiguousarray(t) for t in (triangles, triangles[:, ::-1]))


@dataclasses.dataclass(frozen=True)
class Chance:
    """What is a hand's own.

    Attributes:
        person: Share of each kind of person in its form, float32 [P].
        size: Factor on its lengths, of which the face's own size is a part.
        slant: Within the grip's range, 0 to 1.
        roll: The same.
        shift: Along the face, cm, float64 [3].
        bends: On the angles of the fingers, degrees, float32 [5, 3].
    """

    person: np.ndarray
    size: float
    slant: float
    roll: float
    shift: np.ndarray
    bends: np.ndarray


def place(
    rig: Rig,
    grip: Grip,
    chance: Chance,
    points: np.ndarray,
    landmarks: np.ndarray,
    sides: Sides,
    side: int,
) -> tuple[np.ndarray, Heights]:
    """Vertices of a hand at a face.

    Args:
        rig: The hand.
        grip: How it is held.
        chance: What is its own.
        points: Vertices of the head, mirrored for the right hand, float32 [V, 3].
        landmarks: Those that are landmarks, int32 [68].
        sides: What it may touch.
        side: 0 for the left hand, 1 for the right one.

    Returns:
        float32 [N, 3], and the heights that it touches, mirrored as the head.
    """
    face, neck = sides.face[side], sides.neck[side]
    landmarks = points[landmarks]
    size = np.float32(chance.size)
    rest = size * np.tensordot(chance.person, rig.persons, 1)
    joints = size * np.tensordot(chance.person, rig.joints, 1)

    (low, high), (less, more) = grip.slant, grip.roll
    axes = axes_of(grip, low + (high - low) * chance.slant,
                   less + (more - less) * chance.roll)  # fmt: skip
    out = np.array(grip.out, np.float32)
    out /= np.linalg.norm(out)
    target = landmarks[list(grip.landmarks[side])].mean(axis=0)
    target = target + np.array(grip.shift) + chance.shift
    opened = np.array(grip.opened, np.float32) + chance.bends
    closed = np.array(grip.closed, np.float32) + chance.bends
    spreads = np.array(grip.spreads, np.float32)
    arm = axes.T @ _unit(np.array(grip.arm, np.float32))
    moves = moves_of(joints, Bend(opened, spreads, arm))

    held = np.mean([_moved_joint(joints, moves, row) for row in grip.anchor], axis=0)
    origin = (target - axes @ held).astype(np.float32)
    heights = Heights(points, face, out, target)
    strongest = rig.bones[:, 0]
    hand = strongest != FOREARM
    hand |= rest[:, 1] > -2.0 * size

    def placed() -> np.ndarray:
        return skinned(rest, rig.bones, rig.weights, moves) @ axes.T + origin

    if grip.before_neck:
        ahead = Heights(points, neck, (0.0, 0.0, 1.0), target)
        gap = ahead.gaps(placed()).min()
        origin[2] += max(0.0, -gap - grip.press)
    gap = min(_FURTHEST, heights.gaps(placed()[hand]).min())
    origin += (-gap - grip.press) * out
    to_field = heights.axes @ axes
    shift = heights.axes @ (origin - heights.origin)
    close_fingers(rest, joints, rig.bones, rig.weights, moves, opened, closed, spreads,
                  to_field, shift, heights.field, np.float32(grip.press))  # fmt: skip
    arm_points = np.flatnonzero(~hand)
    for away in _ARMS:
        arm = axes.T @ _unit(np.array(grip.arm, np.float32) + np.float32(away) * out)
        moves[FOREARM] = turned_towards(joints[FOREARM], joints[PALM], arm)
        at = placed()
        if heights.gaps(at[arm_points]).min() > -grip.press:
            break
    at = np.ascontiguousarray(at, np.float32)
    flatten(at, heights.seen(at), heights.field, out)
    return at, heights


def _moved_joint(joints, moves, row) -> np.ndarray:
    bone = row
    if row >= BONES:  # a tip, which the finger's last bone moves
        bone = FIRST_FINGER + OF_A_FINGER * (row - BONES) + OF_A_FINGER - 1
    return moves[bone, :, :3] @ joints[row] + moves[bone, :, 3]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
