"""What each facial movement is made of on MakeHuman's body.

A movement is a sum of the project's own targets and pose units, and of pulls: soft
patches of skin that move together, for what these lack. Weight 1 is a strong natural
movement, about as far as ICT-FaceKit's shape of that name goes.
"""

from __future__ import annotations

import dataclasses

from byel_tf.synthesis.heads.pull import LOWER_LIP, UPPER_LIP, Pull


@dataclasses.dataclass(frozen=True)
class Unit:
    """A share of an expression target, which each ancestry has its own of."""

    name: str
    weight: float


@dataclasses.dataclass(frozen=True)
class Pose:
    """A share of a pose unit of the rig."""

    name: str
    weight: float


@dataclasses.dataclass(frozen=True)
class Target:
    """A share of a target that varies faces."""

    name: str
    weight: float


@dataclasses.dataclass(frozen=True)
class Carried:
    """What the lower jaw takes with it, moved by `way`, cm."""

    way: tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Against:
    """What keeps the lips where they are, whatever a movement does."""

    name: str


# {side}, {Side} and {s} stand for the subject's left and right. A term of the whole
# face in a movement of two sides is its half there.
MOVEMENTS: dict[str, tuple] = {
    "browInnerUp": (
        Unit("eyebrows-{side}-inner-up", 0.65),
        Pose("{Side}InnerBrowUp", 0.4),
        Pull((3.2, 6.2), (1.7, 1.3), (0.0, 0.2, 0.0)),
        Pull((1.5, 7.9), (2.4, 1.7), (0.0, 0.15, 0.05)),
    ),
    "browOuterUp": (
        Unit("eyebrows-{side}-extern-up", 0.9),
        Pose("{Side}OuterBrowUp", 0.5),
        Pull((3.4, 6.1), (1.6, 1.3), (0.05, 0.3, -0.05)),
        Pull((4.4, 8.0), (2.0, 1.5), (0.1, 0.2, -0.05)),
    ),
    "browDown": (
        Unit("eyebrows-{side}-down", 0.32),
        Pose("{Side}BrowDown", 0.27),
        Pull((1.3, 5.6), (1.3, 1.2), (-0.2, -0.02, 0.16)),
        Pull((3.6, 6.1), (1.9, 1.2), (-0.36, -0.26, 0.2)),
        Pull((2.6, 4.8), (1.7, 0.5), (-0.05, -0.12, 0.12)),
        Pull((2.2, 7.6), (2.3, 1.3), (-0.08, -0.12, 0.06)),
    ),
    "eyeWide": (Unit("eye-{side}-opened-up", 1.0),),
    "eyeSquint": (
        Unit("eye-{side}-slit", 0.3),
        Pose("{Side}LowerLidUp", 0.22),
        Pull((2.9, 2.1), (1.6, 0.6), (-0.15, 0.15, 0.08)),
    ),
    "eyeBlink": (Unit("eye-{side}-closure", 0.86), Pose("{Side}LowerLidUp", 0.08)),
    "cheekRaiser": (
        Pose("{Side}CheekUp", 0.55),
        Pose("{Side}LowerLidUp", 0.55),
        Pull((4.5, 0.5), (2.2, 1.9), (0.16, 0.25, 0.0)),
        Pull((3.4, 2.0), (1.6, 0.6), (-0.05, 0.15, 0.12)),
        Pull((2.9, -1.8), (1.4, 1.3), (0.12, 0.25, -0.12)),
        Pull((5.3, 3.3), (0.9, 1.0), (-0.1, 0.05, 0.1)),
    ),
    "cheekSquint": (
        Pose("{Side}CheekUp", 0.5),
        Pose("{Side}LowerLidUp", 0.45),
        Pull((4.4, 0.5), (2.1, 1.8), (0.14, 0.25, 0.05)),
        Pull((3.3, 2.0), (1.5, 0.6), (-0.05, 0.12, 0.1)),
        Pull((2.9, -1.8), (1.4, 1.3), (0.12, 0.2, -0.12)),
        Pull((4.2, 5.4), (1.6, 0.9), (0.0, -0.1, 0.0)),
    ),
    "noseSneer": (
        Unit("nose-{side}-elevation", 1.5),
        Unit("nose-{side}-dilatation", 0.4),
        Target("cheek/{s}-cheek-inner-incr", 0.4),
        Pull((3.3, -0.6), (2.1, 2.0), (-0.1, 0.6, 0.18)),
        Pull((0.0, -2.8), (1.7, 1.1), (0.0, 0.85, 0.0), UPPER_LIP),
        Pull((1.7, -2.8), (1.1, 1.0), (0.05, 0.3, 0.0), UPPER_LIP),
        Pull((2.8, -3.8), (1.2, 1.2), (-0.06, 0.4, 0.05)),
        Pull((0.0, 0.4), (1.0, 1.1), (0.0, 0.12, 0.0)),
        Pull((1.2, 1.6), (0.8, 1.0), (-0.05, 0.25, 0.15)),
        Pull((2.0, 5.8), (1.9, 1.1), (-0.1, -0.32, 0.08)),
        Pose("{Side}LowerLidUp", 0.2),
    ),
    "mouthUpperUp": (
        Pose("UpperLipUp", 0.5),
        Pull((2.4, -1.3), (1.5, 1.2), (0.18, 0.5, -0.12)),
        Pull((0.0, -2.9), (1.5, 1.1), (0.0, 0.55, 0.0), UPPER_LIP),
        Pull((1.5, -2.9), (1.1, 1.0), (0.12, 0.2, 0.0), UPPER_LIP),
        Pull((4.1, 0.0), (1.7, 1.5), (0.1, 0.3, 0.22)),
        Pull((1.35, -0.7), (0.7, 0.8), (0.1, 0.35, -0.05)),
        Pull((2.7, -3.6), (1.1, 1.1), (0.0, 0.2, 0.05)),
    ),
    "mouthSmile": (
        Pose("Mouth{Side}PullUp", 0.2),
        Pose("Mouth{Side}PullSide", 0.35),
        Unit("mouth-corner-puller", 0.55),
        Pull((2.8, -3.6), (1.5, 1.5), (0.22, 0.05, -0.12)),
        Pull((0.0, -2.8), (1.7, 1.0), (0.0, 0.5, 0.0), UPPER_LIP),
        Pull((4.2, -0.3), (1.8, 1.7), (0.22, 0.55, 0.5)),
        Pull((2.4, -1.2), (1.1, 1.1), (0.15, 0.12, -0.08)),
        Pull((1.4, -0.5), (0.6, 0.7), (0.14, 0.08, -0.1)),
        Pull((0.0, -6.2), (2.4, 1.5), (0.0, 0.28, 0.12)),
    ),
    "mouthDimple": (
        Unit("mouth-retraction", 0.5),
        Pull((2.6, -3.6), (0.9, 0.9), (0.05, 0.15, -0.3)),
        Pull((4.0, -1.6), (1.2, 1.2), (0.1, 0.12, 0.3)),
        Pull((3.9, -3.6), (0.8, 1.2), (-0.15, 0.1, 0.3)),
        Pull((2.6, -5.0), (1.3, 1.0), (0.05, 0.25, -0.05)),
    ),
    "mouthFrown": (
        Unit("mouth-depression", 0.85),
        Pull((2.8, -1.8), (1.3, 1.2), (0.0, -0.2, -0.1)),
        Pull((2.9, -5.3), (1.0, 0.8), (0.03, -0.08, 0.15)),
    ),
    "mouthLowerDown": (
        Pose("lowerLipDown", 0.6),
        Pull((0.9, -6.2), (2.0, 1.4), (0.04, -0.2, -0.08), LOWER_LIP),
    ),
    "mouthShrugLower": (
        Pose("lowerLipUp", 1.25),
        Pull((0.0, -6.2), (2.0, 1.3), (0.0, 0.3, 0.12)),
        Pull((0.0, -3.0), (2.0, 0.8), (0.0, 0.3, 0.2), UPPER_LIP),
        Pull((0.0, -4.2), (1.8, 0.6), (0.0, 0.1, 0.15), LOWER_LIP),
    ),
    "mouthShrugUpper": (
        Pose("UpperLipForward", 0.2),
        Pull((0.0, -2.7), (2.1, 1.0), (0.0, 0.42, 0.05), UPPER_LIP),
        Pull((0.0, -1.4), (1.3, 0.6), (0.0, 0.15, 0.0)),
        Pose("lowerLipUp", 0.35),
    ),
    "mouthPucker": (
        Unit("mouth-pursing", 0.75),
        Pull((0.0, -3.4), (1.9, 1.6), (0.0, 0.0, 0.4)),
        Pull((3.2, -3.4), (1.6, 2.0), (-0.2, 0.1, 0.2)),
    ),
    "mouthStretch": (
        Pose("Mouth{Side}Platysma", 0.25),
        Pull((2.7, -3.6), (1.6, 1.5), (0.7, -0.28, -0.3)),
        Pull((3.6, -5.4), (1.7, 1.6), (0.28, -0.1, 0.0)),
        Pull((2.8, -1.5), (1.2, 1.2), (0.15, -0.08, -0.08)),
        Pull((0.0, -3.5), (1.2, 1.2), (0.0, -0.04, -0.1)),
        Pull((1.2, -4.4), (1.3, 0.8), (0.1, -0.14, -0.05), LOWER_LIP),
    ),
    "mouthFunnel": (
        Unit("mouth-protusion", 0.55),
        Unit("mouth-eversion", 0.3),
        Pull((0.0, -3.4), (2.2, 1.8), (0.0, 0.0, 0.3)),
        Pull((0.0, -2.6), (1.5, 0.8), (0.0, 0.45, 0.15), UPPER_LIP),
        Pull((0.0, -4.3), (1.5, 0.9), (0.0, -0.35, 0.0), LOWER_LIP),
        Pull((2.6, -3.5), (1.2, 1.2), (-0.25, 0.0, 0.1)),
    ),
    "mouthPress": (
        Unit("mouth-compression", 0.35),
        Pull((0.0, -2.55), (1.9, 0.5), (0.0, -0.16, -0.1), UPPER_LIP),
        Pull((0.0, -4.4), (1.9, 0.6), (0.0, 0.3, -0.02), LOWER_LIP),
        Pull((0.0, -3.4), (1.8, 0.5), (0.0, 0.0, -0.12)),
        Pull((0.0, -6.0), (2.0, 1.2), (0.0, 0.32, 0.18)),
        Pull((2.7, -3.6), (0.8, 0.8), (0.05, -0.15, -0.1)),
        Pull((2.6, -2.0), (1.6, 1.0), (0.05, 0.0, 0.12)),
    ),
    "jawOpen": (
        Unit("mouth-open", 0.35),
        Pose("JawDrop", 0.9),
        Target("mouth/mouth-upperlip-middle-up", 0.4),
        Pull((2.6, -3.6), (1.1, 1.1), (0.1, -0.1, 0.0)),
    ),
    "mouthClose": (Against("jawOpen"),),
    "mouthRollLower": (
        Pose("lowerLipBackward", 0.35),
        Pull((0.0, -3.7), (2.0, 0.55), (0.0, 0.12, -0.35), LOWER_LIP),
        Pull((0.0, -4.4), (2.0, 0.5), (0.0, 0.5, -0.25), LOWER_LIP),
        Pull((0.0, -5.2), (1.8, 0.7), (0.0, 0.3, 0.1)),
    ),
    "mouthRollUpper": (
        Pose("UpperLipBackward", 0.6),
        Pull((0.0, -3.0), (2.0, 0.5), (0.0, 0.0, -0.4), UPPER_LIP),
        Pull((0.0, -2.4), (2.0, 0.5), (0.0, -0.28, -0.2), UPPER_LIP),
    ),
    "jawForward": (Carried((0.0, -0.1, 0.9)),),
    "jawLeft": (Pose("ChinLeft", 1.2), Carried((0.12, 0.0, 0.0))),
    "jawRight": (Pose("ChinRight", 1.2), Carried((-0.12, 0.0, 0.0))),
    "mouthLeft": (
        Pose("MouthMoveLeft", 1.5),
        Pull((0.0, -2.7), (2.2, 1.2), (0.9, 0.05, -0.2), UPPER_LIP),
    ),
    "mouthRight": (
        Pose("MouthMoveRight", 1.5),
        Pull((0.0, -2.7), (2.2, 1.2), (-0.9, 0.05, -0.2), UPPER_LIP),
    ),
    "cheekPuff": (
        Pose("CheeksPump", 0.6),
        Pull((3.3, -3.0), (2.0, 2.2), (0.1, 0.1, 0.75)),
        Pull((0.0, -3.3), (1.5, 1.5), (0.0, 0.0, 0.3)),
    ),
    "eyeLookUp": (Unit("eye-{side}-opened-up", 0.8), Pose("{Side}LowerLidUp", 0.3)),
    "eyeLookDown": (
        Unit("eye-{side}-closure", 0.52),
        Pose("{Side}LowerLidUp", -0.4),
    ),
    "eyeLookIn": (),
    "eyeLookOut": (),
}


#: Closes lips that do not touch at rest, by 0.1 cm: what `movements` adds.
SEAL = "seal"
SEAL_TERMS = (
    Pull((0.0, -3.6), (2.2, 0.45), (0.0, 0.07, 0.0), LOWER_LIP),
    Pull((0.0, -3.1), (2.2, 0.45), (0.0, -0.07, 0.0), UPPER_LIP),
)
