"""Columns of a table that say where in a picture the face is."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Sequence

from byel_tf.data.sources.boxes import Bounds, read_box
from byel_tf.data.sources.table import key
from byel_tf.errors import RunError

# Names of the four columns, as `table.key` writes them, without what may stand before.
_EDGES = (
    ("left", "top", "right", "bottom"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("minx", "miny", "maxx", "maxy"),
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("xtl", "ytl", "xbr", "ybr"),
)
_CORNERS = (
    ("x", "y"),
    ("left", "top"),
    ("xmin", "ymin"),
    ("minx", "miny"),
    ("x1", "y1"),
    ("x0", "y0"),
)
_SIZES = (("w", "h"), ("width", "height"))
_BEFORE = (
    *("face", "facebox", "facebbox", "boundingbox", "bbox", "box", "bb", "rect"),
    *("roi", "crop", ""),
)
_EMPTY = ("", "nan")
#: Names of one column for a whole box, which is written in several ways.
_WHOLE = ("bbox", "box", "facebox", "facebbox", "boundingbox", "rect", "bb")


@dataclasses.dataclass(frozen=True)
class BoxColumns:
    """The four columns of a box.

    Attributes:
      columns: Where they stand: left, top, then right and bottom, or width and height.
      has_size: Whether the last two are width and height.
    """

    columns: tuple[int, int, int, int]
    has_size: bool

    def read(self, row: Sequence[str]) -> Bounds | str | None:
        """The bounds a row gives, None where it gives none, or what is wrong."""
        cells = [row[column].strip() for column in self.columns]
        if all(cell.casefold() in _EMPTY for cell in cells):
            return None
        if self.has_size:
            try:
                left, top, width, height = map(float, cells)
            except ValueError:
                return "the face's box is no four numbers"
            cells = [repr(v) for v in (left, top, left + width, top + height)]
        box = read_box(*cells)
        if isinstance(box, str):
            return box
        if box[2] - box[0] < 1 or box[3] - box[1] < 1:
            return "the face's box is smaller than a pixel: it is read in pixels"
        return box


def find_box_columns(
    path: str, header: Sequence[str], taken: Collection[int]
) -> BoxColumns | None:
    """The columns that give a box, or None where a table has not four that do.

    Args:
      path: The table, for messages.
      header: The names of its columns.
      taken: Columns that are said to be something else.

    Raises:
      RunError: If there are columns for several boxes.
    """
    places = {}
    for column, name in enumerate(header):
        if column not in taken:
            places.setdefault(key(name), column)
    found: list[BoxColumns] = []
    sets = [(edges, False) for edges in _EDGES]
    sets += [(c + s, True) for c, s in itertools.product(_CORNERS, _SIZES)]
    for prefix in _BEFORE:
        # Of landmarks, x1, y1, x2 and y2 are the first ones.
        has_landmarks = f"{prefix}x3" in places
        for names, has_size in sets:
            if has_landmarks and names[0] in ("x0", "x1"):
                continue
            columns = [places.get(prefix + name) for name in names]
            used = {column for box in found for column in box.columns}
            if None not in columns and used.isdisjoint(columns):
                found.append(BoxColumns(tuple(columns), has_size))
    if len(found) > 1:
        several = "; ".join(
            ", ".join(f"'{header[column]}'" for column in box.columns) for box in found
        )
        raise RunError(
            f"{path} has columns for several boxes ({several}): leave one box's columns"
        )
    return found[0] if found else None


def is_whole_box(name: str) -> bool:
    """Whether a column is named as one that holds a whole box."""
    return key(name) in _WHOLE
