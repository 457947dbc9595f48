"""The one geometry of face crops, shared by the renderer, the import and prediction.

A crop is an upright square. Its side is a multiple of the *eye–mouth distance*: from
between the eyes to the middle of the mouth, of the face at rest and seen from the
front. It lies half way between a point above the brows and the chin, and between the
sides of the face. The renderer knows distance, chin and sides of its heads; of a
photograph only the five points of a face detector are known, and the rest is estimated
from them here, so that both crops agree in the mean.

Coordinates are pixels of the upright picture, x to the right and y down; the pixel in
column i covers x from i to i + 1. Left and right are the viewer's.
"""

from __future__ import annotations

import dataclasses
import math

from PIL import Image

Point = tuple[float, float]

#: Side in eye–mouth distances: the middle of `[camera] side` in synthetic.toml.
DEFAULT_SIDE = 2.35
#: Height above the eyes, in eye–mouth distances, between which and the chin a crop's
#: centre lies.
TOP_ABOVE_EYES = 0.86
#: Least margin; with less, eyes or mouth may be cut off.
MIN_MARGIN = 0.6
#: Largest area of a crop, by the part of it that the picture covers.
MAX_AREA = 16

# Means over 840 drawn faces each of the built-in head and ICT-FaceKit, domain
# "synthetic"; tests/faces/test_crop.py measures them again.
# The distance at rest and from the front, by the one seen.
_AT_REST = 1.05
# The chin's distance below the eyes, in eye–mouth distances.
_CHIN_BELOW_EYES = 1.54
# Where between eyes and mouth the nose's tip is, and by how many times the way that a
# turned head puts it beside their line the middle of the face moves the other way.
_NOSE_HEIGHT, _TURN = 0.575, 0.72


@dataclasses.dataclass(frozen=True)
class Box:
    """A square in a picture; it may reach beyond the picture.

    `Box(*dataclasses.astuple(box))` is the same box.

    Attributes:
      left: x of its left edge, pixels.
      top: y of its upper edge, pixels.
      side: Its side, pixels.
    """

    left: float
    top: float
    side: float

    def __post_init__(self) -> None:
        values = (self.left, self.top, self.side)
        if not all(map(math.isfinite, values)) or self.side <= 0:
            raise ValueError(
                "left, top and side must be finite and the side above 0. "
                f"Received: left={self.left}, top={self.top}, side={self.side}"
            )

    def with_margin(self, margin: float) -> Box:
        """The box with its side times a factor, about the same centre.

        Args:
          margin: From `MIN_MARGIN`; 1 is what the renderer draws.

        Raises:
          ValueError: If the margin is less.
        """
        if not margin >= MIN_MARGIN:
            raise ValueError(
                f"margin must be at least {MIN_MARGIN}, or eyes and mouth may be cut "
                f"off. Received: margin={margin}"
            )
        shift = (1 - margin) / 2 * self.side
        return Box(self.left + shift, self.top + shift, self.side * margin)


def face_box(
    left_eye: Point,
    right_eye: Point,
    nose: Point,
    mouth_left: Point,
    mouth_right: Point,
    *,
    side: float = DEFAULT_SIDE,
) -> Box:
    """The crop of a face of which five points are known, as the renderer would cut it.

    Args:
      left_eye: Its middle, pixels.
      right_eye: Its middle.
      nose: The nose's tip.
      mouth_left: Corner of the mouth.
      mouth_right: Corner of the mouth.
      side: Side in eye–mouth distances.

    Raises:
      ValueError: If eyes and mouth are in one place, or a number isn't finite.
    """
    eyes_x, eyes_y = _middle(left_eye, right_eye)
    mouth_x, mouth_y = _middle(mouth_left, mouth_right)
    distance = _AT_REST * math.hypot(mouth_x - eyes_x, mouth_y - eyes_y)
    aside = nose[0] - eyes_x - _NOSE_HEIGHT * (mouth_x - eyes_x)
    centre_x = eyes_x - _TURN * aside
    centre_y = eyes_y + (_CHIN_BELOW_EYES - TOP_ABOVE_EYES) / 2 * distance
    side *= distance
    return Box(centre_x - side / 2, centre_y - side / 2, side)


def bounds_box(bounds: tuple[float, float, float, float]) -> Box:
    """The crop of a face of which only the bounds are known.

    It is a square, as all crops are, so that faces keep their proportions; about the
    bounds' centre, and with their longer side, so that nothing is cut off of what was
    marked as the face. Data sets draw their boxes more or less tightly, which a margin
    evens out.

    Args:
      bounds: Left, top, right and bottom, pixels.

    Raises:
      ValueError: If a number isn't finite, or the bounds hold nothing.
    """
    left, top, right, bottom = bounds
    side = max(right - left, bottom - top)
    return Box((left + right - side) / 2, (top + bottom - side) / 2, side)


def crop(image: Image.Image, box: Box) -> Image.Image:
    """Cuts a box out of a picture, at the picture's own resolution.

    Args:
      image: The upright picture, of any mode.
      box: What to cut; position and side are rounded to whole pixels.

    Returns:
      A square picture of the same mode. Beyond the picture's edge the edge's pixels
      are repeated.

    Raises:
      ValueError: If the box is more than `MAX_AREA` times the part of it that the
        picture covers.
    """
    left, top = _round(box.left), _round(box.top)
    side = max(1, _round(box.side))
    x0, x1 = max(0, left), min(image.width, left + side)
    y0, y1 = max(0, top), min(image.height, top + side)
    covered = max(0, x1 - x0) * max(0, y1 - y0)
    if covered == 0 or side * side > MAX_AREA * covered:
        raise ValueError(
            f"A box must have at least 1/{MAX_AREA} of its area in the picture of "
            f"{image.width}x{image.height} pixels. Received: {box}"
        )
    seen = image.crop((x0, y0, x1, y1))
    if seen.size == (side, side):
        return seen
    # Places in the crop, and in what is seen, of the parts before, in and after it.
    columns = _parts(x0 - left, x1 - left, side)
    rows = _parts(y0 - top, y1 - top, side)
    whole = seen.resize((side, side))  # for its mode and palette
    for column, from_x in columns:
        for row, from_y in rows:
            size = (column[1] - column[0], row[1] - row[0])
            if min(size) > 0:
                source = (from_x[0], from_y[0], from_x[1], from_y[1])
                part = seen.resize(size, Image.Resampling.NEAREST, source)
                whole.paste(part, (column[0], row[0]))
    return whole


def _parts(start: int, stop: int, side: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """(from, to) in a crop and in its seen pixels, for before, in and after them."""
    count = stop - start
    return (
        ((0, start), (0, 1)),
        ((start, stop), (0, count)),
        ((stop, side), (count - 1, count)),
    )


def _middle(first: Point, second: Point) -> Point:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2


def _round(value: float) -> int:
    """The nearest integer, upwards from halves, so that shifted boxes agree."""
    return math.floor(value + 0.5)
