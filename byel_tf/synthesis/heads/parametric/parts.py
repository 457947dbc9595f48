"""Pieces of the left half of a head, and how they become a whole one."""

from __future__ import annotations

import dataclasses

import numpy as np

UPPER, LOWER = 0.0, 1.0  # Rigid parts: of the skull, of the lower jaw.
SOFT = np.nan  # How far the lower jaw carries it depends on the place.


@dataclasses.dataclass
class Part:
    """A piece of the half of the head with x ≥ 0.

    Attributes:
        points: Vertices, cm, [n, 3].
        places: Where each vertex counts as lying when a movement asks, cm, [n, 3]: the
            vertices themselves, but with the lips a little open, and all of a lid's
            edge on its contour.
        triangles: Vertices of the triangles, int [T, 3].
        regions: Region of each vertex, [n].
        softness: How much of the skin's movement a vertex follows, [n], 0 to 1.
        jaw: How far the lower jaw carries it, [n]: `UPPER`, `LOWER` or `SOFT`.
        lid: How much of the lids' movement it follows, [n], 0 to 1.
        eye: Whether the vertices are the eyeball's.
    """

    points: np.ndarray
    places: np.ndarray
    triangles: np.ndarray
    regions: np.ndarray
    softness: np.ndarray
    jaw: np.ndarray
    lid: np.ndarray
    eye: np.ndarray


def part(
    points,
    triangles,
    region,
    *,
    places=None,
    softness=1.0,
    jaw=SOFT,
    lid=0.0,
    eye=False,
) -> Part:
    """A part whose numbers per vertex may be given once for all of them."""
    points = np.asarray(points, float)
    count = len(points)
    return Part(
        points,
        points if places is None else np.asarray(places, float),
        np.asarray(triangles, int).reshape(-1, 3),
        np.broadcast_to(region, count),
        np.broadcast_to(softness, count).astype(float),
        np.broadcast_to(jaw, count).astype(float),
        np.broadcast_to(lid, count).astype(float),
        np.broadcast_to(eye, count),
    )


def joined(parts: list[Part]) -> Part:
    """All parts as one, their vertices in the same order."""
    starts = np.cumsum([0] + [len(p.points) for p in parts[:-1]])
    fields = {
        field.name: np.concatenate([getattr(p, field.name) for p in parts])
        for field in dataclasses.fields(Part)
    }
    fields["triangles"] = np.concatenate(
        [p.triangles + start for p, start in zip(parts, starts, strict=True)]
    )
    return Part(**fields)


def some(whole: Part, chosen: np.ndarray) -> Part:
    """Some of a part's vertices, bool [n] or numbers, without triangles."""
    fields = {
        field.name: getattr(whole, field.name)[chosen]
        for field in dataclasses.fields(Part)
        if field.name != "triangles"
    }
    return Part(**fields, triangles=np.empty((0, 3), int))


def strip(first: np.ndarray, second: np.ndarray, *, closed: bool = False) -> np.ndarray:
    """Triangles between two rows of as many vertices.

    Seen with the first row below the second one and both running to the right, they
    face the viewer.
    """
    if closed:
        first, second = np.append(first, first[0]), np.append(second, second[0])
    a, b, c, d = first[:-1], first[1:], second[:-1], second[1:]
    return np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])


def rows(shape: tuple[int, int], *, closed: bool = False) -> np.ndarray:
    """Triangles of a grid of vertices, numbered row by row, as in `strip`."""
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    return np.concatenate(
        [strip(index[i], index[i + 1], closed=closed) for i in range(shape[0] - 1)]
    )


def whole(
    half: Part, right_region: dict[int, int]
) -> tuple[Part, np.ndarray, np.ndarray]:
    """Both halves of the head, sorted by region.

    Args:
        half: The left half; vertices with x = 0 become common to both halves.
        right_region: Regions whose mirror image is another one.

    Returns:
        The whole, for each of its vertices the one on the other side, int [V], and for
        each vertex of the half its number in the whole, int [n].
    """
    count = len(half.points)
    on_seam = np.abs(half.points[:, 0]) < 1e-6
    twin = np.where(on_seam, np.arange(count), 0)
    twin[~on_seam] = count + np.arange(np.count_nonzero(~on_seam))
    mirror = np.array([-1.0, 1.0, 1.0])
    other_regions = half.regions.copy()
    for left, right in right_region.items():
        other_regions[half.regions == left] = right
    both = {}
    for field in dataclasses.fields(Part):
        values = getattr(half, field.name)
        if field.name == "triangles":
            continue
        other = values[~on_seam]
        if field.name in ("points", "places"):
            values = np.where(on_seam[:, None], values * [0.0, 1.0, 1.0], values)
            other = other * mirror
        if field.name == "regions":
            other = other_regions[~on_seam]
        both[field.name] = np.concatenate([values, other])
    triangles = np.concatenate([half.triangles, twin[half.triangles][:, ::-1]])
    opposite = np.concatenate([twin, np.flatnonzero(~on_seam)])
    order = np.argsort(both["regions"], kind="stable")
    rank = np.argsort(order)
    both = {name: values[order] for name, values in both.items()}
    whole_head = Part(**both, triangles=rank[triangles])
    return whole_head, rank[opposite[order]], rank[:count]
