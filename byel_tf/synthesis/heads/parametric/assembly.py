"""Puts the generated head together."""

from __future__ import annotations

import functools

import numpy as np
from scipy.spatial import cKDTree

from byel_tf.synthesis.heads.head import FACE, LEFT_EYE, RIGHT_EYE, SCALP
from byel_tf.synthesis.heads.morphable import MorphableHead
from byel_tf.synthesis.heads.parametric import eyes, mouth, skull
from byel_tf.synthesis.heads.parametric.expressions import expressions
from byel_tf.synthesis.heads.parametric.features import relief, with_eyeball
from byel_tf.synthesis.heads.parametric.identities import identities
from byel_tf.synthesis.heads.parametric.parts import Part, joined, part, whole
from byel_tf.synthesis.heads.parametric.teeth import teeth
from byel_tf.synthesis.heads.parametric.triangulation import inside, spaced, triangulate

# Landmarks of the subject's left side and of the middle, seen from the front, cm.
_JAW = ((0.0, -7.6, 10.4), (1.5, -7.4, 10.2), (3.1, -6.9, 8.8), (4.4, -6.1, 7.4),
        (5.6, -4.5, 6.1), (6.5, -2.4, 5.2), (6.9, -0.5, 4.5), (7.3, 1.5, 3.9),
        (7.4, 3.7, 3.7))  # fmt: skip
_BROW = ((1.2, 5.9), (2.4, 6.2), (3.8, 6.3), (4.9, 6.0), (5.8, 5.2))
_NOSE_BRIDGE = ((0.0, 3.7), (0.0, 2.6), (0.0, 1.6), (0.0, 0.4))
_NOSE_BASE = ((0.0, -1.25), (0.6, -1.15), (1.3, -1.1))
# Of those on lines of vertices only x.
_UPPER_BORDER, _LOWER_BORDER, _INNER_LIPS = (
    (1.7, 0.7, 0.0),
    (1.8, 1.0, 0.0),
    (1.05, 0.0),
)


def _size(points: np.ndarray) -> np.ndarray:
    """Wanted length of edges on the head without features, cm."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    eye = np.hypot((x - 3.15) / 1.4, (y - 3.5) / 0.6) - 1.0
    lip = np.hypot(x / 2.5, (y + 3.45) / 1.0) - 1.0
    nose = np.hypot(x / 1.9, (y + 0.5) / 1.0) - 1.0
    size = np.full(len(points), 0.3)
    size = np.minimum(size, 0.115 + 0.14 * np.maximum(eye, 0.0))
    size = np.minimum(size, 0.125 + 0.15 * np.maximum(lip, 0.0))
    size = np.minimum(size, 0.115 + 0.2 * np.maximum(nose, 0.0))
    ear = np.hypot((y - 1.2) / 3.6, (z - 0.3) / 2.2) - 1.0
    away = np.maximum.reduce([2.2 - z, y - 10.5, -9.0 - y, np.zeros(len(points))])
    size = size + 0.45 * away
    size = np.where(x > 4, np.minimum(size, 0.22 + 0.6 * np.maximum(ear, 0.0)), size)
    return np.minimum(size, 1.3)


def _surface_size(azimuth: np.ndarray, level: np.ndarray) -> np.ndarray:
    return _size(skull.surface(azimuth, level))


def _plane_size(places: np.ndarray) -> np.ndarray:
    """Wanted length of edges in the plane that triangles are made in."""
    azimuth, level = skull.from_plane(places)
    return _surface_size(azimuth, level) * skull.plane_scale(level)


def _outline(lip_border: np.ndarray) -> np.ndarray:
    """Points of the plane along the middle of front and back and the lower edge."""

    def levels(start, stop, azimuth):
        return spaced(start, stop, lambda v: _surface_size(np.full(len(v), azimuth), v))

    upper, lower = skull.place_of(*lip_border[[0, -1]].T)[1]
    middle = [
        (0.0, levels(skull.CROWN, upper, 0.0)[:-1]),
        (0.0, levels(lower, skull.BOTTOM, 0.0)[1:]),
        (np.pi, levels(skull.CROWN, skull.BOTTOM, np.pi)[1:]),
    ]
    lines = [skull.to_plane(np.full(len(v), azimuth), v) for azimuth, v in middle]
    lines = np.concatenate(lines) * [0.0, 1.0]
    azimuth = np.linspace(0.0, np.pi, 40)[1:-1]
    bottom = skull.to_plane(azimuth, np.full(len(azimuth), skull.BOTTOM))
    return np.concatenate([lines, bottom])


def _sieve(fixed: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """First free points of the plane: a fine grid of which some stay.

    Each stays with the chance that makes the density right, unless a fixed point is
    near.
    """
    step = 0.1
    generator = np.random.default_rng(0)
    level, across = np.meshgrid(
        np.arange(skull.BOTTOM + 0.3, skull.CROWN, step * np.sqrt(0.75)),
        np.arange(0.5 * step, np.pi * skull.VAULT_HEIGHT, step),
        indexing="ij",
    )
    across[::2] += 0.5 * step
    azimuth, level = (
        np.minimum(across.ravel() / skull.VAULT_HEIGHT, 3.14),
        level.ravel(),
    )
    wanted = _surface_size(azimuth, level)
    # Towards the crown the grid gets closer.
    arc = np.clip((level - skull.VAULT) / skull.VAULT_HEIGHT, 0, np.pi / 2)
    keep = generator.random(len(level)) < (step / wanted) ** 2 * np.cos(arc)
    places = skull.to_plane(azimuth[keep], level[keep])
    spacing = wanted[keep] * skull.plane_scale(level[keep])
    clear = cKDTree(fixed).query(places)[0] > 0.7 * spacing
    for hole in holes:
        clear &= ~inside(places, hole)
    return places[clear]


def _skin() -> tuple[Part, np.ndarray, np.ndarray]:
    """Skin of the left half, and the numbers of its vertices round eye and mouth."""
    lip_border = mouth.border()
    eye_hole = skull.to_plane(*skull.place_of(*eyes.contour().T))
    lip_hole = skull.to_plane(*skull.place_of(*lip_border.T))
    lip_hole[[0, -1], 0] = 0.0
    holes = [eye_hole, lip_hole]
    fixed = np.concatenate([*holes, _outline(lip_border)])
    flat, triangles = triangulate(fixed, _sieve(fixed, holes), holes, _plane_size)
    bare = skull.surface(*skull.from_plane(flat))
    points = with_eyeball(bare + relief(bare))
    points[flat[:, 0] == 0.0, 0] = 0.0
    is_face = (bare[:, 2] > 0.8) & (bare[:, 1] < 11.5) & (bare[:, 1] > -10.5)
    # The plane is seen from below the neck, the skin from outside.
    skin = part(points, triangles[:, ::-1], np.where(is_face, FACE, SCALP), lid=1.0)
    eye_edge = np.arange(len(eye_hole))
    return skin, eye_edge, len(eye_hole) + np.arange(len(lip_hole))


def _with_edge(triangles: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Triangles whose negative numbers, from the end, mean vertices of an edge."""
    return np.where(triangles < 0, edge[np.minimum(triangles, -1)], triangles)


def _half() -> tuple[Part, dict[int, int]]:
    """The left half, and its vertices by landmark."""
    skin, eye_edge, lip_edge = _skin()
    count = len(skin.points)
    margin, lid_triangles = eyes.lids(skin.points[eye_edge], count)
    lid_triangles = _with_edge(lid_triangles, eye_edge)
    start = count + len(margin.points)
    lips, lip_triangles, ring = mouth.lips(skin.points[lip_edge], start)
    lip_triangles = _with_edge(lip_triangles, lip_edge)
    skin.triangles = np.concatenate([skin.triangles, lid_triangles, lip_triangles])
    inner = slice(len(margin.points) - len(eye_edge), None)
    innermost = slice(len(lips.points) - ring, None)
    half = joined(
        [
            skin,
            margin,
            lips,
            eyes.lining(margin.points[inner], margin.places[inner]),
            eyes.lashes(skin.points[eye_edge]),
            eyes.eyeball(),
            mouth.lining(lips.points[innermost], lips.places[innermost]),
            teeth(),
        ]
    )
    touching = start + mouth.TOUCHING_RING * ring + np.arange(ring)
    return half, _landmarks(half, count, eye_edge, lip_edge, touching)


def _landmarks(
    half: Part,
    number_of_skin: int,
    eye_edge: np.ndarray,
    lip_edge: np.ndarray,
    touching: np.ndarray,
) -> dict[int, int]:
    """Vertices of the left half by landmark."""
    visible = half.points[:number_of_skin]
    front = visible[:, 2] > 3.0

    def nearest(*place):
        """The vertex next to a place in space, or in the view from the front."""
        away = np.linalg.norm(visible[:, : len(place)] - place, axis=1)
        away = away - 0.02 * visible[:, 2]  # of several at one place the foremost one
        away[~front | ((place[0] == 0.0) & (visible[:, 0] > 1e-6))] = np.inf
        return int(np.argmin(away))

    def on(line, x):
        """The vertex of a line of vertices that is nearest in x."""
        return int(line[np.argmin(np.abs(half.points[line, 0] - x))])

    marks = {8 + i: nearest(*place) for i, place in enumerate(_JAW)}
    marks |= {22 + i: nearest(*place) for i, place in enumerate(_BROW)}
    marks |= {27 + i: nearest(*place) for i, place in enumerate(_NOSE_BRIDGE)}
    marks |= {33 + i: nearest(*place) for i, place in enumerate(_NOSE_BASE)}
    inner, outer = eyes.CORNERS
    upper, lower = eye_edge[inner + 1 : outer], eye_edge[outer + 1 :]
    marks |= {42: int(eye_edge[inner]), 45: int(eye_edge[outer])}
    marks |= {43: on(upper, 2.75), 44: on(upper, 3.8)}
    marks |= {46: on(lower, 3.8), 47: on(lower, 2.7)}
    corner = mouth.CORNER_AT
    marks |= {54: int(lip_edge[corner]), 64: int(touching[corner])}
    for numbers, places, line in (
        ((53, 52, 51), _UPPER_BORDER, lip_edge[:corner]),
        ((55, 56, 57), _LOWER_BORDER, lip_edge[corner + 1 :]),
        ((63, 62), _INNER_LIPS, touching[:corner]),
        ((65, 66), _INNER_LIPS, touching[corner + 1 :]),
    ):
        marks |= {n: on(line, x) for n, x in zip(numbers, places, strict=True)}
    return marks


# Landmark on the subject's right by the one on the left.
_MIRRORED = {8 + i: 8 - i for i in range(9)}
_MIRRORED |= {22 + i: 21 - i for i in range(5)}
_MIRRORED |= {27 + i: 27 + i for i in range(4)} | {33: 33, 34: 32, 35: 31}
_MIRRORED |= {42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40}
_MIRRORED |= {51: 51, 52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 57: 57}
_MIRRORED |= {62: 62, 63: 61, 64: 60, 65: 67, 66: 66}


@functools.cache
def parametric_head() -> MorphableHead:
    """The generated head; the same one at each call."""
    half, marks = _half()
    head, opposite, number = whole(half, {LEFT_EYE: RIGHT_EYE})
    landmarks = np.zeros(68, np.int32)
    for mark, vertex in marks.items():
        landmarks[mark] = number[vertex]
        landmarks[_MIRRORED[mark]] = opposite[number[vertex]]
    return MorphableHead(
        name="built-in",
        vertices=head.points.astype(np.float32),
        triangles=head.triangles.astype(np.int32),
        regions=head.regions.astype(np.int8),
        identities=identities(head, opposite).astype(np.float32),
        expressions=expressions(head, opposite),
        landmarks=landmarks,
    )
