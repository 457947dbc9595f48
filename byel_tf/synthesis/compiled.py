"""Numba's compiler, with a cache wherever there can be one."""

import os
from collections.abc import Callable

import numba

from byel_tf.cache_folders import can_be_written, temporary_folder

_OPTIONS = {"fastmath": True, "nogil": True}


def _provide_cache() -> bool:
    """Whether numba has a folder for its cache, or is given one.

    For a user without a home it would make one that is called ~ in the present folder.
    """
    beside = os.path.join(os.path.dirname(__file__), "__pycache__")
    users = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if not (numba.config.CACHE_DIR or can_be_written(beside) or can_be_written(users)):
        numba.config.CACHE_DIR = temporary_folder() or ""
        return bool(numba.config.CACHE_DIR)
    return True


_HAS_CACHE = _provide_cache()


def compiled(function: Callable) -> Callable:
    """The function, compiled at its first call; later processes find it in a cache."""
    try:
        return numba.njit(cache=_HAS_CACHE, **_OPTIONS)(function)
    except RuntimeError:  # it can be written by its rights alone, as on some networks
        return numba.njit(**_OPTIONS)(function)
