"""Ways to hold a hand to a face, as for the subject's left hand.

Directions are in the head's frame: x to the subject's left, y up, z out of the face.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from byel_tf.synthesis.hands.rig import PALM, joint_of

_Angles = tuple[tuple[float, float, float], ...]


@dataclasses.dataclass(frozen=True)
class Grip:
    """One way. Fingers close from `opened` to `closed` until they touch the face.

    Attributes:
        landmarks: Their mean is where the hand is held, on the left, and the same on
            the right.
        shift: Of that place, cm.
        anchor: Joints of the hand whose mean comes there.
        fingers: Where the fingers point, but for what `palm` forbids.
        palm: Where the palm looks.
        out: Away from the face, the way the hand comes.
        slant: Range of turns about `out`, degrees.
        roll: Range of turns about the fingers' direction, degrees: the palm to the
            subject's right.
        opened: Bend of each finger's joints, degrees, the thumb's first.
        closed: The same.
        spreads: Turn of each finger to the little finger, degrees.
        bending: Standard deviation of the fingers' bends, degrees.
        arm: Where the elbow is.
        press: How far flesh gives way, cm.
        before_neck: Whether the hand is before the neck, and not on the face.
        two: Whether both hands do it.
    """

    landmarks: tuple[tuple[int, ...], tuple[int, ...]]
    shift: tuple[float, float, float]
    anchor: tuple[int, ...]
    fingers: tuple[float, float, float]
    palm: tuple[float, float, float]
    out: tuple[float, float, float]
    slant: tuple[float, float]
    roll: tuple[float, float]
    opened: _Angles
    closed: _Angles
    spreads: tuple[float, ...]
    bending: float
    arm: tuple[float, float, float]
    press: float
    before_neck: bool = False
    two: bool = False


_FLAT = ((-20, -15, -10), *((-24, -14, -14),) * 4)
_PALM = Grip(
    landmarks=((12, 13), (4, 3)),
    shift=(-0.6, 0.0, 1.2),
    anchor=(PALM, joint_of(2, 0)),
    fingers=(0.10, 1.0, -0.25),
    palm=(-0.86, 0.22, -0.46),
    out=(0.86, -0.22, 0.46),
    slant=(-28.0, 15.0),
    roll=(-8.0, 8.0),
    opened=_FLAT,
    closed=((10, 10, 10), *((45, 38, 26),) * 4),
    spreads=(16, -3, 0, 2, 4),
    bending=6.0,
    arm=(0.25, -1.0, 0.25),
    press=0.45,
)
#: By the name that a domain gives them.
GRIPS = {
    "palm": _PALM,
    "both": dataclasses.replace(_PALM, two=True),
    "fingers": Grip(
        landmarks=((57, 55), (57, 59)),
        shift=(0.3, 1.2, 0.0),
        anchor=(joint_of(1, 3), joint_of(2, 3)),
        fingers=(-0.35, 1.0, 0.0),
        palm=(0.0, -0.5, -0.87),
        out=(0.15, -0.25, 0.95),
        slant=(-25.0, 30.0),
        roll=(-15.0, 25.0),
        opened=((-20, -15, -10), *((-6, 10, 6),) * 4),
        closed=((30, 30, 30), *((10, 16, 10),) * 4),
        spreads=(14, 5, 0, -4, -8),
        bending=9.0,
        arm=(0.35, -1.0, 0.25),
        press=0.2,
    ),
    "mouth": Grip(
        landmarks=((48, 54, 57), (48, 54, 57)),
        shift=(0.6, -0.3, 0.0),
        anchor=(joint_of(1, 0), joint_of(1, 1), joint_of(2, 0), joint_of(2, 1)),
        fingers=(-0.93, 0.35, -0.1),
        palm=(-0.12, 0.15, -0.98),
        out=(0.12, -0.15, 0.98),
        slant=(-14.0, 22.0),
        roll=(-8.0, 8.0),
        opened=_FLAT,
        closed=((12, 18, 20), *((42, 36, 24),) * 4),
        spreads=(6, 7, 0, -6, -13),
        bending=5.0,
        arm=(0.80, -0.60, 0.25),
        press=0.5,
    ),
    "fist": Grip(
        landmarks=((8,), (8,)),
        shift=(0.4, 0.8, 2.4),
        anchor=tuple(joint_of(finger, n) for finger in (1, 2, 3) for n in (0, 1)),
        fingers=(-0.10, 1.0, 0.10),
        palm=(0.0, 0.0, -1.0),
        out=(0.05, -1.0, 0.18),
        slant=(-12.0, 12.0),
        roll=(0.0, 65.0),
        opened=((24, 42, 45), *((78, 92, 44),) * 4),
        closed=((24, 42, 45), *((78, 92, 44),) * 4),
        spreads=(8, 4, 0, -4, -7),
        bending=3.0,
        arm=(0.30, -1.0, 0.25),
        press=0.35,
        before_neck=True,
    ),
    "nails": Grip(
        landmarks=((57, 66), (57, 66)),
        shift=(2.5, -0.9, 0.0),
        anchor=tuple(joint_of(finger, 3) for finger in (1, 2, 3)),
        fingers=(-0.12, 1.0, 0.0),
        palm=(0.15, -0.45, -0.9),
        out=(0.06, -0.3, 0.95),
        slant=(-18.0, 12.0),
        roll=(-10.0, 20.0),
        opened=((10, 25, 25), *((30, 92, 50),) * 4),
        closed=((30, 40, 40), *((50, 100, 56),) * 4),
        spreads=(10, 6, 0, -6, -12),
        bending=7.0,
        arm=(0.35, -1.0, 0.2),
        press=0.2,
        two=True,
    ),
    "temples": Grip(
        landmarks=((16, 26), (0, 17)),
        shift=(0.2, 1.6, 0.0),
        anchor=(PALM, joint_of(2, 0)),
        fingers=(-0.35, 1.0, -0.15),
        palm=(-0.90, -0.12, -0.42),
        out=(0.90, 0.12, 0.42),
        slant=(-30.0, 25.0),
        roll=(-10.0, 12.0),
        opened=_FLAT,
        closed=((10, 10, 10), *((45, 38, 26),) * 4),
        spreads=(16, -5, 0, 4, 8),
        bending=8.0,
        arm=(0.9, -0.8, 0.2),
        press=0.45,
        two=True,
    ),
    "brow": Grip(
        landmarks=((21, 22, 24), (22, 21, 19)),
        shift=(0.8, 2.2, 0.0),
        anchor=(joint_of(1, 0), joint_of(2, 0), joint_of(2, 1)),
        fingers=(-0.90, 0.45, -0.1),
        palm=(-0.15, -0.2, -0.97),
        out=(0.15, 0.2, 0.97),
        slant=(-30.0, 30.0),
        roll=(-10.0, 10.0),
        opened=_FLAT,
        closed=((12, 18, 20), *((42, 36, 24),) * 4),
        spreads=(10, 4, 0, -4, -8),
        bending=7.0,
        arm=(0.85, -0.7, 0.35),
        press=0.4,
    ),
}


def axes_of(grip: Grip, slant: float, roll: float) -> np.ndarray:
    """The hand's axes in the head's frame, as columns, float32 [3, 3].

    Args:
        grip: Says where fingers and palm point.
        slant: Turn about `grip.out`, degrees.
        roll: Turn about the fingers, degrees.
    """
    palm, along = _unit(grip.palm), np.array(grip.fingers)
    along = _unit(along - (along @ palm) * palm)
    axes = np.stack([np.cross(along, palm), along, palm], axis=1)
    turned = _turn(_unit(grip.out), slant) @ axes @ _turn(np.array([0, 1.0, 0]), roll)
    return turned.astype(np.float32)


def _turn(axis: np.ndarray, degrees: float) -> np.ndarray:
    """Rotation about a unit axis, float64 [3, 3]."""
    angle = np.radians(degrees)
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _unit(vector) -> np.ndarray:
    return np.asarray(vector, float) / np.linalg.norm(vector)
