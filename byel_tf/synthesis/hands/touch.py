"""Where a hand touches a face: heights of the face seen from the hand, compiled."""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.compiled import compiled
from byel_tf.synthesis.hands.rig import FIRST_FINGER, OF_A_FINGER, finger_moves
from byel_tf.synthesis.mesh import transform
from byel_tf.synthesis.rasterizer import depth_map

# Cells along a side of the field, and the width of one, cm.
_CELLS, _CELL = 76, 0.3
_NOTHING = np.float32(-1e8)
_FAR = np.float32(1e3)
_STEPS = 6


class Heights:
    """Heights of a surface over a plane, seen from a direction.

    Attributes:
        axes: What takes a point, seen from the origin, to column, row and height,
            float32 [3, 3].
        origin: What is in the middle, float32 [3].
        field: The surface's heights, cm, float32 [N, N].
    """

    def __init__(self, points, triangles, out, origin):
        """Looks at a surface.

        Args:
            points: Its vertices, float32 [V, 3].
            triangles: int32 [T, 3].
            out: The direction from which it is seen, [3].
            origin: What is in the middle, [3].
        """
        out = np.asarray(out, np.float64) / np.linalg.norm(out)
        across = np.cross([0.0, 1.0, 0.0] if abs(out[1]) < 0.9 else [0, 0, -1.0], out)
        across /= np.linalg.norm(across)
        up = np.cross(out, across)
        self.axes = np.stack([across / _CELL, -up / _CELL, out]).astype(np.float32)
        self.origin = np.asarray(origin, np.float32)
        seen = transform(points, self.axes, self.origin)
        seen[:, :2] += np.float32(_CELLS / 2)
        self.field = depth_map(seen, triangles, _CELLS)

    def gaps(self, points: np.ndarray) -> np.ndarray:
        """How far points are above the surface, cm, far above where there is none."""
        return gaps(self.seen(points), self.field)

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Points in the frame of the heights: columns, rows and cm, from the middle."""
        return transform(np.asarray(points, np.float32), self.axes, self.origin)


@compiled
def _gap(x, y, z, field):
    size = field.shape[0]
    u, v = x + np.float32(size / 2), y + np.float32(size / 2)
    left, top = int(np.floor(u)), int(np.floor(v))
    if left < 0 or top < 0 or left >= size - 1 or top >= size - 1:
        return _FAR
    # The highest round about: never too near on slopes.
    high = max(
        max(field[top, left], field[top, left + 1]),
        max(field[top + 1, left], field[top + 1, left + 1]),
    )
    return z - high if high > _NOTHING else _FAR


@compiled
def gaps(seen, field):
    """As `Heights.gaps`, of points in its own frame, float32 [N]."""
    found = np.empty(seen.shape[0], np.float32)
    for i in range(seen.shape[0]):
        found[i] = _gap(seen[i, 0], seen[i, 1], seen[i, 2], field)
    return found


@compiled
def close_fingers(
    points, joints, bones, weights, moves, opened, closed, spreads, axes, shift, field,
    press,
):  # fmt: skip
    """Closes each finger until it touches, in place of its bones' moves.

    Args:
        points: The hand at rest, float32 [V, 3].
        joints: float32 [22, 3].
        bones: As in `Rig`.
        weights: As in `Rig`.
        moves: Of the bones, float32 [17, 3, 4].
        opened: Angles at which fingers begin, float32 [5, 3].
        closed: Angles at which they end, float32 [5, 3].
        spreads: float32 [5].
        axes: From the bent hand to the frame of the heights, float32 [3, 3].
        shift: The same, float32 [3].
        field: The heights.
        press: How far flesh gives way, cm.
    """
    for finger in range(opened.shape[0]):
        start, end = opened[finger].copy(), closed[finger].copy()
        # First the whole finger, then its outer joints as far as they still go.
        for _ in range(2):
            low, high = np.float32(0.0), np.float32(1.0)
            share = high
            for step in range(_STEPS + 1):
                angles = start + share * (end - start)
                finger_moves(moves, joints, finger, angles, spreads[finger])
                least = _least_gap(
                    points, bones, weights, moves, axes, shift, field, finger
                )
                if least >= -press:
                    low = share
                    if step == 0:
                        break
                else:
                    high = share
                share = np.float32(0.5) * (low + high) if step < _STEPS - 1 else low
            start = start + low * (end - start)
            end[0] = start[0]


@compiled
def _least_gap(points, bones, weights, moves, axes, shift, field, finger):
    first = FIRST_FINGER + OF_A_FINGER * finger
    least = _FAR
    for i in range(points.shape[0]):
        if first <= bones[i, 0] < first + OF_A_FINGER:
            x, y, z = _placed(points, bones, weights, moves, axes, shift, i)
            least = min(least, _gap(x, y, z, field))
    return least


@compiled
def _placed(points, bones, weights, moves, axes, shift, i):
    bent = np.zeros(3, np.float32)
    for k in range(bones.shape[1]):
        weight = weights[i, k]
        if weight > 0:
            move = moves[bones[i, k]]
            for axis in range(3):
                bent[axis] += weight * (
                    move[axis, 0] * points[i, 0]
                    + move[axis, 1] * points[i, 1]
                    + move[axis, 2] * points[i, 2]
                    + move[axis, 3]
                )
    x, y, z = bent[0], bent[1], bent[2]
    return (
        axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z + shift[0],
        axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z + shift[1],
        axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z + shift[2],
    )


@compiled
def flatten(points, seen, field, out):
    """Moves points that are behind a surface onto it, in place.

    Args:
        points: float32 [N, 3].
        seen: The same in the frame of the heights.
        field: The heights.
        out: The direction in which they move, float32 [3].
    """
    least = np.float32(0.02)
    for i in range(points.shape[0]):
        gap = _gap(seen[i, 0], seen[i, 1], seen[i, 2], field)
        if gap < least:
            for axis in range(3):
                points[i, axis] += (least - gap) * out[axis]
