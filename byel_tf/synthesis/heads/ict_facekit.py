"""The head of USC ICT's ICT-FaceKit, which users fetch or clone themselves.

ICT-FaceKit (https://github.com/ICT-VGL/ICT-FaceKit) is under the MIT License,
Copyright (c) 2020 USC Institute for Creative Technologies; nothing of it is part of
this project. Work that uses it should cite Li et al., *Learning Formation of
Physically-Based Face Attributes*, CVPR 2020.
"""

import contextlib
import hashlib
import os
import pathlib

from byel_tf.errors import RunError
from byel_tf.files import scratch_directory, write_atomically
from byel_tf.synthesis.heads import ict_facekit_layout, ict_facekit_source
from byel_tf.synthesis.heads.ict_facekit_cache import (
    cache_file,
    cache_folder,
    decode,
    encode,
)
from byel_tf.synthesis.heads.ict_facekit_layout import Layout, read_head
from byel_tf.synthesis.heads.ict_facekit_source import Release, content_digest, fetch
from byel_tf.synthesis.heads.morphable import MorphableHead

NAME = "ict-facekit"


def ict_facekit_head(
    checkout: str | os.PathLike | None = None,
    *,
    cache: str | os.PathLike | None = None,
    release: Release = ict_facekit_source.PUBLISHED,
    layout: Layout = ict_facekit_layout.PUBLISHED,
) -> MorphableHead:
    """ICT-FaceKit's head: converted at first, from a cache later on, always the same.

    Args:
        checkout: A folder that holds `FaceXModel`. Without it, the release is
            downloaded (120 MB) when the cache lacks it.
        cache: Folder of the converted release, 18 MB; `cache_folder()` by default. A
            file in it counts only if it is what the release is known to become; a
            modified checkout is converted each time.
        release: What counts as unmodified, and where it comes from.
        layout: Where the parts of the mesh are.

    Returns:
        The head. A checkout that differs from the release shows it in the name.

    Raises:
        RunError: If the download fails, or a file is missing or is not what it should
            be, or the cache cannot be written.
    """
    cache = pathlib.Path(cache or cache_folder())
    source = release.digest if checkout is None else content_digest(checkout)
    modified = "" if source == release.digest else f" (modified, sha256 {source[:16]})"
    name = NAME + modified
    file = cache_file(cache, release.converted)
    if not modified:
        with contextlib.suppress(OSError):
            data = file.read_bytes()
            if _is_known(data, release):
                return decode(data, name)
    try:
        if checkout is not None:
            data = encode(read_head(checkout, name, layout))
        else:
            with scratch_directory(cache / "fetch") as folder:
                fetch(release, folder)
                data = encode(read_head(folder, name, layout))
        if _is_known(data, release):  # else of a NumPy that computes otherwise
            write_atomically(file, data)
    except OSError as error:
        raise RunError(
            f"cannot write to {cache}: {error.strerror}; set BYEL_TF_CACHE to a folder "
            "that can be written"
        ) from error
    return decode(data, name)


def _is_known(data: bytes, release: Release) -> bool:
    return hashlib.sha256(data).hexdigest() == release.converted
