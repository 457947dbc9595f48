"""What the networks are to say of drawn scenes and patches."""

from __future__ import annotations

import numpy as np

from byel_tf.detection.frame import frames_of, sizes_of, to_patch
from byel_tf.detection.networks import (
    LARGEST,
    LOOKED_UNIT,
    PROPOSED_UNIT,
    SMALLEST,
    USUAL_POINTS,
    cells,
)

# Distances of a place from a face's middle, in sides of the face, up to which it is to
# be found, and up to which it doesn't matter.
_NEAR, _ABOUT = 0.22, 0.5
# Sizes beyond those to be found that don't matter either, as a factor.
_BEYOND = 1.35
# Of a patch: how far its frame may be from a face's that is to be found, in eye–mouth
# distances, and from which distance on it shows none.
_SAME_FACE, _OTHER = 0.38, 0.8


def proposing_targets(points: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """What the first network is to say of a scene.

    Args:
      points: Of its faces [N, 5, 2].
      rows: Places downwards.
      columns: Places across.

    Returns:
      float32 [rows, columns, 6]: whether there is a face, its frame as the network
      gives it, and 1 where that matters, else 0.
    """
    places = cells(rows, columns)
    targets = np.zeros((len(places), 6), np.float32)
    targets[:, 5] = 1
    frames = frames_of(points)
    for frame, size in zip(frames, sizes_of(frames), strict=True):
        away = np.hypot(*(places[:, :2] - frame[:2]).T)
        if SMALLEST <= size <= LARGEST:
            near = away <= max(_NEAR * size, away.min())
            targets[(away <= _ABOUT * size) & (targets[:, 0] == 0), 5] = 0
            targets[near, 0], targets[near, 5] = 1, 1
            targets[near, 1:5] = (frame - places[near]) / PROPOSED_UNIT
        elif SMALLEST / _BEYOND < size < LARGEST * _BEYOND:
            targets[(away <= _ABOUT * size) & (targets[:, 0] == 0), 5] = 0
    return targets.reshape(rows, columns, 6)


def looking_targets(frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What the second network is to say of patches.

    Args:
      frames: Theirs, [N, 4].
      points: Of the scene's faces, [F, 5, 2].

    Returns:
      float32 [N, 12]: 1 for a face, 0 for none, -1 where it doesn't matter; the points
      as the network gives them; and 1 where they are known.
    """
    targets = np.zeros((len(frames), 12), np.float32)
    if not len(points):
        return targets
    for target, frame in zip(targets, frames, strict=True):
        true = frames_of(points)
        distances = np.hypot(true[:, 2], true[:, 3])
        # Ends of the eye–mouth line, each against its own.
        apart = true[None] - frame
        ends = np.stack(
            [apart[0, :, :2] + sign * apart[0, :, 2:] / 2 for sign in (-1, 1)]
        )
        ends = np.hypot(ends[..., 0], ends[..., 1]).max(axis=0)
        errors = ends / distances
        nearest = errors.argmin()
        target[0] = 1 if errors[nearest] < _SAME_FACE else -1
        if errors[nearest] > _OTHER:
            target[0] = 0
        if target[0] == 1:
            places = to_patch(frame[None], points[nearest][None])[0]
            target[1:11] = ((places - USUAL_POINTS) / LOOKED_UNIT).ravel()
            target[11] = 1
    return targets
