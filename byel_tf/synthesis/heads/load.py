"""Heads by the name that the command line gives them."""

import os
import pathlib

from byel_tf.errors import UsageError
from byel_tf.synthesis.heads.head import Head
from byel_tf.synthesis.heads.ict_facekit_layout import MODEL_FOLDER

BUILT_IN = "built-in"
ICT_FACEKIT = "ict-facekit"


def load_head(name: str) -> Head:
    """The head that a name means.

    Args:
        name: `built-in`, the generated head; `ict-facekit`, fetched at its first use;
            or the folder of a checkout of ICT-FaceKit.

    Raises:
        UsageError: If the name is none of these.
        RunError: If the head cannot be fetched or its files are not what they should
            be.
    """
    if name == BUILT_IN:
        from byel_tf.synthesis.heads.parametric import parametric_head

        return parametric_head()
    from byel_tf.synthesis.heads.ict_facekit import ict_facekit_head

    if name == ICT_FACEKIT:
        return ict_facekit_head()
    folder = pathlib.Path(os.path.expanduser(name))
    if not (folder / MODEL_FOLDER).is_dir():
        reason = (
            f"this folder holds no {MODEL_FOLDER}: name the one that does"
            if folder.is_dir()
            else f"there is no such folder: use {BUILT_IN} if you have no checkout"
        )
        raise UsageError(
            f"--head={name}: expected {BUILT_IN}, {ICT_FACEKIT} or the folder of a "
            f"checkout of ICT-FaceKit, and {reason}"
        )
    return ict_facekit_head(folder)
