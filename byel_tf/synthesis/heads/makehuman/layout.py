"""Which of MakeHuman's data make a head, and how they fit together."""

from __future__ import annotations

import dataclasses

import numpy as np

from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.makehuman.formats import Fit

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

#: Vertices of iBUG's 68 landmarks on the base mesh.
LANDMARKS = (
    5402, 5235, 5246, 5242, 5240, 3698, 5294, 5167, 5171, 11780, 11900, 10366,
    11849, 11851, 11854, 11844, 12001, 5262, 232, 229, 223, 233, 7006, 6997, 7002,
    7005, 11870, 132, 135, 164, 5134, 333, 308, 312, 7072, 7095, 1090, 6, 54, 1103,
    47, 36, 7795, 6838, 6790, 7782, 6820, 6831, 369, 375, 355, 362, 7116, 7135,
    7129, 7131, 11939, 5337, 5335, 371, 369, 515, 520, 7262, 7129, 7265, 540, 518,
)  # fmt: skip


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


#: What is needed beside targets, worn meshes and pictures.
MESH_FILE = f"{MPFB}/3dobjs/base.obj"
FACE_LAYER_FILE = f"{MPFB}/uv_layers/face_solid.json.gz"
RIG_FILE = f"{MAKEHUMAN}/rigs/default.mhskel"
RIG_WEIGHTS_FILE = f"{MAKEHUMAN}/rigs/default_weights.mhw"
MOTION_FILE = f"{MAKEHUMAN}/poseunits/face-poseunits.bvh"
MOTION_NAMES_FILE = f"{MAKEHUMAN}/poseunits/face-poseunits.json"
#: All of these.
COMMON_FILES = (
    MESH_FILE,
    FACE_LAYER_FILE,
    RIG_FILE,
    RIG_WEIGHTS_FILE,
    MOTION_FILE,
    MOTION_NAMES_FILE,
)
