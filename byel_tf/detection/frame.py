"""A face's frame: where its eyes and mouth are, hence its place, size and roll.

A frame is a row of four numbers: x and y of the middle between the eyes' middle and the
mouth's, and the way from the first to the second, in pixels. The networks look at
upright patches that are cut out along it. Points are in the order of `DetectedFace`.
"""

from __future__ import annotations

import numpy as np

#: Side of a patch, in pixels and in eye–mouth distances.
PATCH, PATCH_SIDE = 48, 3.0
#: Side of a face in eye–mouth distances as they are seen: what "a face of 16 pixels"
#: means here. The crops of `byel_tf.faces.crop` have the same.
FACE_SIDE = 2.47
#: Points change places in a mirror, left with right.
MIRRORED = [1, 0, 2, 4, 3]
# Where the middle of the face's square lies, from the frame's, along it.
_BELOW = -0.14


def frames_of(points: np.ndarray) -> np.ndarray:
    """The frames [N, 4] of points [N, 5, 2]."""
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    return np.concatenate([(eyes + mouth) / 2, mouth - eyes], axis=1)


def sizes_of(frames: np.ndarray) -> np.ndarray:
    """Sides of faces, in pixels, [N]."""
    return FACE_SIDE * np.hypot(frames[:, 2], frames[:, 3])


def boxes_of(frames: np.ndarray) -> np.ndarray:
    """Upright squares about faces: left, top, right and bottom, [N, 4]."""
    centres = frames[:, :2] + _BELOW * frames[:, 2:]
    halves = sizes_of(frames)[:, None] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def to_picture(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places in patches, where they lie in the picture.

    Args:
      frames: [N, 4].
      places: [N, M, 2] in eye–mouth distances from the patch's middle, x to the right
        and y down, as the patch shows the face.
    """
    x, y = places[..., 0], places[..., 1]
    along_x, along_y = frames[:, None, 2], frames[:, None, 3]
    across = x * along_y + y * along_x
    down = y * along_y - x * along_x
    return frames[:, None, :2] + np.stack([across, down], axis=-1)


def to_patch(frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The inverse of `to_picture`: points [N, M, 2] of the picture, in patches."""
    moved = points - frames[:, None, :2]
    along_x, along_y = frames[:, None, 2], frames[:, None, 3]
    square = along_x**2 + along_y**2
    x = (moved[..., 0] * along_y - moved[..., 1] * along_x) / square
    y = (moved[..., 0] * along_x + moved[..., 1] * along_y) / square
    return np.stack([x, y], axis=-1)


def overlaps(
    boxes: np.ndarray, others: np.ndarray, *, of_smaller: bool = False
) -> np.ndarray:
    """Common area of boxes [N, 4] and [M, 4] as a share of their union, [N, M].

    Args:
      boxes: Of sides above 0.
      others: Likewise.
      of_smaller: Whether it is a share of the smaller one instead.
    """
    sides = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], others[None, :, :2]
    )
    common = np.prod(np.maximum(0, sides), axis=2)
    areas, other_areas = (
        np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes, others)
    )
    if of_smaller:
        return common / np.minimum(areas[:, None], other_areas)
    return common / (areas[:, None] + other_areas - common)


def strongest(
    boxes: np.ndarray, scores: np.ndarray, overlap: float, *, of_smaller: bool = False
) -> np.ndarray:
    """Indices of boxes that no stronger one overlaps, from the strongest on.

    Args:
      boxes: [N, 4].
      scores: [N].
      overlap: The share of common area that two boxes may have.
      of_smaller: As for `overlaps`.
    """
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        first, left = left[:1], left[1:]
        kept.append(first[0])
        common = overlaps(boxes[first], boxes[left], of_smaller=of_smaller)[0]
        left = left[common <= overlap]
    return np.array(kept, int)
