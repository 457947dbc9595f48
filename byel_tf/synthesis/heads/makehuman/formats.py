"""MakeHuman's file formats: meshes, targets, fitted clothes, rigs and poses.

Lengths in the files are decimetres; all that is returned is in centimetres.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import cv2
import numpy as np

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.head import Shape

_CENTIMETRES = 10.0
_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True)
class Mesh:
    """Polygons cut into triangles from their first corner.

    Attributes:
        vertices: float64 [V, 3].
        triangles: int32 [T, 3].
        places: Of each triangle's corners on its picture, right and down from 0 to 1,
            float32 [T, 3, 2].
        corners: Number of each corner's place in the file, int32 [T, 3].
        groups: The group of each triangle.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    places: np.ndarray
    corners: np.ndarray
    groups: np.ndarray


@dataclasses.dataclass(frozen=True)
class Fit:
    """How points keep to a body: weighted sums of three of its vertices, and an offset.

    Attributes:
        indices: int32 [N, 3].
        weights: float32 [N, 3].
        offsets: In units of `lengths`, float32 [N, 3].
        ends: Two vertices whose distance along an axis measures it, int32 [3, 2].
        lengths: That distance of the body which it was made on, float32 [3].
    """

    indices: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray


def parsed(path: pathlib.Path, parse: Callable[[bytes], _Result]) -> _Result:
    """What a function makes of a file.

    Raises:
        RunError: If the file is missing, cannot be read or is not as expected.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing: expected MakeHuman's data whole") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return parse(data)
    except (
        ValueError,
        LookupError,
        TypeError,
        EOFError,
        OSError,
        zlib.error,
        cv2.error,
    ) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"{path} is not what it should be: {reason}") from error


def parse_mesh(data: bytes) -> Mesh:
    """A Wavefront OBJ file."""
    vertices, places, polygons, groups = [], [], [], []
    group = ""
    for line in data.decode("utf-8", "replace").splitlines():
        key, *words = line.split() or [""]
        if key == "v":
            vertices.append([float(word) for word in words[:3]])
        elif key == "vt":
            places.append([float(words[0]), 1.0 - float(words[1])])
        elif key == "g":
            group = words[0] if words else ""
        elif key == "f":
            corners = [
                [int(part) - 1 for part in word.split("/")[:2]] for word in words
            ]
            for second, third in zip(corners[1:], corners[2:], strict=False):
                polygons.append((corners[0], second, third))
                groups.append(group)
    corners = np.array(polygons, np.int32)
    if corners.ndim != 3 or corners.shape[2] != 2:
        raise ValueError("a polygon has no place on a picture")
    for numbers, count in ((corners[..., 0], len(vertices)),
                           (corners[..., 1], len(places))):  # fmt: skip
        if numbers.min() < 0 or numbers.max() >= count:
            raise ValueError(f"a polygon names one of {count} that is not there")
    return Mesh(
        _finite(np.array(vertices) * _CENTIMETRES),
        np.ascontiguousarray(corners[..., 0]),
        np.array(places, np.float32)[corners[..., 1]],
        np.ascontiguousarray(corners[..., 1]),
        np.array(groups),
    )


def parse_target(data: bytes) -> Shape:
    """A gzipped target: vertex and displacement in each line."""
    lines = gzip.decompress(data).decode("ascii").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    table = np.array(rows, np.float64).reshape(-1, 4)
    if (table[:, 0] < 0).any():
        raise ValueError("it names a vertex below 0")
    offsets = _finite(table[:, 1:]) * _CENTIMETRES
    return Shape(table[:, 0].astype(np.int32), offsets.astype(np.float32))


def parse_fit(data: bytes) -> Fit:
    """The part of a .mhclo file that says how its mesh keeps to the body."""
    rows: list[list[float]] = []
    ends, lengths = np.zeros((3, 2), np.int32), np.zeros(3, np.float32)
    listing = False
    for line in data.decode("utf-8", "replace").splitlines():
        key, *words = line.split() or [""]
        if key in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(key[0])
            ends[axis] = int(words[0]), int(words[1])
            lengths[axis] = float(words[2]) * _CENTIMETRES
        elif key == "verts":
            listing = True
        elif listing and key.lstrip("-").isdigit():
            numbers = [float(key), *map(float, words)]
            if len(numbers) == 1:
                numbers = numbers * 3 + [1.0, 0.0, 0.0]
            rows.append((numbers + [0.0] * 3)[:9])
        elif key.startswith("delete"):
            listing = False
    table = _finite(np.array(rows, np.float64))
    if table.ndim != 2 or table.shape[1] != 9 or (lengths <= 0).any():
        raise ValueError("expected three scales and the body's vertices of each point")
    return Fit(
        table[:, :3].astype(np.int32),
        table[:, 3:6].astype(np.float32),
        (table[:, 6:] * _CENTIMETRES).astype(np.float32),
        ends,
        lengths,
    )


def parse_json(data: bytes) -> Any:
    """A JSON file, gzipped or not."""
    return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def parse_picture(data: bytes) -> np.ndarray:
    """A PNG, uint8 [H, W, 3 or 4], in the order red, green, blue, opacity."""
    if data.startswith(b"version https://git-lfs"):
        raise ValueError("it is a pointer of Git LFS: in its folder run git lfs pull")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.dtype != np.uint8:
        raise ValueError("expected a PNG with colours")
    order = [2, 1, 0, 3][: picture.shape[2]]
    return np.ascontiguousarray(picture[..., order])


def parse_motion(data: bytes) -> tuple[list[str], list[int], np.ndarray]:
    """The turns of a BVH file's joints.

    Returns:
        Names of the joints, the number of each one's parent or -1, and rotations of
        each frame about the joints, float64 [F, J, 3, 3], with y up.
    """
    names, parents, channels, stack = [], [], [], []
    lines = iter(data.decode("ascii").splitlines())
    current = -1
    for line in lines:
        key, *words = line.split() or [""]
        if key in ("ROOT", "JOINT"):
            names.append(words[0])
            parents.append(stack[-1] if stack else -1)
            channels.append([])
            current = len(names) - 1
        elif key == "End":
            current = -1
        elif key == "{":
            stack.append(current)
        elif key == "}":
            stack.pop()
        elif key == "CHANNELS":
            channels[current] = words[1:]
        elif key == "MOTION":
            break
    next(lines), next(lines)  # number of frames, and their time
    frames = np.array([line.split() for line in lines if line.strip()], np.float64)
    if not names or frames.shape[1] != sum(map(len, channels)):
        raise ValueError("its frames have another number of channels than its joints")
    # The file's z points up.
    upright = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    turns = np.broadcast_to(np.eye(3), (len(frames), len(names), 3, 3)).copy()
    column = 0
    for joint, kinds in enumerate(channels):
        for kind in kinds:
            if kind.endswith("rotation"):
                about = rotation("XYZ".index(kind[0]), frames[:, column])
                turns[:, joint] = turns[:, joint] @ about
            column += 1
    return names, parents, upright @ turns @ upright.T


def rotation(axis: int, degrees: np.ndarray) -> np.ndarray:
    """Matrices that turn about an axis, float64 [..., 3, 3]."""
    angle = np.radians(degrees)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., first, second] = -np.sin(angle)
    matrix[..., second, first] = np.sin(angle)
    return matrix


def _finite(numbers: np.ndarray) -> np.ndarray:
    if not np.isfinite(numbers).all():
        raise ValueError("it has a number that is not finite")
    return numbers
