"""A hand with its bones: what is in the package's file, and how it bends."""

from __future__ import annotations

import dataclasses
import functools
import io
import pathlib

import numpy as np

from byel_tf.synthesis.compiled import compiled

#: The hand that comes with the package, as `encode` writes it.
SHIPPED = pathlib.Path(__file__).with_name("hand.npz")
#: Bones: the forearm, the palm, and three of each finger from the thumb on.
FOREARM, PALM, FIRST_FINGER = 0, 1, 2
BONES, FINGERS, OF_A_FINGER = 17, 5, 3
# Steps of the file's numbers, cm and share.
_LENGTH, _SHARE = 1 / 1000, 1 / 255


@dataclasses.dataclass(frozen=True)
class Rig:
    """A left hand with its forearm, as persons of several kinds have it.

    Centimetres at the size of a face whose eyes and mouth are 6.9 cm apart, from the
    wrist: x to the little finger, y to the middle finger, z out of the palm.

    Attributes:
        persons: Vertices of each kind of person, float32 [P, V, 3].
        joints: Where the bones begin, the forearm's at the elbow, and the fingers'
            tips, float32 [P, 22, 3].
        triangles: Counter-clockwise seen from outside, int32 [T, 3].
        bones: Up to four that move a vertex, the strongest first, int32 [V, 4].
        weights: Their shares, float32 [V, 4].
    """

    persons: np.ndarray
    joints: np.ndarray
    triangles: np.ndarray
    bones: np.ndarray
    weights: np.ndarray


def encode(rig: Rig) -> bytes:
    """The content of a file."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        persons=np.rint(rig.persons / _LENGTH).astype(np.int16),
        joints=np.rint(rig.joints / _LENGTH).astype(np.int16),
        triangles=rig.triangles.astype(np.int16),
        bones=rig.bones.astype(np.int8),
        weights=np.rint(rig.weights / _SHARE).astype(np.uint8),
    )
    return file.getvalue()


def decode(data: bytes) -> Rig:
    """What `encode` made."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    weights = arrays["weights"].astype(np.float32)
    return Rig(
        persons=arrays["persons"].astype(np.float32) * np.float32(_LENGTH),
        joints=arrays["joints"].astype(np.float32) * np.float32(_LENGTH),
        triangles=arrays["triangles"].astype(np.int32),
        bones=arrays["bones"].astype(np.int32),
        weights=weights / weights.sum(axis=1, keepdims=True),
    )


@functools.cache
def shipped_rig() -> Rig:
    """The hand that comes with the package."""
    return decode(SHIPPED.read_bytes())


def joint_of(finger: int, number: int) -> int:
    """Row in `Rig.joints` of a finger's joint, from 0; 3 is its tip."""
    if number == OF_A_FINGER:
        return BONES + finger
    return FIRST_FINGER + OF_A_FINGER * finger + number


@dataclasses.dataclass(frozen=True)
class Bend:
    """How a hand is bent.

    Attributes:
        angles: Of each finger's joints from its root towards the palm, degrees,
            float32 [5, 3]; those of the thumb bring it across the palm.
        spreads: Turn of each finger in the palm's plane to the little finger, degrees,
            float32 [5]; that of the thumb lifts it out of the palm.
        arm: Unit vector from the wrist to the elbow, float32 [3].
    """

    angles: np.ndarray
    spreads: np.ndarray
    arm: np.ndarray


def bent(rig: Rig, points: np.ndarray, joints: np.ndarray, bend: Bend) -> np.ndarray:
    """Vertices of a bent hand by linear blend skinning, float32 [V, 3].

    Args:
        rig: Says which bones move which of them.
        points: The hand at rest, float32 [V, 3].
        joints: Its joints, float32 [22, 3].
        bend: How it is bent.
    """
    return skinned(points, rig.bones, rig.weights, moves_of(joints, bend))


def moves_of(joints: np.ndarray, bend: Bend) -> np.ndarray:
    """Rotation and shift of each bone, float32 [17, 3, 4]; see `bent`."""
    moves = np.zeros((BONES, 3, 4), np.float32)
    moves[:, :, :3] = np.eye(3)
    moves[FOREARM] = turned_towards(joints[FOREARM], joints[PALM], bend.arm)
    for finger in range(FINGERS):
        finger_moves(moves, joints, finger, bend.angles[finger], bend.spreads[finger])
    return moves


@compiled
def _turn(axis, angle):
    """Rotation about a unit axis, float32 [3, 3]."""
    c, s = np.cos(angle), np.sin(angle)
    d = np.float32(1.0) - c
    turn = np.empty((3, 3), np.float32)
    for i in range(3):
        for j in range(3):
            turn[i, j] = d * axis[i] * axis[j]
        turn[i, i] += c
    turn[0, 1] -= s * axis[2]
    turn[0, 2] += s * axis[1]
    turn[1, 0] += s * axis[2]
    turn[1, 2] -= s * axis[0]
    turn[2, 0] -= s * axis[1]
    turn[2, 1] += s * axis[0]
    return turn


@compiled
def _unit(vector):
    return vector / (np.sqrt((vector * vector).sum()) + np.float32(1e-9))


@compiled
def _about(turn, place):
    """A rotation about a place, float32 [3, 4]."""
    move = np.empty((3, 4), np.float32)
    move[:, :3] = turn
    for axis in range(3):
        move[axis, 3] = place[axis] - (turn[axis] * place).sum()
    return move


@compiled
def turned_towards(end, start, direction):
    """Turns a bone that begins at `start` from `end` to a direction, float32 [3, 4]."""
    now = _unit(end - start)
    axis = np.cross(now, direction)
    sine = np.sqrt((axis * axis).sum())
    if sine < np.float32(1e-6):
        return _about(np.eye(3).astype(np.float32), start)
    angle = np.arctan2(sine, (now * direction).sum())
    return _about(_turn(axis / sine, angle), start)


@compiled
def finger_moves(moves, joints, finger, angles, spread):
    """Writes the moves of one finger's bones, in place; angles as in `Bend`."""
    first = FIRST_FINGER + OF_A_FINGER * finger
    root = joints[first]
    along = _unit(joints[first + 1] - root)
    palm = np.array([0.0, 0.0, 1.0], np.float32)
    if finger == 0:
        # The thumb bends across the palm, not onto it.
        across = joints[FIRST_FINGER + 4 * OF_A_FINGER] - root
        axis = _unit(np.cross(along, _unit(across + np.float32(3.0) * palm)))
        side = _unit(np.cross(axis, along))
    else:
        axis = _unit(np.cross(along, palm))
        side = palm
    radians = np.float32(np.pi / 180)
    turn = _turn(side, np.float32(-spread) * radians)
    for number in range(OF_A_FINGER):
        turn = np.dot(turn, _turn(axis, np.float32(angles[number]) * radians))
        moves[first + number] = _about(turn, joints[first + number])
        if number > 0:
            # Its joint goes where the bone before takes it.
            at = joints[first + number]
            before = moves[first + number - 1]
            for i in range(3):
                goes = before[i, 3] + (before[i, :3] * at).sum()
                moves[first + number, i, 3] += goes - at[i]


@compiled
def skinned(points, bones, weights, moves):
    """Weighted means of what bones make of points [V, 3]; see `Rig`."""
    moved = np.zeros_like(points)
    for i in range(points.shape[0]):
        for k in range(bones.shape[1]):
            weight = weights[i, k]
            if weight == 0:
                continue
            move = moves[bones[i, k]]
            for axis in range(3):
                moved[i, axis] += weight * (
                    move[axis, 0] * points[i, 0]
                    + move[axis, 1] * points[i, 1]
                    + move[axis, 2] * points[i, 2]
                    + move[axis, 3]
                )
    return moved
