"""Many small pictures on one sheet, to be judged by eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def contact_sheet(
    images: Sequence[np.ndarray] | np.ndarray, columns: int
) -> np.ndarray:
    """Lays pictures of one size out in rows, with a thin white gap between them.

    Args:
        images: uint8 pictures [S, S, 3], at least one.
        columns: Pictures in a row, at least 1.

    Returns:
        uint8 [height, width, 3]; the last row is filled up with white.

    Raises:
        ValueError: If there is no picture, a shape or type differs, or `columns` is
            below 1.
    """
    if columns < 1:
        raise ValueError(f"A sheet needs a column. Received: columns={columns!r}")
    pictures = [np.asarray(image) for image in images]
    if not pictures:
        raise ValueError("A sheet needs a picture. Received: images=[]")
    shape = pictures[0].shape
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.shape != shape:
            raise ValueError(
                f"Pictures must share one shape [S, S, 3]. "
                f"Received: shapes {shape} and {picture.shape}"
            )
        if picture.dtype != np.uint8:
            raise ValueError(f"Pictures must be uint8. Received: {picture.dtype}")
    gap = 2
    rows = -(-len(pictures) // columns)
    height, width = shape[0] + gap, shape[1] + gap
    sheet = np.full((rows * height + gap, columns * width + gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top = gap + index // columns * height
        left = gap + index % columns * width
        sheet[top : top + shape[0], left : left + shape[1]] = picture
    return sheet
