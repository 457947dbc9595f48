"""The facial movements of a head, by name, with their FACS action units.

Names are those of the expression shapes that ICT-FaceKit (Li et al., *Learning
Formation of Physically-Based Face Attributes*, CVPR 2020) shares with ARKit; numbers
and descriptions follow Ekman, Friesen & Hager, *Facial Action Coding System: the
manual* (2002).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class ActionUnit:
    """One movement that a head can make.

    Attributes:
        number: The FACS action unit that it shows most of.
        two_sided: Whether the two halves of the face move it separately; its shapes
            are then named with `_L` and `_R`, for the subject's left and right.
        movement: What an observer sees.
    """

    number: int
    two_sided: bool
    movement: str


ACTION_UNITS: dict[str, ActionUnit] = {
    "browInnerUp": ActionUnit(1, True, "inner brow ends rise"),
    "browOuterUp": ActionUnit(2, True, "outer brow ends rise"),
    "browDown": ActionUnit(4, True, "brows come down and together"),
    "eyeWide": ActionUnit(5, True, "upper lid rises, white shows above the iris"),
    "cheekRaiser": ActionUnit(6, True, "cheeks rise, lower lid is pushed up"),
    "cheekSquint": ActionUnit(6, True, "cheeks bulge towards the eyes"),
    "eyeSquint": ActionUnit(7, True, "lids tighten, the opening narrows"),
    "noseSneer": ActionUnit(9, True, "nose wrinkles, its wings and the lip rise"),
    "mouthUpperUp": ActionUnit(10, True, "upper lip rises, teeth show"),
    "mouthSmile": ActionUnit(12, True, "mouth corners go up and out"),
    "mouthDimple": ActionUnit(14, True, "mouth corners tighten inwards"),
    "mouthFrown": ActionUnit(15, True, "mouth corners go down"),
    "mouthLowerDown": ActionUnit(16, True, "lower lip goes down, teeth show"),
    "mouthShrugLower": ActionUnit(17, False, "chin boss and lower lip go up"),
    "mouthShrugUpper": ActionUnit(17, False, "upper lip is pushed up"),
    "mouthPucker": ActionUnit(18, False, "lips purse and come forward"),
    "mouthStretch": ActionUnit(20, True, "mouth corners are pulled sideways"),
    "mouthFunnel": ActionUnit(22, False, "lips turn out into a funnel"),
    "mouthPress": ActionUnit(24, True, "lips press together"),
    "mouthClose": ActionUnit(8, False, "lips stay closed while the jaw is open"),
    "jawOpen": ActionUnit(26, False, "jaw drops; beyond half its range AU 27"),
    "mouthRollLower": ActionUnit(28, False, "lower lip rolls in over the teeth"),
    "mouthRollUpper": ActionUnit(28, False, "upper lip rolls in over the teeth"),
    "jawForward": ActionUnit(29, False, "jaw thrusts forward"),
    "jawLeft": ActionUnit(30, False, "jaw moves to the subject's left"),
    "jawRight": ActionUnit(30, False, "jaw moves to the subject's right"),
    "mouthLeft": ActionUnit(30, False, "mouth is drawn to the subject's left"),
    "mouthRight": ActionUnit(30, False, "mouth is drawn to the subject's right"),
    "cheekPuff": ActionUnit(34, True, "cheek puffs out"),
    "eyeBlink": ActionUnit(43, True, "upper lid comes down to a closed eye"),
    "eyeLookUp": ActionUnit(63, True, "eye turns up"),
    "eyeLookDown": ActionUnit(64, True, "eye turns down"),
    "eyeLookIn": ActionUnit(61, True, "eye turns to the nose"),
    "eyeLookOut": ActionUnit(62, True, "eye turns away from the nose"),
}


def shapes_of(name: str) -> tuple[str, ...]:
    """The expression shapes of an action unit: one, or a left and a right one."""
    if ACTION_UNITS[name].two_sided:
        return (f"{name}_L", f"{name}_R")
    return (name,)


#: Every expression shape a head has, in the order of the table.
SHAPES: tuple[str, ...] = tuple(
    shape for name in ACTION_UNITS for shape in shapes_of(name)
)

# A mirrored picture of a face must have the same label, so that augmentation may flip
# it: movements to one side are left out, and two sides are averaged.
_LABELLED = tuple(name for name in ACTION_UNITS if not name.endswith(("Left", "Right")))

#: Names of the numbers that records hold, such as `AU12_mouthSmile`.
LABEL_NAMES: tuple[str, ...] = tuple(
    f"AU{ACTION_UNITS[name].number:02d}_{name}" for name in _LABELLED
)


def label_values(weights: Mapping[str, float]) -> tuple[float, ...]:
    """What a record says of a face, in the order of `LABEL_NAMES`.

    Args:
        weights: Weight by shape name; absent ones are 0.

    Returns:
        The mean of each unit's sides, so that a mirrored face has the same values. Of
        a look up and one down only what is left of the greater.
    """
    values = {}
    for name in _LABELLED:
        shapes = shapes_of(name)
        values[name] = sum(weights.get(shape, 0.0) for shape in shapes) / len(shapes)
    up, down = values["eyeLookUp"], values["eyeLookDown"]
    values["eyeLookUp"] = max(0.0, up - down)
    values["eyeLookDown"] = max(0.0, down - up)
    return tuple(values.values())
