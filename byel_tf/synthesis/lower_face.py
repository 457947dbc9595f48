"""Nose, cheeks, mouth and chin, each shaped by its action units.

Each painter reads the resting shape from the identity and moves it by the
intensities `au` (FACS number to [0, 1]) of its half of the face. Displacements are
in face units at full intensity; they are judged by eye, not measured.
"""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.surface import HeadSurface, bump, linear, smooth

SIDES = (-1, 1)
TEETH = (0.93, 0.90, 0.83)
MOUTH_CAVITY = (0.20, 0.05, 0.05)
TONGUE = (0.66, 0.30, 0.30)


def jaw_drop(au: dict[int, float]) -> float:
    """How far the chin sinks (AU26, AU27) or rises (AU17), in face units."""
    return 0.15 * au[26] + 0.30 * au[27] - 0.035 * au[17]


def mouth_corner(face: Face, side: int) -> tuple[float, float]:
    """Place of a mouth corner.

    Args:
        face: The face.
        side: -1 for the picture's left, 1 for its right.

    Returns:
        (|u|, v) in face units.
    """
    identity, au = face.identity, face.intensities(side)
    width = identity.mouth_width * (
        1
        + 0.26 * au[12]
        + 0.34 * au[20]
        + 0.04 * au[15]
        - 0.16 * au[23]
        - 0.05 * au[24]
        - 0.28 * au[22]
        - 0.22 * au[26]
        - 0.34 * au[27]
    )
    v = identity.mouth_line - 0.17 * au[12] + 0.15 * au[15] + 0.035 * au[20]
    return width, v + 0.7 * max(jaw_drop(au), 0) - 0.02 * au[10] - 0.01 * au[9]


def paint_nose(surface: HeadSurface, face: Face) -> None:
    """Ridge, tip, wings and nostrils; AU9 and AU10 lift and wrinkle them.

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
    """
    identity = face.identity
    left, right = face.intensities(-1), face.intensities(1)
    au9, au10 = 0.5 * (left[9] + right[9]), 0.5 * (left[10] + right[10])
    middle = identity.nose_base
    surface = surface.window(-0.55, 0.55, identity.eye_line - 0.25, middle + 0.3)
    u, v = surface.nose_u, surface.nose_v
    base = identity.nose_base - 0.045 * au9 - 0.02 * au10
    width = identity.nose_width * (1 + 0.14 * au9 + 0.06 * au10)
    ridge_top = identity.eye_line + 0.05
    ridge = bump(u, 0, 0.075, 1) * smooth(v, ridge_top - 0.15, base)
    ridge = ridge * (1 - smooth(v, base - 0.06, base + 0.03))
    surface.relief += 0.075 * (0.4 + 0.6 * identity.nose_bridge) * ridge
    surface.relief += 0.075 * bump(u, v - base + 0.07, 0.1, 0.085)
    for side in SIDES:
        wing_u = side * u - 0.72 * width
        surface.relief += 0.04 * bump(wing_u, v - base + 0.035, 0.07, 0.065)
        # The crease around the wing, then the nostril.
        wing = np.sqrt((side * u - 0.62 * width) ** 2 + (v - base + 0.04) ** 2)
        crease = surface.line(wing - 0.42 * width, 0.012) * smooth(side * u, 0.09, 0.16)
        surface.darken((0.3 + 0.2 * au9) * crease * smooth(v, base - 0.12, base - 0.04))
        nostril = 1 - np.sqrt(
            ((side * u - 0.45 * width) / (0.3 * width)) ** 2
            + ((v - base + 0.004 + 0.1 * (side * u - 0.45 * width)) / 0.024) ** 2
        )
        surface.darken(0.75 * surface.inside(0.03 * nostril))
    surface.darken(0.3 * bump(u, v - base - 0.035, 0.8 * width, 0.035))
    # AU9: wrinkles across the root and along the sides of the nose.
    if au9 > 0:
        for row in range(3):
            line_v = ridge_top + 0.01 + 0.075 * row - 0.25 * np.abs(u)
            wrinkle = surface.line(v - line_v, 0.012) * bump(u, 0, 0.13 + 0.02 * row, 1)
            surface.darken((0.35 + 0.3 * identity.age) * au9 * wrinkle)


def paint_cheek(surface: HeadSurface, face: Face, side: int) -> None:
    """Cheek (AU6, AU12), nasolabial fold (AU9-12) and the folds by the mouth.

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
        side: -1 for the picture's left, 1 for its right.
    """
    identity, au, age = face.identity, face.intensities(side), face.identity.age
    surface = surface.half_window(side, -0.05, 1.1, -0.5, 1.0)
    across = side * surface.u
    lift = max(au[6], 0.8 * au[12], 0.5 * au[9])
    cheek_v = 0.08 - 0.10 * lift
    bulge = 0.05 * identity.cheek_fullness + 0.055 * lift
    surface.relief += bulge * bump(across - 0.52, surface.v - cheek_v, 0.24, 0.2)

    top = identity.nose_base - 0.09 - 0.04 * au[9]
    width, corner = mouth_corner(face, side)
    t = (surface.v - top) / (corner + 0.06 - top)
    along = np.minimum(np.maximum(t, 0), 1)
    bow = 0.07 * au[12] + 0.05 * au[10] + 0.04 * au[9]
    fold_u = (
        identity.nose_width
        + 0.03
        + (width + 0.05 - identity.nose_width) * along
        + bow * 4 * along * (1 - along)
    )
    fold = surface.line(across - fold_u, 0.015)
    fold = fold * smooth(t, -0.05, 0.15) * (1 - smooth(t, 0.6, 1.1))
    upper_part = 0.55 * au[11] * (1 - smooth(t, 0.3, 0.8))
    strength = (
        0.05 + 0.22 * age + upper_part + 0.40 * au[12] + 0.4 * au[10] + 0.4 * au[9]
    )
    surface.darken(np.minimum(strength, 0.62) * fold)
    surface.relief -= (
        0.02
        * np.minimum(strength, 1)
        * bump(across - fold_u, (t - 0.4) * 0.3, 0.05, 0.25)
    )
    # Below the corners: AU15 and age; beside them: AU20.
    below = surface.line(across - width - 0.035 - 0.1 * (surface.v - corner), 0.014)
    below = below * bump(0, surface.v - corner - 0.07, 1, 0.08)
    surface.darken(np.minimum(0.12 * age + 0.5 * au[15] + 0.2 * au[17], 0.6) * below)
    beside = surface.line(across - width - 0.09 + 2 * (surface.v - corner) ** 2, 0.013)
    beside = beside * bump(0, surface.v - corner, 1, 0.13)
    surface.darken(0.35 * au[20] * beside)


def paint_mouth(surface: HeadSurface, face: Face) -> None:
    """Lips, and between them the cavity with tongue and both rows of teeth.

    Everything is a height over the line between the corners, as a function of m,
    which runs from 0 in the middle to 1 at either corner.

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
    """
    identity = face.identity
    left, right = face.intensities(-1), face.intensities(1)
    au = {number: 0.5 * (left[number] + right[number]) for number in left}
    line = identity.mouth_line
    surface = surface.window(-0.75, 0.75, line - 0.35, line + 0.75)
    u, v = surface.u, surface.v
    widths, corners = zip(*(mouth_corner(face, side) for side in SIDES), strict=True)
    # Each half has its own corner; they meet smoothly at m = 0.
    share = smooth(u, -0.25, 0.25)
    width = np.where(u < 0, widths[0], widths[1])
    corner = corners[0] + (corners[1] - corners[0]) * share
    m = np.abs(u) / width
    flat = np.maximum(1 - m * m, 0)

    jaw = max(jaw_drop(au), 0.0)
    gap = (0.05 * au[25] + 0.03 * au[16] + 0.27 * au[26] + 0.42 * au[27]) * (
        1 - 0.9 * au[24]
    )
    parted = min(1.0, gap / 0.03)
    # Raising the upper lip carries a closed mouth along, but not the lower lip of
    # an open one.
    raised = 0.03 * au[27] + 0.09 * au[10] + 0.05 * au[9] + 0.02 * au[12] * parted
    middle = identity.mouth_line + 0.015 * au[12] - 0.045 * au[17] * (1 - parted)
    closed = corner + (middle - corner) * flat
    upper_edge = closed - raised * flat**0.6
    opened = gap + parted * (0.6 * raised + 0.06 * au[16]) + 0.02 * au[17] * parted
    lower_edge = np.maximum(upper_edge + opened * flat**0.6, upper_edge)

    thin = (1 - 0.5 * au[24]) * (1 - 0.4 * au[23]) * (1 - 0.25 * au[20])
    thin = thin * (1 + 0.35 * au[22]) * (1 - 0.15 * au[12])
    upper_lip = identity.upper_lip * thin * (1 - 0.2 * au[10] - 0.15 * au[27])
    lower_lip = identity.lower_lip * thin * (1 + 0.2 * au[17])
    bow = 1 - 0.25 * bump(m, 0, 0.16, 1)
    upper_top = upper_edge - upper_lip * flat**0.55 * bow
    lower_bottom = lower_edge + lower_lip * flat**0.65

    ends = surface.inside((1 - m) * width)
    lips = ends * surface.inside(v - upper_top) * surface.inside(lower_bottom - v)
    colour = linear(face.skin.lip_colour)
    upper_half = surface.inside(upper_edge - v)
    surface.put(colour * (1 - 0.25 * upper_half), 0.9 * lips)
    surface.relief += 0.03 * bump(m, v - lower_edge - 0.5 * lower_lip, 0.7, 0.05)
    surface.darken(0.30 * ends * bump(m, v - lower_bottom - 0.03, 0.6, 0.03))
    # Pressed or tightened lips bulge around the red.
    tension = max(au[23], au[24])
    for edge in (upper_top - 0.03, lower_bottom + 0.03):
        surface.darken(0.25 * tension * ends * surface.line(v - edge, 0.012))

    cavity = ends * surface.inside(v - upper_edge) * surface.inside(lower_edge - v)
    cavity = cavity * parted
    surface.put(linear(MOUTH_CAVITY), cavity)
    floor = identity.mouth_line + gap
    tongue = surface.inside(0.09 - np.sqrt((0.35 * u) ** 2 + (v - floor - 0.05) ** 2))
    surface.put(linear(TONGUE), 0.8 * tongue * cavity * min(1.0, gap / 0.2))
    # Teeth stay with skull and jaw; how much shows is up to the lips.
    arch = 0.03 * m * m
    row_ends = 1 - smooth(m, 0.7, 0.95)
    gaps = 1 - 0.25 * surface.line((np.abs(u) + 0.035) % 0.07 - 0.035, 0.005)
    teeth = linear(TEETH) * gaps
    # A smile draws the lips back over the teeth, a dropped jaw alone doesn't.
    smile = np.minimum(corner - middle, 0) * np.minimum(m * m, 1)
    bite = identity.mouth_line + 0.03 + 0.03 * au[12] - arch + 0.6 * smile
    upper_row = surface.inside(bite + 0.012 * parted - v) * row_ends
    lower_row = surface.inside(v - bite - jaw - 0.022) * row_ends
    surface.put(teeth, cavity * upper_row)
    surface.put(teeth * 0.85, cavity * lower_row)
    shut = ends * surface.line(v - upper_edge, 0.012 + 0.004 * (1 - parted))
    surface.put(linear((0.18, 0.07, 0.06)), (0.75 - 0.35 * parted) * shut)
    for side, corner_u, corner_v in zip(SIDES, widths, corners, strict=True):
        dot = bump(side * u - corner_u, v - corner_v, 0.03, 0.03)
        surface.darken(0.35 * dot)


def paint_chin(surface: HeadSurface, face: Face) -> None:
    """Chin boss, and its wrinkles under AU17.

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
    """
    identity, au = face.identity, face.intensities(1)
    surface = surface.window(-0.5, 0.5, identity.mouth_line, 2.0)
    u, v = surface.u, surface.v
    middle = 0.5 * (identity.mouth_line + identity.chin) + 0.10 + jaw_drop(au)
    surface.relief += (0.05 + 0.04 * au[17]) * bump(u, v - middle, 0.2, 0.14)
    dimples = np.abs(np.sin(38 * u + 9 * v)) * np.abs(np.sin(33 * v - 7 * u))
    surface.darken(0.45 * au[17] * dimples * bump(u, v - middle, 0.17, 0.11))
    arc = surface.line(v - middle + 0.13 - 0.9 * u * u, 0.016) * bump(u, 0, 0.16, 1)
    surface.darken((0.1 + 0.45 * au[17]) * arc)
