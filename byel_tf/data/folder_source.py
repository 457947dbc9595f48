"""A folder of class folders: which images there are, and what they show."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

from byel_tf.data.labels import label_index
from byel_tf.errors import RunError


@dataclasses.dataclass(frozen=True)
class Example:
    """An image file and its class.

    Attributes:
      path: The file.
      filename: Its path relative to the source folder, with forward slashes.
      label: Index of the class.
      class_name: Name of the class.
    """

    path: pathlib.Path
    filename: str
    label: int
    class_name: str


@dataclasses.dataclass(frozen=True)
class FolderListing:
    """What was found below a folder.

    Attributes:
      examples: Files of known classes, sorted by name.
      rejected: (relative path, reason) of every other file.
    """

    examples: tuple[Example, ...]
    rejected: tuple[tuple[str, str], ...]


def list_folder(source: pathlib.Path, classes: Sequence[str]) -> FolderListing:
    """Lists `source/<class>/…/<file>`; deeper folders belong to their class.

    The class is the first folder on a file's path that names one, in any case or
    common spelling; every other file is rejected with the folder it lies in. Links
    to folders outside the source are followed, each folder once.

    Args:
      source: The folder.
      classes: Class names in label order.

    Raises:
      RunError: If it is no folder, or no file in it is of a known class.
    """
    if not source.is_dir():
        raise RunError(f"{source} is not a folder")
    examples, rejected = [], []
    for filename in _walk(source, rejected):
        parts = filename.parts[:-1]
        labels = (label_index(part, classes) for part in parts)
        label = next((found for found in labels if found is not None), None)
        name = filename.as_posix()
        if label is not None:
            examples.append(Example(source / filename, name, label, classes[label]))
        elif not parts:
            rejected.append((name, "not in a class folder"))
        else:
            rejected.append((name, f"unknown class '{parts[-1]}'"))
    if not examples:
        folders = collections.Counter(
            pathlib.PurePath(name).parts[0] for name, _ in rejected
        )
        found = ", ".join(sorted(folders)[:8]) or "nothing"
        raise RunError(
            f"{source} has no file in a folder named after one of the classes "
            f"{', '.join(classes)} (found: {found}): rename the folders or give "
            "--classes"
        )
    return FolderListing(tuple(examples), tuple(rejected))


def _walk(
    source: pathlib.Path, rejected: list[tuple[str, str]]
) -> Iterator[pathlib.PurePath]:
    """Paths of all files below a folder, relative to it, folder by folder, sorted.

    Args:
      source: The folder.
      rejected: Takes folders that are not entered, with the reason.

    Raises:
      RunError: If the folder itself cannot be read.
    """
    root = os.path.realpath(source)
    # Where each linked folder was entered; those below the root are met anyway.
    entered: dict[str, str] = {}

    def unreadable(error: OSError) -> None:
        name = os.path.relpath(error.filename, source)
        if name == ".":
            raise RunError(f"{source} cannot be read: {error.strerror}") from error
        rejected.append((name, f"folder cannot be read: {error.strerror}"))

    def enters(relative: str) -> bool:
        path = os.path.join(source, relative)
        real = os.path.realpath(path)
        # What contains the root, or lies in it, is listed in its own place.
        if os.path.commonpath([real, root]) in (real, root):
            if os.path.islink(path):
                rejected.append((relative, "link to a folder that is listed anyway"))
                return False
            return True
        if real in entered:
            rejected.append((relative, f"folder is listed as {entered[real]} already"))
            return False
        entered[real] = relative
        return True

    for folder, folders, files in os.walk(source, onerror=unreadable, followlinks=True):
        relative = pathlib.PurePath(os.path.relpath(folder, source))
        folders[:] = [n for n in sorted(folders) if enters(str(relative / n))]
        yield from (relative / name for name in sorted(files))
