"""Reads MakeHuman's files into the parts of a head."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import cv2
import numpy as np
import scipy.sparse

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.head import (
    EYE_SOCKET,
    FACE,
    MOUTH_SOCKET,
    SCALP,
    Shape,
)
from byel_tf.synthesis.heads.makehuman.formats import (
    Mesh,
    parse_fit,
    parse_json,
    parse_mesh,
    parse_motion,
    parse_picture,
    parse_target,
    parsed,
)
from byel_tf.synthesis.heads.makehuman.layout import (
    ANCESTRIES,
    FACE_LAYER_FILE,
    LANDMARKS,
    MESH_FILE,
    MOTION_FILE,
    MOTION_NAMES_FILE,
    MPFB,
    RIG_FILE,
    RIG_WEIGHTS_FILE,
    SEXES,
    Parts,
    Worn,
    picture_files,
    worn_files,
)

_VERTICES = 19158
_BODY = 13380  # vertices
_EYES = ((14598, 14670), (14670, 14742))
# Triangles of the parts of the body's picture that are drawn: the island of the face
# and scalp, the mouth, one eye's socket, and that of the torso, of which only the neck
# and shoulders are, above a height and within a distance from the middle, cm.
_HEAD_ISLAND, _MOUTH_ISLAND, _SOCKET_ISLAND, _TORSO_ISLAND = 6232, 796, 586, 7876
_SHOULDERS, _ARMS = 46.0, 22.0
# A displacement shorter than this is left out, cm.
_LEAST = 5e-3
_SKIN_PIXELS, _HAIR_PIXELS, _FINE_PIXELS = 512, 512, 256


def read_parts(folder: str | os.PathLike, targets: tuple[str, ...]) -> Parts:
    """Reads a folder of MakeHuman's data.

    Args:
        folder: It holds the three repositories.
        targets: Paths of the targets from `MPFB`'s, without suffix.

    Raises:
        RunError: If a file is missing or is not what it should be.
    """
    folder = pathlib.Path(folder)
    mesh = parsed(folder / MESH_FILE, parse_mesh)
    count = len(mesh.vertices)
    if count != _VERTICES:
        raise RunError(
            f"{folder / MESH_FILE} has {count} vertices: expected {_VERTICES}"
        )
    whole = {
        name: parsed(folder / MPFB / "targets" / f"{name}.target.gz", parse_target)
        for name in targets
    }
    for name, shape in whole.items():
        if len(shape.indices) and shape.indices.max() >= _VERTICES:
            raise RunError(f"the target {name} moves a vertex that is not there")
    layer = parsed(folder / FACE_LAYER_FILE, parse_json)
    sources, regions, triangles, places = _drawn(mesh, layer)
    worn = {}
    for name, stem in worn_files().items():
        own = parsed(folder / f"{stem}.obj", parse_mesh)
        fit = parsed(folder / f"{stem}.mhclo", parse_fit)
        if len(fit.indices) != len(own.vertices) or fit.indices.max() >= _VERTICES:
            raise RunError(f"{folder / stem}.mhclo does not belong to its .obj file")
        worn[name] = Worn(fit, own.triangles, own.places)
    # The anchors, in the order of the base mesh.
    eyes = np.array([range(*eye) for eye in _EYES])
    fits = [one.fit for one in worn.values()]
    needed = [sources, eyes.ravel(), *(fit.indices.ravel() for fit in fits)]
    needed += [fit.ends.ravel() for fit in fits]
    kept = np.unique(np.concatenate(needed))
    anchor = np.full(_VERTICES, -1, np.int32)
    anchor[kept] = np.arange(len(kept))
    average = _average(mesh.vertices, whole)
    units = _pose_units(folder, average)
    drawn = np.full(_VERTICES, -1, np.int32)
    skin = regions <= SCALP
    drawn[sources[skin]] = np.arange(skin.sum())
    return Parts(
        base=mesh.vertices[kept].astype(np.float32),
        targets={name: _among(shape, anchor) for name, shape in whole.items()},
        units={name: _among(shape, anchor) for name, shape in units.items()},
        body=anchor[sources],
        regions=regions,
        triangles=triangles,
        places=places,
        landmarks=drawn[list(LANDMARKS)],
        eyes=anchor[eyes],
        worn={name: _anchored(one, anchor) for name, one in worn.items()},
        pictures={
            name: _picture(name, parsed(folder / path, parse_picture))
            for name, path in picture_files().items()
        },
    )


def _among(shape: Shape, anchor: np.ndarray) -> Shape:
    """A displacement of anchors, where it is long enough to count."""
    indices = anchor[shape.indices]
    kept = (indices >= 0) & (np.abs(shape.offsets).max(axis=1, initial=0) > _LEAST)
    order = np.argsort(indices[kept], kind="stable")
    return Shape(indices[kept][order], shape.offsets[kept][order])


def _anchored(worn: Worn, anchor: np.ndarray) -> Worn:
    fit = dataclasses.replace(
        worn.fit, indices=anchor[worn.fit.indices], ends=anchor[worn.fit.ends]
    )
    return dataclasses.replace(worn, fit=fit)


def _drawn(mesh: Mesh, face_layer: dict) -> tuple:
    """Base vertices that are drawn, their regions, triangles and the skin's places."""
    body = np.flatnonzero(mesh.groups == "body")
    corners, triangles = mesh.corners[body], mesh.triangles[body]
    count = int(mesh.corners.max()) + 1
    links = np.concatenate([corners[:, :2], corners[:, 1:]])
    graph = scipy.sparse.coo_matrix(
        (np.ones(len(links), np.int8), links.T), (count, count)
    )
    _, island = scipy.sparse.csgraph.connected_components(graph, directed=False)
    island = island[corners[:, 0]]
    sizes = np.bincount(island)[island]
    centres = mesh.vertices[triangles].mean(axis=1)
    neck = (sizes == _TORSO_ISLAND) & (centres[:, 1] > _SHOULDERS)
    neck &= np.abs(centres[:, 0]) < _ARMS
    head = sizes == _HEAD_ISLAND
    kinds = {
        SCALP: head | neck,
        MOUTH_SOCKET: sizes == _MOUTH_ISLAND,
        EYE_SOCKET: sizes == _SOCKET_ISLAND,
    }
    expected = (_HEAD_ISLAND, _MOUTH_ISLAND, 2 * _SOCKET_ISLAND)
    found = tuple(int((sizes == size).sum()) for size in (
        _HEAD_ISLAND, _MOUTH_ISLAND, _SOCKET_ISLAND))  # fmt: skip
    if found != expected or not neck.any():
        raise RunError(
            f"{MESH_FILE}: its picture has other parts than MakeHuman's hm08"
        )
    # Quads of the body in the file's order, two triangles each.
    quads = np.array([int(number) for number in face_layer])
    in_face = np.zeros(len(body), bool)
    in_face[np.concatenate([2 * quads, 2 * quads + 1])] = True
    face = np.unique(triangles[in_face & head])
    skin = np.unique(triangles[kinds[SCALP]])
    parts = [(FACE, face), (SCALP, np.setdiff1d(skin, face))]
    sources = [part for _, part in parts]
    regions = [np.full(len(part), region) for region, part in parts]
    where = np.full(len(mesh.vertices), -1)
    where[np.concatenate(sources)] = np.arange(len(skin))
    drawn = [where[triangles[kinds[SCALP]]]]
    total = len(skin)
    for region in (MOUTH_SOCKET, EYE_SOCKET):
        own = triangles[kinds[region]]
        part = np.unique(own)
        where[part] = total + np.arange(len(part))
        total += len(part)
        sources.append(part)
        regions.append(np.full(len(part), region))
        drawn.append(where[own])
    return (
        np.concatenate(sources),
        np.concatenate(regions).astype(np.int8),
        np.concatenate(drawn).astype(np.int32),
        mesh.places[body][kinds[SCALP]],
    )


def _average(base: np.ndarray, targets: dict[str, Shape]) -> np.ndarray:
    """The mean young person, whom the rig's poses are worked out on."""
    vertices = base.copy()
    for sex in SEXES:
        names = [f"macrodetails/{ancestry}-{sex}-young" for ancestry in ANCESTRIES]
        for name in names:
            shape = targets[name]
            vertices[shape.indices] += shape.offsets / 6
        shape = targets[
            f"macrodetails/universal-{sex}-young-averagemuscle-averageweight"
        ]
        vertices[shape.indices] += shape.offsets / 2
    return vertices


def _pose_units(folder: pathlib.Path, vertices: np.ndarray) -> dict[str, Shape]:
    """Displacements by each frame of the rig's poses, by linear blend skinning."""
    names, parents, turns = parsed(folder / MOTION_FILE, parse_motion)
    frames = parsed(
        folder / MOTION_NAMES_FILE, lambda data: parse_json(data)["framemapping"]
    )
    bones = parsed(folder / RIG_WEIGHTS_FILE, lambda data: parse_json(data)["weights"])
    heads = parsed(folder / RIG_FILE, lambda data: _bone_heads(data, vertices))
    moves = np.broadcast_to(np.eye(4), (len(turns), len(names), 4, 4)).copy()
    for joint, (name, parent) in enumerate(zip(names, parents, strict=True)):
        if name in heads:
            turn = turns[:, joint] @ np.linalg.inv(turns[0, joint])
            moves[:, joint, :3, :3] = turn
            moves[:, joint, :3, 3] = heads[name] - turn @ heads[name]
        if parent >= 0:
            moves[:, joint] = moves[:, parent] @ moves[:, joint]
    still = np.eye(4)
    units = {}
    for frame, unit in enumerate(frames):
        offsets = np.zeros_like(vertices)
        for joint, name in enumerate(names):
            move = moves[frame, joint]
            if name in bones and not np.allclose(move, still):
                table = np.array(bones[name])
                at = table[:, 0].astype(int)
                moved = vertices[at] @ move[:3, :3].T + move[:3, 3]
                offsets[at] += table[:, 1:] * (moved - vertices[at])
        at = np.flatnonzero(np.abs(offsets).max(axis=1) > _LEAST)
        units[unit] = Shape(at.astype(np.int32), offsets[at].astype(np.float32))
    return units


def _bone_heads(data: bytes, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """Where each bone of a rig begins, by its name."""
    rig = parse_json(data)
    return {
        name: vertices[rig["joints"][bone["head"]]].mean(axis=0)
        for name, bone in rig["bones"].items()
    }


def _picture(name: str, picture: np.ndarray) -> np.ndarray:
    """A picture in the size and form that it is kept in."""
    kind = name.partition("/")[0]
    pixels = {"skins": _SKIN_PIXELS, "hair": _HAIR_PIXELS}.get(kind, _FINE_PIXELS)
    if kind == "skins":
        return cv2.resize(picture[..., :3], (pixels, pixels), None, 0, 0,
                          cv2.INTER_AREA)  # fmt: skip
    if picture.shape[2] != 4:
        raise RunError(f"the picture of {name} has no opacity")
    linear = (picture[..., :3].astype(np.float32) / 255) ** 2.2
    opaque = picture[..., 3].astype(np.float32) / 255
    bright = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    # Against its mean; where nothing is seen, as beside it.
    bright = (bright + 0.004) / ((bright * opaque).sum() / opaque.sum() + 0.004)
    bright = np.clip(bright, 0.25, 3.9)
    size = (pixels, pixels)
    covered = cv2.resize(opaque, size, interpolation=cv2.INTER_AREA)
    bright = cv2.resize(bright * opaque, size, interpolation=cv2.INTER_AREA)
    spread = cv2.GaussianBlur(covered, (0, 0), 4) + 1e-3
    around = cv2.GaussianBlur(bright, (0, 0), 4) / spread
    bright = np.where(covered > 0.02, bright / np.maximum(covered, 1e-3), around)
    both = np.stack([64 * bright, 255 * covered], axis=-1)
    return np.clip(both + 0.5, 0, 255).astype(np.uint8)
