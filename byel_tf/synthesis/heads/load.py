"""Heads by the name that the command line gives them."""

import functools
import os
import pathlib

from byel_tf.errors import UsageError
from byel_tf.synthesis.heads.head import Head
from byel_tf.synthesis.heads.ict_facekit_layout import MODEL_FOLDER

BUILT_IN = "built-in"
ICT_FACEKIT = "ict-facekit"
MAKEHUMAN = "makehuman"
#: What a flag for a head takes, in words.
HEADS_HELP = (
    f"{BUILT_IN}, {ICT_FACEKIT} or {MAKEHUMAN} (fetched once), the path of a folder "
    "that holds the data of one of the latter, or one in the hair and skins of "
    f"MakeHuman's people, as {ICT_FACEKIT}+{MAKEHUMAN}"
)
# A folder of MakeHuman's data holds these.
_MAKEHUMAN_FOLDERS = ("mpfb2", "makehuman", "makehuman-assets")


def load_head(name: str) -> Head:
    """The head that a name means.

    Args:
        name: `built-in`, the generated head; `ict-facekit` or `makehuman`, fetched at
            their first use; a folder: a checkout of ICT-FaceKit, or one that holds
            checkouts of MakeHuman's three repositories; or one of the former and one
            of the latter with + between them, the first in the hair of the second.

    Raises:
        UsageError: If the name is none of these.
        RunError: If the head cannot be fetched or its files are not what they should
            be.
    """
    if name == BUILT_IN:
        from byel_tf.synthesis.heads.parametric import parametric_head

        return parametric_head()
    folder = pathlib.Path(os.path.expanduser(name))
    if "+" in name and not _is_folder(folder):
        return _dressed_head(name)
    is_makehuman = name not in ("", ICT_FACEKIT) and all(
        _is_folder(folder / one) for one in _MAKEHUMAN_FOLDERS
    )
    if name == MAKEHUMAN or is_makehuman:
        return _people(None if name == MAKEHUMAN else folder)
    from byel_tf.synthesis.heads.ict_facekit import ict_facekit_head

    if name == ICT_FACEKIT:
        return ict_facekit_head()
    if not _is_folder(folder / MODEL_FOLDER):
        reason = (
            f"this folder holds neither {MODEL_FOLDER} nor "
            f"{', '.join(_MAKEHUMAN_FOLDERS)}: name the one that does"
            if _is_folder(folder)
            else f"there is no such folder: use {BUILT_IN} if you have no data"
        )
        raise UsageError(f"--head={name}: expected {HEADS_HELP}, and {reason}")
    return ict_facekit_head(folder)


@functools.lru_cache(maxsize=1)
def _people(folder: pathlib.Path | None) -> Head:
    """MakeHuman's people: one in memory for all heads that have parts of them."""
    from byel_tf.synthesis.heads.makehuman import makehuman_head

    return makehuman_head(folder)


def _dressed_head(name: str) -> Head:
    """A head in the hair and skins of MakeHuman's people, from two names."""
    from byel_tf.synthesis.heads.makehuman.dressing import dressed
    from byel_tf.synthesis.heads.makehuman.head import MakeHumanHead
    from byel_tf.synthesis.heads.morphable import MorphableHead

    first, _, second = name.rpartition("+")
    body, people = load_head(first), load_head(second)
    if not isinstance(body, MorphableHead) or not isinstance(people, MakeHumanHead):
        raise UsageError(
            f"--head={name}: expected {BUILT_IN} or {ICT_FACEKIT} before the + and "
            f"{MAKEHUMAN} behind it"
        )
    return dressed(body, people)


def _is_folder(path: pathlib.Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no path at all
        return False
