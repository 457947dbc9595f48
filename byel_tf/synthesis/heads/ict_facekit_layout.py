"""ICT-FaceKit's published files, read into a `MorphableHead`.

`FaceXModel/` holds Wavefront OBJ files of one mesh: the average face, what it becomes
with each mode of identity at one standard deviation, and with each expression at
weight 1. Their x points to the subject's left, y up and z forward, in centimetres.
"""

import dataclasses
import json
import os
import pathlib

import numpy as np

from byel_tf.errors import RunError
from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.heads.head import (
    EYE_SOCKET,
    FACE,
    MOUTH_SOCKET,
    REGIONS,
    SCALP,
    Shape,
)
from byel_tf.synthesis.heads.morphable import MorphableHead

MODEL_FOLDER = "FaceXModel"
_NEUTRAL = f"{MODEL_FOLDER}/generic_neutral_mesh.obj"
_INDICES = f"{MODEL_FOLDER}/vertex_indices.json"
_IDENTITIES = tuple(f"{MODEL_FOLDER}/identity{i:03d}.obj" for i in range(100))
_EXPRESSIONS = {shape: f"{MODEL_FOLDER}/{shape}.obj" for shape in SHAPES}

#: The files that make a head, sorted; paths from a checkout's folder.
NEEDED_FILES: tuple[str, ...] = tuple(
    sorted((_NEUTRAL, _INDICES, *_IDENTITIES, *_EXPRESSIONS.values()))
)

#: Displacements shorter than this are the files' rounding, in centimetres.
LEAST_OFFSET = 2e-3
#: A head, whatever its expression, lies within this distance of each axis' zero.
GREATEST_COORDINATE = 30.0


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the parts of the mesh are.

    Attributes:
        vertex_count: Vertices of every OBJ file.
        ranges: First vertex, and the one after the last, of each of `REGIONS`. What
            lies between them is left out.
    """

    vertex_count: int
    ranges: tuple[tuple[int, int], ...]


#: As published. Left out are irises (painted on the eyes), tear fluid, and the meshes
#: that blend and shade the lids.
PUBLISHED = Layout(
    vertex_count=26719,
    ranges=(
        (0, 9409),  # face
        (9409, 11248),  # scalp
        (11248, 13294),  # mouth socket
        (13294, 14062),  # eye sockets
        (14062, 17039),  # gums and tongue
        (17039, 21451),  # teeth
        (21451, 22221),  # left eye
        (23021, 23791),  # right eye
        (25351, 26719),  # lashes
    ),
)


def read_head(
    folder: str | os.PathLike, name: str, layout: Layout = PUBLISHED
) -> MorphableHead:
    """Reads a checkout of ICT-FaceKit.

    Args:
        folder: The checkout, which holds `FaceXModel`.
        name: What the head is called.
        layout: Where the parts of the mesh are.

    Returns:
        The head. The lips' and lids' inner edges, which belong to the face, are there
        a second time in the sockets that begin at them.

    Raises:
        RunError: If a file is missing or is not what it should be.
    """
    folder = pathlib.Path(folder)
    neutral = _read_vertices(folder / _NEUTRAL, layout.vertex_count)
    triangles = _read_triangles(folder / _NEUTRAL, layout.vertex_count)
    kept, regions, triangles = _arrange(triangles, layout, folder / _NEUTRAL)

    def displacement(file: str) -> np.ndarray:
        offsets = (_read_vertices(folder / file, layout.vertex_count) - neutral)[kept]
        return offsets.astype(np.float32)

    return MorphableHead(
        name=name,
        vertices=neutral[kept].astype(np.float32),
        triangles=triangles,
        regions=regions,
        identities=np.stack([displacement(file) for file in _IDENTITIES]),
        expressions={
            shape: _shape(displacement(file)) for shape, file in _EXPRESSIONS.items()
        },
        landmarks=_read_landmarks(folder / _INDICES, layout),
    )


def _shape(offsets: np.ndarray) -> Shape:
    moved = np.flatnonzero(np.linalg.norm(offsets, axis=1) >= LEAST_OFFSET)
    return Shape(moved.astype(np.int32), offsets[moved])


def _arrange(
    triangles: np.ndarray, layout: Layout, path: pathlib.Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Takes apart the mesh into the regions that a head knows.

    Triangles between the face and a socket get copies of the face's vertices, in the
    socket's region, for a head's triangles don't join these.

    Returns:
        The file's vertex for each of the head's, the head's regions and its triangles.
    """
    region_of = np.full(layout.vertex_count, -1)
    for region, (start, stop) in enumerate(layout.ranges):
        region_of[start:stop] = region
    corners = np.sort(region_of[triangles], axis=1)
    first, owner = corners[:, 0], corners[:, 2]
    joins_face = (first == FACE) & np.isin(owner, (SCALP, MOUTH_SOCKET, EYE_SOCKET))
    joins_two = (corners[:, 1] == first) | (corners[:, 1] == owner)
    strange = (first != owner) & ~(joins_face & joins_two)
    if strange.any():
        names = (*REGIONS, "a part that is left out")
        parts = " and ".join(names[i] for i in np.unique(corners[strange.argmax()]))
        raise RunError(
            f"{path} is not laid out as ICT-FaceKit's mesh is: a triangle joins {parts}"
        )

    kept, arranged = [], []
    where = np.full(layout.vertex_count, -1)
    count = 0
    for region, (start, stop) in enumerate(layout.ranges):
        own = triangles[owner == region]
        copied = np.unique(own[region_of[own] == FACE]) if region > SCALP else []
        sources = np.concatenate([np.arange(start, stop), copied]).astype(int)
        # The face's own triangles come before any copies of its vertices.
        where[sources] = np.arange(count, count + len(sources))
        count += len(sources)
        kept.append(sources)
        arranged.append(where[own])
    regions = np.repeat(np.arange(len(kept)), [len(sources) for sources in kept])
    return (
        np.concatenate(kept),
        regions.astype(np.int8),
        np.concatenate(arranged).astype(np.int32),
    )


def read_file(path: pathlib.Path) -> bytes:
    """A file's content with the line ends of the repository (LF).

    Git may write CRLF on Windows.

    Raises:
        RunError: If the file is missing or cannot be read.
    """
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except FileNotFoundError as error:
        raise RunError(
            f"{path} is missing: expected a whole checkout of ICT-FaceKit"
        ) from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error


def _lines(path: pathlib.Path, start: bytes) -> list[bytes]:
    return [line for line in read_file(path).split(b"\n") if line.startswith(start)]


def _read_vertices(path: pathlib.Path, count: int) -> np.ndarray:
    """The vertices of an OBJ file, float64 [count, 3]."""
    lines = _lines(path, b"v ")
    if len(lines) != count:
        raise RunError(f"{path} has {len(lines)} vertices: expected {count}")
    try:
        vertices = np.loadtxt(lines, usecols=(1, 2, 3))
    except ValueError as error:
        raise RunError(f"{path} has a vertex that is not three numbers: {error}") from (
            error
        )
    usable = (np.abs(vertices) <= GREATEST_COORDINATE).all(axis=1)  # and no NaN
    if not usable.all():
        row = int(usable.argmin())
        shown = " ".join(f"{x:.6g}" for x in vertices[row])
        raise RunError(
            f"{path} has the vertex {shown} (number {row + 1}): expected finite "
            f"numbers, in centimetres, within ±{GREATEST_COORDINATE:g}"
        )
    return vertices


def _read_triangles(path: pathlib.Path, count: int) -> np.ndarray:
    """The polygons of an OBJ file, each cut into triangles from its first corner."""
    triangles = []
    for line in _lines(path, b"f "):
        try:
            corners = [
                int(corner.partition(b"/")[0]) - 1 for corner in line.split()[1:]
            ]
        except ValueError:
            corners = []
        if len(corners) < 3 or min(corners) < 0 or max(corners) >= count:
            shown = line.decode("ascii", "replace").strip()
            raise RunError(
                f"{path} has the polygon '{shown}': expected at least three vertices "
                f"from 1 to {count}"
            )
        for second, third in zip(corners[1:], corners[2:], strict=False):
            triangles.append((corners[0], second, third))
    if not triangles:
        raise RunError(f"{path} has no polygons")
    return np.array(triangles)


def _read_landmarks(path: pathlib.Path, layout: Layout) -> np.ndarray:
    key = "idx_to_landmark_verts"
    try:
        content = json.loads(read_file(path))
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    landmarks = content.get(key) if isinstance(content, dict) else None
    start, stop = layout.ranges[FACE]
    if (
        not isinstance(landmarks, list)
        or len(landmarks) != 68
        or not all(type(i) is int and start <= i < stop for i in landmarks)
    ):
        raise RunError(
            f"{path} has no usable '{key}': expected 68 vertices of the face, "
            f"{start} to {stop - 1}"
        )
    return np.array(landmarks, np.int32) - np.int32(start)
