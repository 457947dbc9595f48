"""The head without features: horizontal sections round a vertical axis.

A place on it has two coordinates: the azimuth round the axis, 0 at the front and π at
the back, and the level, which is the height y in cm over most of the face, grows
faster than y under the chin, where the surface is nearly level, and ends at the crown.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from byel_tf.synthesis.heads.parametric.fields import smooth_step

AXIS_Z = 1.0  # Depth of the vertical axis, cm.
VAULT = 6.0  # Level from which the skull is an ellipsoid, cm.
VAULT_HEIGHT = 8.5  # Its height: the crown lies at y = 14.5 cm.
CROWN = VAULT + VAULT_HEIGHT * np.pi / 2
BOTTOM = -20.0  # Level of the lower edge, cm: shoulders and collar bones.

# Heights, then half breadths or depths from the axis, cm: sections of an average head,
# nearly 16 wide above the ears and 19.5 from glabella to the back, rounded from those
# of ICT-FaceKit's (Li et al., CVPR 2020).
_FACE_BREADTH = PchipInterpolator(
    [-9, -7.5, -6, -4, -2, 0, 3, 6], [5.0, 5.5, 6.0, 6.45, 6.8, 7.1, 7.55, 7.8]
)
_FACE_DEPTH = PchipInterpolator(
    [-9, -7.5, -6, -4, -2, 0, 3, 6], [9.4, 9.7, 9.8, 9.8, 9.9, 9.7, 9.45, 9.6]
)
_FACE_SQUARENESS = PchipInterpolator([-8, -4, 0, 6, 10], [2.15, 2.35, 2.6, 2.05, 2.0])
_BACK_DEPTH = PchipInterpolator(
    [-17, -12, -9, -5, -2, 0, 3, 6], [10.5, 8.6, 7.2, 6.7, 7.2, 8.2, 9.4, 9.7]
)
_NECK_BREADTH = PchipInterpolator(
    [-18, -16, -14, -12, -10, -8, -4], [12.2, 11.6, 9.2, 6.6, 5.7, 5.4, 5.4]
)
_NECK_DEPTH = PchipInterpolator(
    [-18, -16, -13, -11, -8.5, -6], [3.6, 2.8, 3.1, 3.9, 5.0, 5.6]
)


def isometric_level(level: np.ndarray) -> np.ndarray:
    """Levels as in Mercator's projection, in which the surface keeps its angles."""
    arc = np.clip((level - VAULT) / VAULT_HEIGHT, 0.0, np.pi / 2 - 1e-9)
    return np.minimum(level - VAULT, 0.0) / VAULT_HEIGHT + np.arcsinh(np.tan(arc))


def to_plane(azimuth: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Places in a plane that has the crown at its origin and keeps angles, [n, 2].

    The front lies towards +y, the subject's left towards +x.
    """
    radius = np.exp(-isometric_level(level))
    return np.stack([radius * np.sin(azimuth), radius * np.cos(azimuth)], axis=-1)


def from_plane(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Azimuths and levels of places in the plane."""
    isometric = -np.log(np.maximum(np.hypot(*places.T), 1e-12))
    vault = VAULT + VAULT_HEIGHT * np.arctan(np.sinh(np.maximum(isometric, 0.0)))
    level = np.where(isometric > 0, vault, VAULT + VAULT_HEIGHT * isometric)
    return np.arctan2(places[:, 0], places[:, 1]), level


def plane_scale(level: np.ndarray) -> np.ndarray:
    """Length in the plane of 1 cm on the head."""
    arc = np.clip((level - VAULT) / VAULT_HEIGHT, 0.0, np.pi / 2)
    return np.exp(-isometric_level(level)) / (
        VAULT_HEIGHT * np.maximum(np.cos(arc), 1e-3)
    )


def surface(azimuth: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The head without features.

    Args:
        azimuth: Angle round the axis from the front to the subject's left, radians.
        level: Level, cm.

    Returns:
        Points, cm, [n, 3].
    """
    front = np.maximum(np.cos(azimuth), 0.0)
    # The lower edge of the jaw runs from the chin up to below the ears.
    jaw_line = -3.6 - 4.65 * front**2.2
    softness = 0.3 + 0.9 * (1.0 - front)
    shelf = 1.6 * front**2  # Half the depth of level added under the chin.
    below = 1.0 - np.tanh((level - jaw_line + shelf) / 1.8)
    arc = np.clip((level - VAULT) / VAULT_HEIGHT, 0.0, np.pi / 2)
    y = np.minimum(level, VAULT) + VAULT_HEIGHT * np.sin(arc) + shelf * below
    scale = np.cos(arc) ** 0.92
    chin = 1.0 / (1.0 + np.exp(-(y - jaw_line) / softness))

    def radius(breadth, depth, squareness):
        across = np.abs(np.sin(azimuth)) / breadth
        ahead = np.abs(np.cos(azimuth)) / depth
        return (across**squareness + ahead**squareness) ** (-1.0 / squareness)

    low = np.clip(y, -9.0, 6.0)
    neck_y = np.clip(y, -18.0, -4.0)
    is_front = smooth_step(np.cos(azimuth), -0.15, 0.15)
    back = _BACK_DEPTH(np.clip(y, -17.0, 6.0))
    face = radius(
        _FACE_BREADTH(low), _FACE_DEPTH(low), _FACE_SQUARENESS(np.clip(y, -8, 10))
    )
    face_back = radius(_FACE_BREADTH(low), back, 2.1)
    neck = radius(_NECK_BREADTH(neck_y), _NECK_DEPTH(np.clip(neck_y, -18, -6)), 2.1)
    neck_back = radius(_NECK_BREADTH(neck_y), back, 2.2)
    face = face_back + (face - face_back) * is_front
    neck = neck_back + (neck - neck_back) * is_front
    reach = scale * (neck + (face - neck) * chin)
    return np.stack(
        [reach * np.sin(azimuth), y, AXIS_Z * scale + reach * np.cos(azimuth)], axis=-1
    )


def place_of(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Azimuths and levels of points of the face seen from the front, in cm."""
    azimuth, level = np.arctan2(x, 9.0), np.array(y, float)
    for _ in range(20):
        point = surface(azimuth, level)
        azimuth = azimuth + (x - point[:, 0]) / 12.0
        level = level + (y - point[:, 1])
    return azimuth, level
