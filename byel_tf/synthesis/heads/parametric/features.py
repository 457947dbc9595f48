"""The relief of an average face on the featureless head.

Places and sizes are round numbers in cm, seen from the front: x to the side, y up. They
were chosen by eye and against sections of ICT-FaceKit's average head (Li et al., CVPR
2020), within a few mm; its distances agree with Farkas, *Anthropometry of the Head and
Face* (1994): pupils 6.2 apart, nose 3.5 wide, mouth 5 wide.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from byel_tf.synthesis.heads.parametric.fields import (
    bump,
    smooth_step,
    twin_bumps,
    twin_ridges,
)

EYE = np.array([3.12, 3.5, 8.2])  # Centre of the left eyeball.
EYE_RADIUS = 1.3
LID_THICKNESS = 0.14

# Height of the nose's midline over the head without features, from subnasale over tip
# and rhinion to nasion; half its width there; and how steep its sides are, from 2, a
# rounded ridge, to 4, the broad ball of tip and wings.
_NOSE_HEIGHT = PchipInterpolator(
    [-1.55, -1.3, -1.0, -0.65, -0.2, 0.3, 1.2, 2.4, 3.4, 4.2, 5.2],
    [0.0, 0.25, 0.75, 1.5, 2.0, 2.25, 2.05, 1.3, 0.6, 0.2, 0.0],
)
_NOSE_WIDTH = PchipInterpolator(
    [-0.6, 0.0, 0.4, 0.8, 1.2, 1.8, 2.6, 3.6, 5.0],
    [1.6, 1.58, 1.48, 1.33, 1.22, 1.12, 1.0, 0.78, 1.1],
)
_NOSE_STEEPNESS = PchipInterpolator([0.4, 1.2, 2.0], [4.0, 2.8, 2.2])

# Soft hills and hollows: centre, radii, height; all of them twice, left and right.
_HILLS = (
    ((2.0, 3.3), (1.1, 1.0), -0.9),  # inner corner of the orbit
    ((3.5, 3.2), (1.9, 1.5), -0.65),  # orbit
    ((5.1, 4.6), (0.9, 1.2), 0.65),  # outer rim of the orbit
    ((3.6, 4.95), (1.6, 0.6), 0.5),  # fold of the upper lid
    ((6.0, 0.2), (1.0, 1.6), 0.35),  # cheekbone
    ((2.3, 1.2), (1.0, 1.2), -0.2),  # hollow beside the nose
    ((3.4, 0.3), (1.3, 1.6), -0.25),  # below the cheekbone
    ((3.5, -5.4), (1.5, 1.5), -0.35),  # between chin and jaw
    ((6.9, 6.5), (1.2, 3.2), -0.5),  # temple
    ((2.7, -3.6), (0.7, 0.8), -0.25),  # corner of the mouth
    ((2.7, -1.3), (1.3, 1.0), -0.22),  # fold from the wing of the nose
    ((1.0, -1.9), (1.0, 0.6), 0.25),  # beside the philtrum
)


def relief(points: np.ndarray) -> np.ndarray:
    """How the features move points of the head without them.

    Args:
        points: Points of that head with x ≥ 0, cm, [n, 3].

    Returns:
        Displacements, cm, [n, 3].
    """
    flat = points[:, :2]
    x, y = np.abs(points[:, 0]), points[:, 1]
    ahead = smooth_step(points[:, 2], 3.0, 6.0)
    z = sum(
        height * twin_bumps(flat, centre, radii) for centre, radii, height in _HILLS
    )
    # Brow ridge and the glabella between the brows.
    z += 0.3 * twin_ridges(flat, [(0.8, 5.5), (2.4, 6.0), (4.0, 6.0), (5.6, 5.2)], 0.75)
    z += 0.1 * bump(flat, (0, 5.7), (0.9, 0.8))
    # The arch of the teeth carries both lips; furrows lie below them and in the middle.
    z += 0.85 * bump(flat, (0, -3.2), (2.1, 1.6))
    z += 0.2 * bump(flat, (0, -4.3), (1.6, 0.5))  # lower lip
    z -= 0.28 * bump(flat, (0, -5.05), (1.5, 0.45))
    z -= 0.12 * bump(flat, (0, -1.9), (0.3, 0.55))
    z += 0.1 * bump(flat, (0, -2.35), (1.8, 0.18))  # white roll over the upper lip
    z += 0.3 * bump(flat, (0, -6.5), (1.7, 0.9))  # chin boss
    # From the wings of the nose past the corners of the mouth.
    z -= 0.1 * twin_ridges(flat, [(1.9, -0.2), (2.5, -1.5), (3.1, -3.0)], 0.4)
    # Fold above the upper lid.
    z -= 0.18 * twin_ridges(
        flat, [(1.95, 3.7), (2.6, 4.28), (3.6, 4.38), (4.7, 3.8)], 0.2
    )
    nose = _nose(x, y)
    nose[:, 2] += z
    # On the sides of the head features point outwards.
    nose *= ahead[:, None]
    nose[:, 0] += (
        0.3 * bump(points[:, 1:], (1.2, 5.0), (1.5, 2.5)) * smooth_step(x, 3, 6)
    )
    return nose + _ear(points)


def _nose(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    flat = np.stack([x, y], axis=1)
    # The rim of the nostrils lies higher than the tip.
    rim = 0.35 * smooth_step(x, 0.2, 1.0)
    height = _NOSE_HEIGHT(np.clip(y - rim, -1.55, 5.2))
    width = _NOSE_WIDTH(np.clip(y, -0.6, 5.0))
    across = x / width
    z = height * np.exp(-(across ** _NOSE_STEEPNESS(np.clip(y, 0.4, 2.0))))
    z += 0.1 * bump(flat, (0.0, 0.15), (0.6, 0.6))
    wing = bump(flat, (1.5, -0.15), (0.38, 0.42))
    z += 0.45 * wing
    # The furrow behind the wing, up and round.
    furrow = [(1.7, 0.65), (2.05, 0.15), (2.1, -0.45), (1.8, -0.9)]
    z -= 0.14 * twin_ridges(flat, furrow, 0.25)
    nostril = bump(flat, (0.75, -0.65), (0.32, 0.16))
    z -= 0.35 * nostril
    z += 0.25 * bump(flat, (0.0, -1.4), (0.6, 0.5))  # foot of the septum
    return np.stack([0.12 * wing * np.sign(x), 0.1 * nostril, z], axis=1)


def _ear(points: np.ndarray) -> np.ndarray:
    """A shell that stands off the head behind the jaw's joint."""
    y, z = points[:, 1] - 1.2, points[:, 2] - 0.3
    # Ears lean back: turn their long axis by 12 degrees.
    up, back = y * 0.978 - z * 0.208, -(z * 0.978 + y * 0.208)
    on_side = smooth_step(points[:, 0], 3.5, 5.5)
    # The lobe is narrower than the upper part.
    half = 1.45 + 0.25 * np.clip(up / 3.0, -1, 1)
    radius = np.hypot(up / 3.1, back / half)
    angle = np.arctan2(back / half, up / 3.1)
    shell = smooth_step(1.15 - radius, 0.0, 0.42)
    rise = shell * np.clip(0.5 + 0.65 * back / half, 0.0, 1.2)  # free edge at the back
    helix = np.exp(-(((radius - 0.78) / 0.14) ** 2)) * smooth_step(
        np.cos(angle - 0.6), -0.8, 0.2
    )
    antihelix = bump(np.stack([up, back], 1), (0.0, 0.55), (1.3, 0.25))
    concha = bump(np.stack([up, back], 1), (-0.3, -0.1), (0.75, 0.5))
    tragus = bump(np.stack([up, back], 1), (-0.5, -0.95), (0.4, 0.3))
    out = (
        1.35 * rise
        + 0.35 * helix * shell
        + 0.2 * antihelix
        - 0.6 * concha
        + 0.3 * tragus
    )
    behind = 0.4 * rise
    return np.stack([out * on_side, 0 * out, -behind * on_side], axis=1)


def with_eyeball(points: np.ndarray) -> np.ndarray:
    """Raises skin over the eyeballs, so that the lids lie on them.

    Args:
        points: Points with features, cm, [n, 3], x ≥ 0.

    Returns:
        The points with another z.
    """
    apart = np.hypot(points[:, 0] - EYE[0], points[:, 1] - EYE[1])
    over = EYE_RADIUS + LID_THICKNESS
    ball = EYE[2] + np.sqrt(np.maximum(over**2 - apart**2, 0.0))
    softness = 0.18
    near = (apart < over) & (points[:, 2] > 5.0)
    blend = softness * np.logaddexp(points[:, 2] / softness, ball / softness)
    # The soft maximum adds a little even where only one surface counts.
    raised = np.where(near, np.maximum(blend - 0.02, points[:, 2]), points[:, 2])
    fade = smooth_step(over - apart, 0.0, 0.25) * near
    result = points.copy()
    result[:, 2] += fade * (raised - points[:, 2])
    return result
