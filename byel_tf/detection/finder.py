"""Finds faces with the networks: proposals in a pyramid, then two looks at each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from byel_tf.detection.frame import (
    boxes_of,
    frames_of,
    overlaps,
    sizes_of,
    strongest,
    to_picture,
)
from byel_tf.detection.layers import probability
from byel_tf.detection.networks import LARGEST, SMALLEST, Networks
from byel_tf.detection.pyramid import AROUND, Pyramid, padded

# Least probability of what is looked at, and least log odds of what is so again.
_PROPOSED, _LOOKED = 0.25, -2.2
# Frames that are looked at, of a picture: they bound its time.
_MOST = 24
# Common area of two boxes of one face: of their union, before looking, and of the
# smaller, after.
_SAME, _SAME_FACE = 0.5, 0.5
# What another look that comes to the same face adds to its log odds, when it doubles
# their number; and what is taken off all, so that a confidence of 0.8 has a false face
# in one picture of a hundred.
_DOUBLED, _TAKEN_OFF = 1.4, 0.0


def find_faces(
    networks: Networks, picture: Image.Image, min_confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Finds all faces.

    Args:
      networks: The networks.
      picture: The picture, of mode L.
      min_confidence: Least probability of a face, 0 to 1.

    Returns:
      Probabilities [N], the most likely face first, and points [N, 5, 2] in pixels.
    """
    pyramid = Pyramid(picture)
    frames = propose(networks, pyramid)
    odds, points = look(networks, pyramid, frames)
    likely = odds > _LOOKED
    odds, points = look(networks, pyramid, frames_of(points[likely]))
    boxes = boxes_of(frames_of(points))
    looks = (overlaps(boxes, boxes) > _SAME).sum(axis=1)
    odds = odds + _DOUBLED * np.log2(np.maximum(looks, 1)) - _TAKEN_OFF
    scores = probability(odds.astype(np.float64))
    kept = np.flatnonzero(scores >= min_confidence)
    kept = kept[strongest(boxes[kept], odds[kept], _SAME_FACE, of_smaller=True)]
    return scores[kept], points[kept]


def propose(
    networks: Networks, pyramid: Pyramid, least: float = _PROPOSED
) -> np.ndarray:
    """Frames that may be faces', [N, 4], the most likely first."""
    all_scores, all_frames = [np.zeros(0)], [np.zeros((0, 4))]
    for level, scale in zip(pyramid.levels, pyramid.scales, strict=True):
        scores, frames = networks.propose(padded(level))
        frames[:, :2] -= AROUND
        sizes = sizes_of(frames)
        kept = (scores > least) & (sizes > SMALLEST / 1.3) & (sizes < LARGEST * 1.3)
        all_scores.append(scores[kept])
        all_frames.append(frames[kept] / np.tile(scale, 2))
    scores, frames = np.concatenate(all_scores), np.concatenate(all_frames)
    likely = np.argsort(-scores, kind="stable")[: 10 * _MOST]
    scores, frames = scores[likely], frames[likely]
    return frames[strongest(boxes_of(frames), scores, _SAME)[:_MOST]]


def look(
    networks: Networks, pyramid: Pyramid, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of a face [N] and points [N, 5, 2] of what is in frames."""
    if not len(frames):
        return np.zeros(0), np.zeros((0, 5, 2))
    odds, places = networks.look(pyramid.patches(frames))
    return odds, to_picture(frames, places)
