"""The compact form in which a converted head is kept, and the folder for it."""

import io
import os
import pathlib
import sys

import numpy as np

from byel_tf.cache_folders import can_be_written, temporary_folder
from byel_tf.errors import RunError
from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.morphable import MorphableHead

_NOTICE = (
    "Made from ICT-FaceKit, https://github.com/ICT-VGL/ICT-FaceKit, Copyright (c) 2020 "
    "USC Institute for Creative Technologies, under the MIT License, which its LICENSE "
    "file holds."
)
_LEVELS = 32767


def cache_folder() -> pathlib.Path:
    """`$BYEL_TF_CACHE`, or else `byel_tf` in the user's cache folder of the platform.

    For a user who has none, it is in the folder for temporary files.

    Raises:
        RunError: If the user, or the one that BYEL_TF_CACHE names, has no home folder.
    """
    environment = os.environ
    if environment.get("BYEL_TF_CACHE"):
        folder = pathlib.Path(environment["BYEL_TF_CACHE"])
    elif sys.platform == "darwin":
        folder = pathlib.Path("~/Library/Caches/byel_tf")
    elif sys.platform == "win32":
        folder = pathlib.Path(
            environment.get("LOCALAPPDATA") or "~/AppData/Local", "byel_tf", "Cache"
        )
    else:
        folder = pathlib.Path(
            environment.get("XDG_CACHE_HOME") or "~/.cache", "byel_tf"
        )
    if (
        not environment.get("BYEL_TF_CACHE")
        and not os.path.isdir(os.path.expanduser(folder))
        and not can_be_written(str(folder))
    ):
        folder = pathlib.Path(temporary_folder() or folder)
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise RunError(
            f"{folder} cannot be found, for the user has no home: set BYEL_TF_CACHE to "
            "a folder that can be written"
        ) from error


def cache_file(folder: pathlib.Path, converted: str) -> pathlib.Path:
    """Where a head is kept.

    Args:
        folder: The cache.
        converted: SHA-256 of its compact form.
    """
    return folder / f"ict-facekit-{converted[:16]}.head"


def encode(head: MorphableHead) -> bytes:
    """The compact form: displacements as int16 fractions of each one's greatest.

    Args:
        head: The head. Of displacements up to 60 cm, the error is less than 1e-3 cm;
            of those of a face, less than 1e-4.
    """
    identities = [_quantize(mode) for mode in head.identities]
    shapes = [_quantize(shape.offsets) for shape in head.expressions.values()]
    file = io.BytesIO()
    np.savez(
        file,
        notice=_NOTICE,
        vertices=head.vertices,
        triangles=head.triangles,
        regions=head.regions,
        landmarks=head.landmarks,
        identities=np.stack([levels for levels, _ in identities]),
        identity_steps=np.array([step for _, step in identities]),
        names=np.array(list(head.expressions)),
        counts=[len(levels) for levels, _ in shapes],
        indices=np.concatenate([s.indices for s in head.expressions.values()]),
        offsets=np.concatenate([levels for levels, _ in shapes]),
        steps=np.array([step for _, step in shapes]),
    )
    return file.getvalue()


def decode(data: bytes, name: str) -> MorphableHead:
    """The head of a compact form.

    Args:
        data: What `encode` made, of a known hash.
        name: What the head is called.
    """
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    ends = np.cumsum(arrays["counts"])[:-1]
    expressions = {
        str(shape): Shape(indices, levels * step)
        for shape, indices, levels, step in zip(
            arrays["names"],
            np.split(arrays["indices"], ends),
            np.split(arrays["offsets"], ends),
            arrays["steps"],
            strict=True,
        )
    }
    return MorphableHead(
        name=name,
        vertices=arrays["vertices"],
        triangles=arrays["triangles"],
        regions=arrays["regions"],
        identities=arrays["identities"] * arrays["identity_steps"][:, None, None],
        expressions=expressions,
        landmarks=arrays["landmarks"],
    )


def _quantize(offsets: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Offsets as int16 multiples of a step, float32."""
    step = np.float32(max(np.abs(offsets).max(initial=0.0), 1e-6) / _LEVELS)
    return np.rint(offsets / step).astype(np.int16), step
