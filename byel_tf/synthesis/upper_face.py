"""Brows, forehead and eyes, each shaped by its action units.

Each painter reads the resting shape from the identity and moves it by the
intensities `au` (FACS number to [0, 1]) of its half of the face. Displacements are
in face units at full intensity; they are judged by eye, not measured.
"""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.surface import HeadSurface, bump, linear, smooth

SCLERA = (0.90, 0.88, 0.86)


def brow_height(face: Face, side: int, t: np.ndarray | float) -> np.ndarray | float:
    """Gives v of a brow's middle line.

    Args:
        face: The face.
        side: -1 for the picture's left, 1 for its right.
        t: Place along the brow, 0 at the inner end, 1 at the outer.

    Returns:
        v, smaller is higher.
    """
    identity, au = face.identity, face.intensities(side)
    rest = identity.eye_line - identity.brow_gap
    rest = rest - identity.brow_arch * 4 * t * (1 - t) - identity.brow_tilt * (t - 0.5)
    inner, outer = (1 - t) ** 1.4, t * t * (2.2 - 1.2 * t)
    return (
        rest
        - 0.19 * au[1] * inner
        - 0.17 * au[2] * outer
        + 0.15 * au[4] * (1 - 0.8 * t)
        + 0.05 * au[9] * inner
        - 0.02 * au[5]
        + 0.02 * au[6] * t
    )


def paint_brow(surface: HeadSurface, face: Face, side: int) -> None:
    """Brow, the ridge under it, and its furrows (AU1, AU2, AU4).

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
        side: -1 for the picture's left, 1 for its right.
    """
    identity, au = face.identity, face.intensities(side)
    height = identity.eye_line - identity.brow_gap
    surface = surface.half_window(side, -0.1, 1.0, height - 0.35, height + 0.35)
    across = side * surface.u
    inner_end = 0.145 - 0.055 * au[4]
    t = (across - inner_end) / (identity.eye_spacing + 0.25 - inner_end)
    along = np.minimum(np.maximum(t, 0), 1)
    middle = brow_height(face, side, along)
    half = identity.brow_thickness * (1 - 0.65 * along**1.5) * (0.9 + 0.3 * au[4])
    half = half * smooth(along, -0.35, 0.12)
    hairs = surface.line(surface.v - middle, half)
    hairs = hairs * smooth(t, -0.04, 0.06) * (1 - smooth(t, 0.94, 1.06))
    surface.put(linear(face.hair.brow_colour), face.hair.brow_density * hairs)
    # The lowered brow shades the eye's inner corner.
    surface.relief += (
        0.035
        * (1 + au[4])
        * bump(across - identity.eye_spacing + 0.05, surface.v - middle, 0.3, 0.1)
    )


def paint_forehead(surface: HeadSurface, face: Face, side: int) -> None:
    """Lines of the raised brow (AU1, AU2) and between lowered ones (AU4).

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
        side: -1 for the picture's left, 1 for its right.
    """
    identity, au = face.identity, face.intensities(side)
    surface = surface.half_window(side, -0.05, 1.0, -1.4, identity.eye_line + 0.1)
    across = side * surface.u
    half_face = smooth(across, -0.04, 0.04)
    depth = 0.35 + 0.45 * identity.age
    raised = au[1] * bump(across, 0, 0.38, 1) + au[2] * bump(across - 0.5, 0, 0.3, 1)
    lines = 0.0
    top = brow_height(face, side, 0.4)
    for row, strength in enumerate((1.0, 0.9, 0.6)):
        v = top - 0.15 - 0.10 * row + 0.07 * au[4] * bump(across, 0, 0.3, 1)
        lines = lines + strength * surface.line(surface.v - v, 0.012)
    surface.darken(half_face * depth * np.minimum(raised, 1) * lines)

    brow = brow_height(face, side, 0.0)
    furrow = surface.line(across - 0.065 - 0.1 * (surface.v - brow) ** 2, 0.014)
    furrow = furrow * bump(0, surface.v - brow, 1, 0.13)
    surface.darken(half_face * (0.5 + 0.25 * identity.age) * au[4] * furrow)


def lid_heights(face: Face, side: int) -> tuple[float, float]:
    """Heights of the upper and lower lid over and under the eye's centre.

    Args:
        face: The face.
        side: -1 for the picture's left, 1 for its right.

    Returns:
        (upper, lower) in face units; the eye is shut where upper <= -lower.
    """
    identity, au = face.identity, face.intensities(side)
    rest = identity.eye_opening
    lower = 0.62 * rest * (1 - 0.6 * au[7] - 0.55 * au[6] - 0.25 * au[9] + 0.25 * au[5])
    lower = max(lower, -0.2 * rest)
    upper = rest * (
        1 + 0.75 * au[5] - 0.3 * au[7] - 0.15 * au[6] - 0.2 * au[9] - 0.12 * au[4]
    )
    # AU43 carries the upper lid from wherever it is down to the lower one.
    upper = upper - au[43] * (upper + lower)
    return max(upper, -lower), lower


def paint_eye(surface: HeadSurface, face: Face, side: int) -> None:
    """Socket, eyeball, lids, lashes, bags and crow's feet.

    Args:
        surface: What to paint on.
        face: Gives resting shape and intensities.
        side: -1 for the picture's left, 1 for its right.
    """
    identity, au, age = face.identity, face.intensities(side), face.identity.age
    upper, lower = lid_heights(face, side)
    width = identity.eye_width
    line = identity.eye_line
    surface = surface.half_window(side, -0.1, 0.9, line - 0.3, line + 0.3)
    x = side * surface.u - identity.eye_spacing
    y = surface.v - identity.eye_line + identity.eye_tilt * x
    e = x / width
    round_ = np.maximum(1 - e * e, 0)
    upper_lid = -upper * round_**0.75
    lower_lid = lower * round_**0.9

    surface.relief -= 0.05 * bump(x + 0.06, y + 0.06, 0.3, 0.16)
    surface.darken((0.16 + 0.1 * au[4]) * bump(x + 0.1, y + 0.09, 0.22, 0.1))
    # The fold above the lid follows it, and is pulled out flat by a closed one.
    fold = upper_lid - 0.055 + 0.02 * au[4]
    crease = surface.line(y - fold, 0.011) * smooth(round_, 0, 0.3)
    surface.darken((0.2 + 0.3 * identity.lid_crease) * (1 - 0.6 * au[43]) * crease)
    # Under the eye: the pouch of AU6 and AU7, and the bag of age.
    pouch = lower_lid + 0.055
    pouch_line = surface.line(y - pouch, 0.012) * smooth(round_, 0, 0.4)
    surface.darken(
        np.minimum(0.06 + 0.22 * age + 0.35 * max(au[6], 0.7 * au[7]), 0.6) * pouch_line
    )
    for slope in (-0.45, 0.05, 0.5):
        ray = surface.line(y - slope * (x - width - 0.03), 0.009)
        ray = ray * smooth(x, width + 0.03, width + 0.06)
        ray = ray * (1 - smooth(x, width + 0.12, width + 0.2))
        surface.darken((0.08 * age + (0.25 + 0.3 * age) * au[6]) * ray)

    opening = surface.inside(y - upper_lid) * surface.inside(lower_lid - y)
    opening = opening * surface.inside((1 - np.abs(e)) * width)
    # A shut eye keeps a lash line, not a sliver of white.
    opening = opening * min(1.0, max(0.0, (upper + lower) / 0.03))
    lid_shadow = 0.55 + 0.45 * smooth(y - upper_lid, 0, 0.06)
    surface.put(linear(SCLERA) * lid_shadow, opening)
    iris_x = x - side * 0.45 * width * face.pose.gaze_x
    iris_y = y + 0.006 - 0.45 * identity.eye_opening * face.pose.gaze_y
    r = np.sqrt(iris_x**2 + iris_y**2)
    radius = 0.09
    iris = surface.disc(r, radius) * opening
    ring = 0.5 + 0.5 * (1 - smooth(r, 0.6 * radius, radius))
    surface.put(linear(identity.iris_colour) * ring * lid_shadow, iris)
    surface.put(linear((0.02, 0.02, 0.02)), surface.disc(r, 0.04) * opening)
    spot = np.sqrt(
        (surface.u - side * identity.eye_spacing + 0.025) ** 2 + (iris_y + 0.028) ** 2
    )
    surface.put(linear((1.0, 1.0, 1.0)), 0.9 * surface.disc(spot, 0.02) * opening)

    near = smooth(round_, 0, 0.15)
    lash = surface.line(y - upper_lid + 0.004, 0.014 + 0.006 * smooth(e, 0, 1))
    surface.put(linear((0.07, 0.05, 0.04)), 0.85 * lash * near)
    surface.darken(0.35 * surface.line(y - lower_lid, 0.008) * near)
