"""MakeHuman's people, from a folder, from the network or from the cache."""

from __future__ import annotations

import contextlib
import os
import pathlib

from byel_tf.errors import RunError
from byel_tf.files import scratch_directory, write_atomically
from byel_tf.synthesis.heads.ict_facekit_cache import cache_folder
from byel_tf.synthesis.heads.makehuman.cache import cache_file, decode, encode
from byel_tf.synthesis.heads.makehuman.head import MakeHumanHead, makehuman_head_of
from byel_tf.synthesis.heads.makehuman.layout import Parts
from byel_tf.synthesis.heads.makehuman.reading import read_parts
from byel_tf.synthesis.heads.makehuman.source import (
    Release,
    advice,
    content_digest,
    fetch,
    published,
    target_names,
)

NAME = "makehuman"


def makehuman_head(
    folder: str | os.PathLike | None = None,
    *,
    cache: str | os.PathLike | None = None,
    release: Release | None = None,
) -> MakeHumanHead:
    """MakeHuman's people: converted at first, from a cache later on.

    Args:
        folder: It holds checkouts of `mpfb2`, `makehuman` and `makehuman-assets`.
            Without it, the data are downloaded (131 MB) when the cache lacks them.
        cache: Folder of the converted data, 36 MB; `cache_folder()` by default.
        release: What counts as unmodified, and where it comes from.

    Returns:
        The head. A folder that differs from the release shows it in the name.

    Raises:
        RunError: If the download fails, or a file is missing or is not what it should
            be, or the cache cannot be written.
    """
    release = release or published()
    cache = pathlib.Path(cache or cache_folder())
    source = release.digest if folder is None else content_digest(folder, release)
    modified = "" if source == release.digest else f" (modified, sha256 {source[:16]})"
    file = cache_file(cache, source)
    parts: Parts | None = None
    with contextlib.suppress(OSError):
        parts = decode(file.read_bytes())
    if parts is None:
        targets = target_names(release.entries)
        try:
            if folder is not None:
                parts = read_parts(folder, targets)
            else:
                with scratch_directory(cache / "fetch") as scratch:
                    fetch(release, scratch)
                    parts = read_parts(scratch, targets)
            write_atomically(file, encode(parts))
        except OSError as error:
            otherwise = "" if folder is not None else f", or {advice(release)}"
            raise RunError(
                f"cannot write to {cache}: {error.strerror}; set BYEL_TF_CACHE to a "
                f"folder that can be written{otherwise}"
            ) from error
    try:
        return makehuman_head_of(parts, NAME + modified)
    except (ValueError, LookupError) as error:
        raise RunError(
            f"the data of {folder or file} do not make a head, something is missing: "
            f"{error}"
        ) from error
