"""Finds faces with the networks: a pyramid of pictures, then two looks at each window.

The stages of section 3 of arXiv 1604.02878, but what is looked at is bounded, and the
last network also looks at the whole picture, since faces that fill it are missed by the
first. Boxes are float64 [N, 4]:
left, top, right and bottom in pixels, where pixel i covers i to i + 1.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from byel_tf.faces.networks import PROPOSAL_STRIDE, PROPOSAL_WINDOW, Networks

# Sizes of faces that neighbouring pictures of the pyramid look for, as a ratio, and
# least probabilities after the first and the second network. The usual 0.709, 0.6 and
# 0.7 find 0.90 of 300 photographs (FER2013, public test) pasted into larger pictures,
# these 0.92, at 1.5 times the cost and with no more errors on pictures without a face.
_PYRAMID_RATIO = 0.8
_PROPOSED, _REFINED = 0.5, 0.6
# Windows that a picture of the pyramid may propose, and that are looked at at once:
# they bound time and memory.
_MOST, _BATCH = 200, 32
# Squares in the middle of the picture that may hold a face, as shares of its shorter
# side. On 600 photographs of 48 pixels that faces fill (FER2013, public test) they
# raise the share of faces found from 0.88 to 0.96.
_MIDDLE = (1.0, 0.84)


def find_faces(
    networks: Networks, picture: Image.Image, smallest: float, min_confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds all faces.

    Args:
      networks: The networks.
      picture: The picture, RGB.
      smallest: Side of the smallest face's box, pixels, from 12.
      min_confidence: Least probability of a face, 0 to 1.

    Returns:
      Boxes [N, 4], probabilities [N], and points [N, 5, 2] as from `Networks.locate`
      but in pixels.
    """
    boxes = _propose(networks, picture, smallest)
    scores, offsets = _look(networks.refine, picture, boxes, 24)
    kept = scores > _REFINED
    boxes, scores = _corrected(boxes[kept], offsets[kept]), scores[kept]
    boxes = _squared(boxes[_strongest(boxes, scores, 0.7)])

    boxes = np.concatenate([boxes, _middle_squares(*picture.size)])
    scores, offsets, points = _look(networks.locate, picture, boxes, 48)
    kept = scores >= min_confidence
    boxes, scores = boxes[kept], scores[kept]
    sides = boxes[:, None, 2:] - boxes[:, None, :2]
    points = boxes[:, None, :2] + points[kept] * sides
    boxes = _corrected(boxes, offsets[kept])
    kept = _strongest(boxes, scores, 0.7, of_smaller=True)
    return boxes[kept], scores[kept], points[kept]


def _propose(networks: Networks, picture: Image.Image, smallest: float) -> np.ndarray:
    """Squares that may hold a face."""
    all_boxes, all_scores = [np.zeros((0, 4))], [np.zeros(0)]
    side = float(min(picture.size))
    while side >= smallest:
        scale = PROPOSAL_WINDOW / side
        side *= _PYRAMID_RATIO
        size = [max(PROPOSAL_WINDOW, round(length * scale)) for length in picture.size]
        scaled = picture.resize(size, Image.Resampling.BILINEAR)
        scores, offsets = networks.propose(_normalized(np.asarray(scaled)[None]))
        rows, columns = np.nonzero(scores[0] > _PROPOSED)
        scores, offsets = scores[0, rows, columns], offsets[0, rows, columns]
        corners = np.stack([columns, rows], axis=1) * float(PROPOSAL_STRIDE)
        boxes = np.concatenate([corners, corners + PROPOSAL_WINDOW], axis=1)
        boxes = _corrected(boxes, offsets) * np.tile(np.divide(picture.size, size), 2)
        likely = np.argsort(-scores, kind="stable")[:_MOST]
        boxes, scores = boxes[likely], scores[likely]
        kept = _strongest(boxes, scores, 0.5)
        all_boxes.append(boxes[kept])
        all_scores.append(scores[kept])
    boxes = np.concatenate(all_boxes)
    return _squared(boxes[_strongest(boxes, np.concatenate(all_scores), 0.7)])


def _middle_squares(width: int, height: int) -> np.ndarray:
    """Squares for faces that fill the picture."""
    halves = np.array(_MIDDLE)[:, None] * min(width, height) / 2
    centre = np.array([[width / 2, height / 2]])
    return _squared(np.concatenate([centre - halves, centre + halves], axis=1))


def _look(
    network: Callable, picture: Image.Image, boxes: np.ndarray, size: int
) -> list[np.ndarray]:
    """What a network says of what is in boxes of whole pixels, scaled to its size."""
    outputs = []
    for start in range(0, max(1, len(boxes)), _BATCH):
        some = boxes[start : start + _BATCH].astype(int).tolist()
        patches = np.zeros((len(some), size, size, 3), np.uint8)
        for patch, box in zip(patches, some, strict=True):
            # Beyond the picture it is black.
            patch[:] = picture.crop(box).resize((size, size), Image.Resampling.BILINEAR)
        outputs.append(network(_normalized(patches)))
    return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def _normalized(pictures: np.ndarray) -> np.ndarray:
    return (pictures.astype(np.float32) - 127.5) / 128


def _corrected(boxes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Boxes moved by offsets [N, 4] in shares of their sides."""
    return boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Squares of whole pixels about the same centres, of the longer sides."""
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    sides = np.maximum(1, np.rint(sides))
    corners = np.rint((boxes[:, :2] + boxes[:, 2:] - sides) / 2)
    return np.concatenate([corners, corners + sides], axis=1)


def _strongest(
    boxes: np.ndarray, scores: np.ndarray, overlap: float, *, of_smaller: bool = False
) -> np.ndarray:
    """Indices of boxes that no stronger one overlaps, from the most likely one on.

    Args:
      boxes: [N, 4].
      scores: Their probabilities, [N].
      overlap: The share of common area that two boxes may have.
      of_smaller: Whether it is a share of the smaller box, not of their union.
    """
    areas = _area(boxes[:, 2:] - boxes[:, :2])
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        common = _area(
            np.minimum(boxes[first, 2:], boxes[left, 2:])
            - np.maximum(boxes[first, :2], boxes[left, :2])
        )
        if of_smaller:
            whole = np.minimum(areas[first], areas[left])
        else:
            whole = areas[first] + areas[left] - common
        left = left[common <= overlap * whole]
    return np.array(kept, int)


def _area(sides: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(0, sides), axis=1)
