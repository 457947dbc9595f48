"""Triangles of graded size for one half of the head.

The method is that of Persson & Strang, *A simple mesh generator in MATLAB* (SIAM
Review 46, 2004): edges of a Delaunay triangulation push like springs until they have
the wanted lengths. Fixed contours (eyes, mouth) stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial import Delaunay, cKDTree

_STEPS = 18  # Moves of the points.
_RENEWALS = 3  # Moves between two triangulations.
_CLEARANCE = 0.7  # Least distance from fixed points, as a share of the wanted length.


def spaced(start: float, stop: float, size: Callable) -> np.ndarray:
    """Values from `start` to `stop` whose distances follow `size(value)`."""
    values = np.linspace(start, stop, 2000)
    density = 1.0 / size(values)
    steps = 0.5 * (density[1:] + density[:-1]) * np.abs(np.diff(values))
    count = np.concatenate([[0.0], np.cumsum(steps)])
    whole = max(1, round(count[-1]))
    return np.interp(np.linspace(0.0, count[-1], whole + 1), count, values)


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether points [n, 2] lie within a polygon [m, 2], bool [n]."""
    result = np.zeros(len(points), bool)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = ((points >= low) & (points <= high)).all(axis=1)
    x, y = points[near].T
    odd = np.zeros(len(x), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        height = by - ay if by != ay else 1.0
        odd ^= crosses & (x < ax + (bx - ax) * (y - ay) / height)
    result[near] = odd
    return result


def triangulate(
    fixed: np.ndarray,
    free: np.ndarray,
    holes: Sequence[np.ndarray],
    wanted: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Moves free points until triangles have the wanted size.

    Args:
        fixed: Points that stay, [f, 2]: the outline, which is convex, and the holes'.
        free: Other points at first, [n, 2], within the outline.
        holes: Polygons without triangles, [m, 2] each; their corners are fixed.
        wanted: Length of edges at places [k, 2].

    Returns:
        Points, the fixed ones first, and triangles, counter-clockwise, int [T, 3].
    """
    points = np.concatenate([fixed, free])
    anchors = cKDTree(fixed)
    clear = anchors.query(points)[0]
    for step in range(_STEPS):
        if step % _RENEWALS == 0:
            simplices = Delaunay(points).simplices
            edges = np.concatenate([simplices[:, [i, (i + 1) % 3]] for i in range(3)])
            edges = np.sort(edges, axis=1)
            keys = np.unique(edges[:, 0].astype(np.int64) * len(points) + edges[:, 1])
            first, second = keys // len(points), keys % len(points)
            goal = wanted(0.5 * (points[first] + points[second]))
            least = _CLEARANCE * wanted(points)
        apart = points[first] - points[second]
        length = np.maximum(np.linalg.norm(apart, axis=1), 1e-12)
        push = (np.maximum(1.15 * goal - length, 0.0) / length)[:, None] * apart
        move = np.stack(
            [
                np.bincount(first, push[:, k], len(points))
                - np.bincount(second, push[:, k], len(points))
                for k in range(2)
            ],
            axis=1,
        )
        move[: len(fixed)] = 0.0
        moved = points + 0.2 * move
        # A point next to a fixed edge would make a flat triangle.
        near = anchors.query(moved)[0]
        off = (near < least) & (near < clear)
        for hole in holes:
            off |= inside(moved, hole)
        off |= moved[:, 0] <= 0.0
        off[: len(fixed)] = False
        points = np.where(off[:, None], points, moved)
        clear = np.where(off, clear, near)
    simplices = Delaunay(points).simplices
    centres = points[simplices].mean(axis=1)
    keep = np.ones(len(simplices), bool)
    for hole in holes:
        keep &= ~inside(centres, hole)
    a, b, c = (points[simplices[:, k]] for k in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    area = ux * vy - uy * vx
    simplices[area < 0] = simplices[area < 0][:, ::-1]
    # The outline's chords leave flat triangles along straight edges.
    longest = np.max(
        [np.sum((p - q) ** 2, axis=1) for p, q in ((a, b), (b, c), (c, a))], axis=0
    )
    keep &= np.abs(area) > 0.02 * longest
    return points, simplices[keep]
