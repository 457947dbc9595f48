"""Finds faces with the networks: proposals in a pyramid, then two looks at each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from byel_tf.detection.frame import (
    MIRRORED,
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
_PROPOSED, _LOOKED = 0.4, -3.5
# Side of a face in pixels without which points are none's.
_LEAST_SIZE = 8.0
# Proposals that are looked at, of a picture: they bound its time.
_MOST = 24
# Frames of faces that fill the picture: eye–mouth distance by its shorter side, and
# roll in degrees. The first network, which is not shown such large ones whole, proposes
# parts of them. Of 399 photographs (FER2013, public test) earlier weights found 0.93
# with these and 0.86 without, at as many false faces.
_MIDDLE = ((0.46, 0), (0.38, 0), (0.31, 0), (0.38, 25), (0.38, -25))
# Common area of two boxes of one face: of their union, before looking, and of the
# smaller, after.
_SAME, _SAME_FACE = 0.5, 0.5
# What is added to log odds: when twice as many looks come to the same face, and when it
# is e times as large in the picture, where there are fewer places to err. And what is
# taken off all, so that with a confidence of 0.8 about one picture of a hundred without
# a face has a false one.
_DOUBLED, _LARGER, _TAKEN_OFF = 0.8, 0.6, 1.4


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
    odds, points = look(networks, pyramid, candidates(networks, pyramid, _PROPOSED))
    frames = frames_of(points)
    frames = frames[(odds > _LOOKED) & (sizes_of(frames) > _LEAST_SIZE)]
    odds, points = look(networks, pyramid, frames)
    boxes = boxes_of(frames_of(points))
    chosen = strongest(boxes, odds, _SAME)
    looks = (overlaps(boxes[chosen], boxes) > _SAME).sum(axis=1)

    # Those that stand for the others are looked at in a mirror too, and means taken.
    others, mirrored = look(networks, pyramid, frames[chosen], in_mirror=True)
    odds, points = (odds[chosen] + others) / 2, (points[chosen] + mirrored) / 2
    sizes = sizes_of(frames_of(points))
    shares = np.clip(sizes / min(picture.size), 1e-3, 1)
    odds = odds + _DOUBLED * np.log2(looks) + _LARGER * np.log(shares)
    scores = probability(odds - _TAKEN_OFF)
    kept = np.flatnonzero((scores >= min_confidence) & (sizes > _LEAST_SIZE))
    boxes = boxes_of(frames_of(points[kept]))
    kept = kept[strongest(boxes, odds[kept], _SAME_FACE, of_smaller=True)]
    return scores[kept], points[kept]


def candidates(networks: Networks, pyramid: Pyramid, least: float) -> np.ndarray:
    """Frames to be looked at, [N, 4]: proposals of a least probability, and others."""
    height, width = pyramid.levels[0].shape
    side = min(width, height)
    distances, rolls = np.array(_MIDDLE).T * [[side], [np.pi / 180]]
    middles = np.tile([width / 2, height / 2 + 0.04 * side], (len(_MIDDLE), 1))
    ways = np.stack([-np.sin(rolls), np.cos(rolls)], axis=1) * distances[:, None]
    filling = np.concatenate([middles, ways], axis=1)
    return np.concatenate([propose(networks, pyramid, least), filling])


def propose(networks: Networks, pyramid: Pyramid, least: float) -> np.ndarray:
    """Frames of a least probability, [N, 4], the most likely first."""
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
    networks: Networks,
    pyramid: Pyramid,
    frames: np.ndarray,
    *,
    in_mirror: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of a face [N] and points [N, 5, 2] of what is in frames.

    Args:
      networks: The networks.
      pyramid: The picture.
      frames: [N, 4].
      in_mirror: Whether they are looked at in a mirror.
    """
    if not len(frames):
        return np.zeros(0), np.zeros((0, 5, 2))
    patches = pyramid.patches(frames)
    if in_mirror:
        odds, places = networks.look(patches[:, :, ::-1])
        places = places[:, MIRRORED] * [-1, 1]
    else:
        odds, places = networks.look(patches)
    return odds.astype(np.float64), to_picture(frames, places)
