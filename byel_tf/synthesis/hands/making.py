"""Makes the package's file of a hand from MakeHuman's data.

`python -m byel_tf.synthesis.hands.making --data=FOLDER --output=hand.npz`: the folder
holds checkouts of MakeHuman's repositories, as for `--head`.
"""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.hands.rig import (
    BONES,
    FINGERS,
    FOREARM,
    OF_A_FINGER,
    PALM,
    Rig,
    encode,
    joint_of,
)
from byel_tf.synthesis.heads.makehuman.formats import (
    parse_json,
    parse_mesh,
    parse_target,
    parsed,
)
from byel_tf.synthesis.heads.makehuman.layout import (
    ANCESTRIES,
    LANDMARKS,
    MESH_FILE,
    MPFB,
    RIG_FILE,
    RIG_WEIGHTS_FILE,
    SEXES,
)

#: Whose hands the file holds: sexes and ages of MakeHuman's people.
PERSONS = ((("female",), "young"), (("male",), "young"), (SEXES, "old"),
           (SEXES, "child"), (SEXES, "baby"))  # fmt: skip
_EYE_TO_MOUTH = 6.9  # cm, of the face at whose size lengths are given
_OF_A_VERTEX = 4  # bones


@dataclasses.dataclass(frozen=True)
class MakingOptions:
    """Make the package's file of a hand from MakeHuman's data."""

    data: str = option(dataclasses.MISSING, "Folder with MakeHuman's repositories.")
    output: str = option(dataclasses.MISSING, "File to write.")


def main(argv: Sequence[str]) -> None:
    """Parses the command line and writes the file."""
    (options,) = parse(argv, MakingOptions)
    write_atomically(pathlib.Path(options.output), encode(read_rig(options.data)))


def read_rig(folder: str | os.PathLike) -> Rig:
    """A hand from a folder with MakeHuman's repositories.

    Raises:
        RunError: If a file is missing or is not what it should be.
    """
    folder = pathlib.Path(folder)
    mesh = parsed(folder / MESH_FILE, parse_mesh)
    rig = parsed(folder / RIG_FILE, parse_json)
    shares = _shares(parsed(folder / RIG_WEIGHTS_FILE, parse_json)["weights"],
                     len(mesh.vertices))  # fmt: skip
    body = mesh.triangles[mesh.groups == "body"]
    # Whatever the hand's bones move, and the forearm as far as nothing else does.
    own = body[(shares.sum(axis=1) > 0.99)[body].all(axis=1)]
    kept, triangles = np.unique(own, return_inverse=True)
    shares = shares[kept]
    bones = np.argsort(-shares, axis=1, kind="stable")[:, :_OF_A_VERTEX]
    weights = np.take_along_axis(shares, bones, axis=1)
    persons, joints = zip(
        *(_person(folder, mesh.vertices, rig, kept, *one) for one in PERSONS),
        strict=True,
    )
    return Rig(
        np.stack(persons).astype(np.float32),
        np.stack(joints).astype(np.float32),
        triangles.reshape(-1, 3).astype(np.int32),
        bones.astype(np.int32),
        (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def _bone_names() -> list[tuple[str, ...]]:
    """MakeHuman's bones that each of ours stands for."""
    fingers = [
        (f"finger{finger + 1}-{number + 1}.L",)
        for finger in range(FINGERS)
        for number in range(OF_A_FINGER)
    ]
    palm = ("wrist.L", *(f"metacarpal{number}.L" for number in range(1, FINGERS)))
    return [("lowerarm01.L", "lowerarm02.L"), palm, *fingers]


def _shares(tables: dict, count: int) -> np.ndarray:
    """Share of each of our bones in each vertex, float64 [count, 17]."""
    shares = np.zeros((count, BONES))
    for bone, names in enumerate(_bone_names()):
        for name in names:
            table = np.array(tables[name])
            np.add.at(shares[:, bone], table[:, 0].astype(int), table[:, 1])
    return shares


def _person(folder, base, rig, kept, sexes, age) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints of a kind of person, in the frame of `Rig`."""
    body = base.copy()
    for sex in sexes:
        names = [f"{ancestry}-{sex}-{age}" for ancestry in ANCESTRIES]
        for name, parts in (
            *((name, len(ANCESTRIES)) for name in names),
            (f"universal-{sex}-{age}-averagemuscle-averageweight", 1),
        ):
            path = folder / MPFB / f"targets/macrodetails/{name}.target.gz"
            shape = parsed(path, parse_target)
            body[shape.indices] += shape.offsets / (parts * len(sexes))

    def joint(bone: str, end: str) -> np.ndarray:
        return body[rig["joints"][rig["bones"][bone][end]]].mean(axis=0)

    joints = np.zeros((BONES + FINGERS, 3))
    joints[FOREARM] = joint("lowerarm01.L", "head")
    joints[PALM] = joint("wrist.L", "head")
    for finger in range(FINGERS):
        for number in range(OF_A_FINGER):
            name = f"finger{finger + 1}-{number + 1}.L"
            joints[joint_of(finger, number)] = joint(name, "head")
            joints[joint_of(finger, number + 1)] = joint(name, "tail")
    landmarks = body[list(LANDMARKS)]
    apart = landmarks[36:48].mean(axis=0) - landmarks[48:60].mean(axis=0)
    scale = _EYE_TO_MOUTH / np.linalg.norm(apart)
    # To the middle finger's knuckle, to the little finger's side, out of the palm.
    y = _unit(joints[joint_of(2, 0)] - joints[PALM])
    across = joints[joint_of(4, 0)] - joints[joint_of(1, 0)]
    x = _unit(across - (across @ y) * y)
    axes = np.stack([x, y, np.cross(x, y)], axis=1)
    wrist = joints[PALM]
    return (body[kept] - wrist) @ axes * scale, (joints - wrist) @ axes * scale


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
