"""Where libraries keep their caches for a user without a home folder.

In a container under a user of its own, HOME is unset, not there, or not to be written.
Some libraries then fail, some complain, and some make a folder that is called ~.
"""

import atexit
import functools
import os
import shutil
import stat
import tempfile


def can_be_written(path: str) -> bool:
    """Whether a folder, or one that could be made, can be written to.

    Args:
      path: The folder; `~` in it is replaced.
    """
    path = os.path.expanduser(path)
    if path.startswith("~"):  # the user has no home
        return False
    path = os.path.abspath(path)
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def provide_folder(variable: str, *usual: str) -> None:
    """Names a folder for a library in its environment variable, if it needs one.

    Args:
      variable: The variable; if it is set, nothing is done.
      *usual: The folders that the library takes otherwise; if all can be written to,
        nothing is done.
    """
    if os.environ.get(variable) or all(map(can_be_written, usual)):
        return
    folder = temporary_folder()
    if folder:
        os.environ[variable] = folder


@functools.cache
def temporary_folder() -> str | None:
    """A folder for temporary files, this user's alone; None if there can be none.

    It is the same in every process of the user, where that is safe, and is removed with
    the process where it is not.
    """
    try:
        temporary = tempfile.gettempdir()
        user = os.getuid() if hasattr(os, "getuid") else "user"
        folder = os.path.join(temporary, f"byel_tf-{user}")
        # With nowhere else to write, Python takes the working folder: leave none there.
        if temporary != os.getcwd() and _is_made_for(folder, user):
            return folder
        folder = tempfile.mkdtemp(prefix="byel_tf-")
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _is_made_for(folder: str, user: int | str) -> bool:
    """Makes the folder; whether it is, or was, this user's alone."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        found = os.lstat(folder)  # anyone may have made it, or a link of this name
        is_private = user == "user" or (
            found.st_uid == user and not stat.S_IMODE(found.st_mode) & 0o077
        )
        return stat.S_ISDIR(found.st_mode) and is_private
    return True
