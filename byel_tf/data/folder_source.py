"""A folder of class folders: which images there are, and what they show."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Sequence

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
    common spelling; every other file is rejected with the folder it lies in.

    Args:
      source: The folder.
      classes: Class names in label order.

    Raises:
      RunError: If it is no folder, or no file in it is of a known class.
    """
    if not source.is_dir():
        raise RunError(f"{source} is not a folder")
    examples, rejected = [], []

    def unreadable(error: OSError) -> None:
        name = os.path.relpath(error.filename, source)
        rejected.append((name, f"folder cannot be read: {error.strerror}"))

    for folder, folders, files in os.walk(source, onerror=unreadable):
        folders.sort()
        relative = pathlib.PurePath(folder).relative_to(source)
        labels = (label_index(part, classes) for part in relative.parts)
        label = next((found for found in labels if found is not None), None)
        for name in sorted(files):
            filename = (relative / name).as_posix()
            if label is not None:
                path = pathlib.Path(folder, name)
                examples.append(Example(path, filename, label, classes[label]))
            elif not relative.parts:
                rejected.append((filename, "not in a class folder"))
            else:
                rejected.append((filename, f"unknown class '{relative.parts[0]}'"))
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
