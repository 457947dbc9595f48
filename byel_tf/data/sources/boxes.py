"""Faces' boxes as lists write them."""

from __future__ import annotations

import math

Bounds = tuple[float, float, float, float]
NO_NUMBERS = "the face's box is no four numbers"


def read_box(left: str, top: str, right: str, bottom: str) -> Bounds | str:
    """The bounds of a face, or the reason why there are none that can be used.

    Args:
      left: Number of pixels, as text; the others likewise.
      top: From the picture's upper edge.
      right: From the picture's left edge, not the box's.
      bottom: From the picture's upper edge.
    """
    try:
        return checked_box((float(left), float(top), float(right), float(bottom)))
    except ValueError:
        return NO_NUMBERS


def checked_box(box: Bounds) -> Bounds | str:
    """The bounds, or the reason why they cannot be used."""
    left, top, right, bottom = box
    if not all(map(math.isfinite, box)):
        return NO_NUMBERS
    return box if left < right and top < bottom else "the face's box is empty"


def box_name(name: str, box: Bounds) -> str:
    """What to call one of several faces of a picture, as `a.jpg#box=10,20,110,140`."""
    return f"{name}#box={','.join(str(round(value)) for value in box)}"
