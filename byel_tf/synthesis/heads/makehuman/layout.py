"""Which of MakeHuman's data make a head, and how they fit together."""

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
    Fit,
    Mesh,
    parse_fit,
    parse_json,
    parse_mesh,
    parse_motion,
    parse_picture,
    parse_target,
    parsed,
)

#: Where the three repositories are in a folder of data.
MPFB, MAKEHUMAN, ASSETS = (
    "mpfb2/src/mpfb/data",
    "makehuman/makehuman/data",
    "makehuman-assets/base",
)
HAIRS = ("afro01", "bob01", "bob02", "braid01", "long01", "ponytail01", "short01",
         "short02", "short03", "short04")  # fmt: skip
BROWS = tuple(f"eyebrow{i:03d}" for i in range(1, 13))
LASHES = tuple(f"eyelashes{i:02d}" for i in range(1, 5))
TEETH_SHAPES = ("base", *(f"shape{i:02d}" for i in range(1, 6)))
SKINS = tuple(
    f"{age}_{tone}skinned_{sex}_diffuse{number}"
    for tone, numbers in (("light", ("", "2", "3")), ("dark", ("",)))
    for age in ("young", "middleage", "old")
    for sex in ("female", "male")
    for number in numbers
    if number != "3" or age == "young"
)
ANCESTRIES, SEXES = ("caucasian", "asian", "african"), ("female", "male")
AGES = ("baby", "child", "young", "old")
#: Folders of targets that vary a face.
DETAILS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin",
           "cheek", "neck")  # fmt: skip

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
#: Vertices of iBUG's 68 landmarks on the base mesh.
LANDMARKS = (
    5402, 5235, 5246, 5242, 5240, 3698, 5294, 5167, 5171, 11780, 11900, 10366,
    11849, 11851, 11854, 11844, 12001, 5262, 232, 229, 223, 233, 7006, 6997, 7002,
    7005, 11870, 132, 135, 164, 5134, 333, 308, 312, 7072, 7095, 1090, 6, 54, 1103,
    47, 36, 7795, 6838, 6790, 7782, 6820, 6831, 369, 375, 355, 362, 7116, 7135,
    7129, 7131, 11939, 5337, 5335, 371, 369, 515, 520, 7262, 7129, 7265, 540, 518,
)  # fmt: skip
_SKIN_PIXELS, _HAIR_PIXELS, _FINE_PIXELS = 512, 512, 256


@dataclasses.dataclass(frozen=True)
class Worn:
    """A mesh that keeps to the body.

    Attributes:
        fit: How.
        triangles: int32 [T, 3].
        places: On its picture, float32 [T, 3, 2].
    """

    fit: Fit
    triangles: np.ndarray
    places: np.ndarray


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a head is made of. Anchors are the body's vertices that anything needs.

    Attributes:
        base: The anchors of a body that is nobody's yet, cm, float32 [A, 3].
        targets: Displacements of anchors by a target's path.
        units: The same by the name of a unit of the rig's pose.
        body: Anchor of each vertex of the drawn body: the face, the scalp with neck,
            the mouth's and the eyes' sockets, int32 [B].
        regions: Region of each of them, int8 [B].
        triangles: Of them, int32 [T, 3].
        places: Of the face's and scalp's triangles on a skin's picture, the first
            ones, float32 [N, 3, 2].
        landmarks: Among the drawn vertices, int32 [68].
        eyes: Anchors of the left eye and of the right one, int32 [2, N].
        worn: Hair, brows, lashes, teeth and tongue by name.
        pictures: Of skins, uint8 [S, S, 3]; of hair, brows and lashes, as for `Cards`;
            by name.
    """

    base: np.ndarray
    targets: dict[str, Shape]
    units: dict[str, Shape]
    body: np.ndarray
    regions: np.ndarray
    triangles: np.ndarray
    places: np.ndarray
    landmarks: np.ndarray
    eyes: np.ndarray
    worn: dict[str, Worn]
    pictures: dict[str, np.ndarray]


def worn_files() -> dict[str, str]:
    """Path without suffix of each worn mesh's files, by its name."""
    return {
        **{f"hair/{name}": f"{ASSETS}/hair/{name}/{name}" for name in HAIRS},
        **{f"brows/{name}": f"{ASSETS}/eyebrows/{name}/{name}" for name in BROWS},
        **{f"lashes/{name}": f"{ASSETS}/eyelashes/{name}/{name}" for name in LASHES},
        **{f"teeth/{name}": f"{ASSETS}/teeth/teeth_{name}/teeth_{name}"
           for name in TEETH_SHAPES},
        "tongue": f"{ASSETS}/tongue/tongue01/tongue01",
    }  # fmt: skip


def picture_files() -> dict[str, str]:
    """Path of each picture, by its name."""
    hair = {name: f"{ASSETS}/hair/{name}/{name}_diffuse.png" for name in HAIRS}
    hair["afro01"] = f"{ASSETS}/hair/afro01/afro_diffuse.png"
    return {
        **{f"hair/{name}": path for name, path in hair.items()},
        **{f"brows/{name}": f"{ASSETS}/eyebrows/{name}/{name}.png" for name in BROWS},
        **{f"lashes/{name}": f"{ASSETS}/eyelashes/{name}/{name}.png"
           for name in LASHES},
        **{f"skins/{name}": f"{ASSETS}/skins/textures/{name}.png" for name in SKINS},
    }  # fmt: skip


_MESH = f"{MPFB}/3dobjs/base.obj"
_FACE_LAYER = f"{MPFB}/uv_layers/face_solid.json.gz"
_RIG = f"{MAKEHUMAN}/rigs/default.mhskel"
_RIG_WEIGHTS = f"{MAKEHUMAN}/rigs/default_weights.mhw"
_MOTION = f"{MAKEHUMAN}/poseunits/face-poseunits.bvh"
_MOTION_NAMES = f"{MAKEHUMAN}/poseunits/face-poseunits.json"
#: The files that are needed beside targets, worn meshes and pictures.
COMMON_FILES = (_MESH, _FACE_LAYER, _RIG, _RIG_WEIGHTS, _MOTION, _MOTION_NAMES)


def read_parts(folder: str | os.PathLike, targets: tuple[str, ...]) -> Parts:
    """Reads a folder of MakeHuman's data.

    Args:
        folder: It holds the three repositories.
        targets: Paths of the targets from `MPFB`'s, without suffix.

    Raises:
        RunError: If a file is missing or is not what it should be.
    """
    folder = pathlib.Path(folder)
    mesh = parsed(folder / _MESH, parse_mesh)
    if len(mesh.vertices) != _VERTICES:
        raise RunError(
            f"{folder / _MESH} has {len(mesh.vertices)} vertices: expected {_VERTICES}"
        )
    whole = {
        name: parsed(folder / MPFB / "targets" / f"{name}.target.gz", parse_target)
        for name in targets
    }
    for name, shape in whole.items():
        if len(shape.indices) and shape.indices.max() >= _VERTICES:
            raise RunError(f"the target {name} moves a vertex that is not there")
    layer = parsed(folder / _FACE_LAYER, parse_json)
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
        raise RunError(f"{_MESH}: its picture has other parts than MakeHuman's hm08")
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
    names, parents, turns = parsed(folder / _MOTION, parse_motion)
    frames = parsed(folder / _MOTION_NAMES, parse_json)["framemapping"]
    rig = parsed(folder / _RIG, parse_json)
    bones = parsed(folder / _RIG_WEIGHTS, parse_json)["weights"]
    heads = {
        name: vertices[rig["joints"][bone["head"]]].mean(axis=0)
        for name, bone in rig["bones"].items()
    }
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
