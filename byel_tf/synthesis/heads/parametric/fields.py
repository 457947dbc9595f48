"""Smooth functions of place, from which features and movements are put together."""

from __future__ import annotations

import numpy as np


def smooth_step(values, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, smooth between."""
    t = np.clip((np.asarray(values) - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(points: np.ndarray, centre, radii) -> np.ndarray:
    """A Gaussian hill of height 1.

    Args:
        points: Places, cm, [n, d].
        centre: Its middle, cm, d numbers.
        radii: Distance along each axis at which it falls to 1/e, cm.

    Returns:
        Heights, [n].
    """
    away = (points - np.asarray(centre)) / np.asarray(radii)
    return np.exp(-np.sum(away * away, axis=-1))


def mirrored(points: np.ndarray) -> np.ndarray:
    """The points seen in a mirror: x changes its sign."""
    return points * np.array([-1.0] + [1.0] * (points.shape[-1] - 1))


def twin_bumps(points: np.ndarray, centre, radii) -> np.ndarray:
    """A hill and its mirror image on the other side."""
    return bump(points, centre, radii) + bump(mirrored(points), centre, radii)


def along(points: np.ndarray, line) -> tuple[np.ndarray, np.ndarray]:
    """Distance from a line of points and the place along it.

    Args:
        points: Places, cm, [n, 2].
        line: Corners of the line, cm, [m, 2].

    Returns:
        Distances, cm, and places from 0 at its start to 1 at its end; [n] each.
    """
    line = np.asarray(line, float)
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    offsets = points[:, None] - line[:-1]
    share = np.clip(np.sum(offsets * steps, axis=-1) / lengths**2, 0.0, 1.0)
    distances = np.linalg.norm(offsets - share[..., None] * steps, axis=-1)
    nearest = np.argmin(distances, axis=1)
    rows = np.arange(len(points))
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    places = (before[nearest] + share[rows, nearest] * lengths[nearest]) / before[-1]
    return distances[rows, nearest], places


def ridge(points: np.ndarray, line, width: float) -> np.ndarray:
    """A ridge of height 1 along a line seen from the front, ending softly.

    Args:
        points: Places, cm, [n, 2 or 3]; only x and y count.
        line: Corners of the line, cm, [m, 2].
        width: Distance at which it falls to 1/e, cm.

    Returns:
        Heights, [n].
    """
    distance, place = along(points[:, :2], line)
    ends = np.clip(5.0 * np.minimum(place, 1.0 - place), 0.0, 1.0)
    return np.exp(-((distance / width) ** 2)) * (0.3 + 0.7 * ends)


def twin_ridges(points: np.ndarray, line, width: float) -> np.ndarray:
    """A ridge and its mirror image on the other side."""
    return ridge(points, line, width) + ridge(mirrored(points), line, width)
