"""FACS action units, and the EMFACS prototypes that name an expression by them.

Sources: Ekman, Friesen & Hager, *Facial Action Coding System: the manual*
(2002), for the units; Friesen & Ekman, *EMFACS-7* (1983), and the table of
prototypes in the manual's investigator's guide (2002), for the combinations.
The ranges and probabilities are this project's: the sources grade units A to E
and don't say how often a variant occurs.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ActionUnit:
    """One observable facial movement.

    Attributes:
        number: Its FACS number.
        two_sided: Whether the two halves of the face move it separately.
        region: `upper` (brows, lids, cheeks) or `lower` face; asymmetry is drawn
            once for each, because each has its own nerve supply.
        movement: What an observer sees.
    """

    number: int
    two_sided: bool
    region: str
    movement: str


ACTION_UNITS: dict[str, ActionUnit] = {
    "AU01_inner_brow_raiser": ActionUnit(
        1, True, "upper", "inner brow ends rise, lines in mid-forehead"
    ),
    "AU02_outer_brow_raiser": ActionUnit(
        2, True, "upper", "outer brow ends rise, lines at the forehead's sides"
    ),
    "AU04_brow_lowerer": ActionUnit(
        4, True, "upper", "brows lower and draw together, furrows between them"
    ),
    "AU05_upper_lid_raiser": ActionUnit(
        5, True, "upper", "upper lid rises, white shows above the iris"
    ),
    "AU06_cheek_raiser": ActionUnit(
        6, True, "upper", "cheeks rise, lower lid pushed up, crow's feet"
    ),
    "AU07_lid_tightener": ActionUnit(
        7, True, "upper", "lids tighten, the opening narrows from below"
    ),
    "AU09_nose_wrinkler": ActionUnit(
        9, True, "lower", "nose wrinkles and shortens, inner brows come down"
    ),
    "AU10_upper_lip_raiser": ActionUnit(
        10, True, "lower", "upper lip rises, fold beside the nose deepens"
    ),
    "AU11_nasolabial_deepener": ActionUnit(
        11, True, "lower", "upper part of the nasolabial fold deepens"
    ),
    "AU12_lip_corner_puller": ActionUnit(
        12, True, "lower", "mouth corners go up and out, cheeks bulge"
    ),
    "AU15_lip_corner_depressor": ActionUnit(
        15, True, "lower", "mouth corners go down, fold below them"
    ),
    "AU16_lower_lip_depressor": ActionUnit(
        16, True, "lower", "lower lip goes down, lower teeth may show"
    ),
    "AU17_chin_raiser": ActionUnit(
        17, False, "lower", "chin boss and lower lip go up, chin wrinkles"
    ),
    "AU20_lip_stretcher": ActionUnit(
        20, True, "lower", "lips stretch sideways, mouth lengthens"
    ),
    "AU22_lip_funneler": ActionUnit(
        22, False, "lower", "lips turn out and forward, mouth shortens"
    ),
    "AU23_lip_tightener": ActionUnit(
        23, False, "lower", "lips tighten and narrow, mouth shortens a little"
    ),
    "AU24_lip_pressor": ActionUnit(
        24, False, "lower", "lips press together and thin out"
    ),
    "AU25_lips_part": ActionUnit(25, False, "lower", "lips part"),
    "AU26_jaw_drop": ActionUnit(26, False, "lower", "jaw falls by relaxation"),
    "AU27_mouth_stretch": ActionUnit(
        27, False, "lower", "jaw pulled down, mouth stretched open"
    ),
    "AU43_eyes_closed": ActionUnit(
        43, True, "upper", "upper lid droops, up to closed eyes"
    ),
}

NAMES_BY_NUMBER: dict[int, str] = {
    unit.number: name for name, unit in ACTION_UNITS.items()
}


@dataclasses.dataclass(frozen=True)
class Prototype:
    """One variant of an expression.

    Attributes:
        probability: Its share among the expression's variants, in (0, 1].
        units: Range (low, high) of intensity by action-unit name; intensities run
            from 0 (absent) to 1 (FACS grade E, the strongest a face shows).
    """

    probability: float
    units: dict[str, tuple[float, float]]


def _prototype(probability: float, units: dict[int, tuple[float, float]]) -> Prototype:
    """Writes the table below by FACS numbers, as the literature does."""
    return Prototype(
        probability, {NAMES_BY_NUMBER[number]: r for number, r in units.items()}
    )


PROTOTYPES: dict[str, tuple[Prototype, ...]] = {
    # 4+5+7 with 23, 24 or 17 (pressed mouth), or with 10+22+23+25+26 (shouting).
    "anger": (
        _prototype(
            0.35,
            {4: (0.7, 1), 5: (0.2, 0.6), 7: (0.4, 0.9), 23: (0.5, 1), 17: (0.1, 0.5)},
        ),
        _prototype(
            0.35,
            {4: (0.7, 1), 5: (0.2, 0.6), 7: (0.4, 0.9), 24: (0.6, 1), 17: (0.3, 0.7)},
        ),
        _prototype(
            0.3,
            {
                4: (0.8, 1),
                5: (0.3, 0.8),
                7: (0.4, 0.8),
                10: (0.2, 0.5),
                16: (0.2, 0.6),
                22: (0.4, 0.9),
                23: (0.2, 0.5),
                25: (0.5, 1),
                26: (0.4, 0.9),
            },
        ),
    ),
    # 9 or 10, alone or with 17, or with 16+25+26; 4 and 7 come along with 9.
    "disgust": (
        _prototype(
            0.35,
            {9: (0.7, 1), 4: (0.1, 0.5), 7: (0.3, 0.8), 10: (0.2, 0.6), 17: (0.4, 0.9)},
        ),
        _prototype(
            0.3,
            {9: (0.6, 1), 4: (0.1, 0.4), 7: (0.3, 0.8), 10: (0.6, 1), 25: (0.4, 0.9)},
        ),
        _prototype(
            0.2,
            {
                10: (0.7, 1),
                9: (0.4, 0.7),
                6: (0.1, 0.4),
                7: (0.3, 0.7),
                16: (0.4, 0.9),
                25: (0.5, 1),
                26: (0.1, 0.4),
            },
        ),
        _prototype(
            0.15,
            {
                10: (0.7, 1),
                9: (0.4, 0.7),
                7: (0.3, 0.7),
                15: (0.2, 0.6),
                17: (0.3, 0.7),
            },
        ),
    ),
    # 1+2+4+5 with 20 and 25, 26 or 27.
    "fear": (
        _prototype(
            0.45,
            {
                1: (0.7, 1),
                2: (0.2, 0.6),
                4: (0.5, 0.9),
                5: (0.6, 1),
                20: (0.6, 1),
                25: (0.4, 0.9),
                26: (0.0, 0.4),
            },
        ),
        _prototype(
            0.3,
            {
                1: (0.7, 1),
                2: (0.2, 0.6),
                4: (0.5, 0.9),
                5: (0.6, 1),
                16: (0.3, 0.8),
                20: (0.6, 1),
                25: (0.5, 1),
                26: (0.2, 0.7),
            },
        ),
        _prototype(
            0.25,
            {1: (0.8, 1), 2: (0.2, 0.5), 4: (0.6, 1), 5: (0.7, 1), 20: (0.4, 0.8)},
        ),
    ),
    # 6+12, or a strong 12; 25 and 26 open it to a laugh.
    "happiness": (
        _prototype(0.45, {6: (0.4, 1), 12: (0.6, 1), 10: (0, 0.3), 25: (0.4, 1)}),
        _prototype(0.35, {6: (0.3, 0.9), 12: (0.5, 1)}),
        _prototype(
            0.2,
            {6: (0.6, 1), 12: (0.7, 1), 25: (0.6, 1), 26: (0.4, 1), 43: (0, 0.3)},
        ),
    ),
    # No unit is asked for; a resting face still shows traces of some.
    "neutral": (
        _prototype(0.7, {}),
        _prototype(0.15, {25: (0, 0.4)}),
        _prototype(0.15, {43: (0, 0.3), 4: (0, 0.15)}),
    ),
    # 1+4+15 with or without 17, 1+4+11, 6+15; crying opens the mouth.
    "sadness": (
        _prototype(
            0.4,
            {1: (0.5, 1), 4: (0.3, 0.7), 15: (0.5, 1), 17: (0.1, 0.6), 43: (0, 0.35)},
        ),
        _prototype(
            0.3,
            {1: (0.6, 1), 4: (0.3, 0.7), 11: (0.4, 1), 15: (0.4, 0.9), 43: (0.2, 0.5)},
        ),
        _prototype(
            0.15,
            {1: (0.4, 0.8), 4: (0.3, 0.6), 6: (0.3, 0.7), 15: (0.6, 1), 17: (0.4, 0.9)},
        ),
        _prototype(
            0.15,
            {
                1: (0.6, 1),
                4: (0.4, 0.8),
                6: (0.3, 0.7),
                11: (0.3, 0.8),
                15: (0.6, 1),
                25: (0.4, 0.9),
                26: (0.1, 0.4),
                43: (0.3, 0.8),
            },
        ),
    ),
    # 1+2+5 with 26 or 27, or without an open mouth.
    "surprise": (
        _prototype(
            0.45,
            {1: (0.6, 1), 2: (0.6, 1), 5: (0.3, 0.9), 25: (0.4, 0.9), 26: (0.5, 1)},
        ),
        _prototype(
            0.35,
            {1: (0.6, 1), 2: (0.6, 1), 5: (0.4, 1), 25: (0.5, 1), 27: (0.4, 1)},
        ),
        _prototype(
            0.2, {1: (0.7, 1), 2: (0.7, 1), 5: (0.4, 1), 25: (0.2, 0.6), 26: (0, 0.4)}
        ),
    ),
}


def sample_action_units(
    expression: str, generator: np.random.Generator
) -> dict[str, float]:
    """Draws one variant of an expression and the intensities of its units.

    Args:
        expression: A key of `PROTOTYPES`.
        generator: Source of the draws; it advances by the same number of uniforms
            whatever the variant.

    Returns:
        Intensity in [0, 1] of every unit of `ACTION_UNITS`, in that order; 0 for
        those the variant doesn't use.

    Raises:
        ValueError: If the expression has no prototype.
    """
    if expression not in PROTOTYPES:
        raise ValueError(
            f"Unknown expression; known are {', '.join(PROTOTYPES)}. "
            f"Received: expression={expression!r}"
        )
    variants = PROTOTYPES[expression]
    threshold = generator.uniform() * sum(v.probability for v in variants)
    uniforms = generator.uniform(size=len(ACTION_UNITS))
    cumulative = np.cumsum([variant.probability for variant in variants])
    chosen = min(
        int(np.searchsorted(cumulative, threshold, side="right")), len(variants) - 1
    )
    intensities = {}
    for name, uniform in zip(ACTION_UNITS, uniforms, strict=True):
        low, high = variants[chosen].units.get(name, (0.0, 0.0))
        intensities[name] = float(low + (high - low) * uniform)
    return intensities
