"""`dataset.json`: what a prepared data set holds, and whether it still does."""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from byel_tf.errors import RunError, UsageError

FILE_NAME = "dataset.json"
FORMAT_VERSION = 1
SPLITS = ("train", "validation", "test")

# Names are parts of file names, which file systems limit to 255 bytes.
_MAX_NAME_BYTES = 100


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
      file: Name within the data set's folder.
      records: Number of records.
      bytes: Size of the file.
      sha256: Hash of the file, hexadecimal.
    """

    file: str
    records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Split:
    """The records of one split.

    Attributes:
      count: Number of records.
      per_class: Records of each class, in label order.
      unlabelled: Records without a label.
      shards: Its files, in order.
    """

    count: int
    per_class: dict[str, int]
    unlabelled: int
    shards: tuple[Shard, ...]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content of `dataset.json`.

    Attributes:
      classes: Class names in label order.
      splits: The splits that have records, by name.
      image_sizes: Number of images of each size, as "WIDTHxHEIGHT".
      source: Where the images came from: at least "kind".
      action_units: Names of the entries of `image/face/action_units`.
      rejected: Of `rejected.csv`: "count", count by reason as "reasons", "sha256".
    """

    classes: tuple[str, ...]
    splits: dict[str, Split]
    image_sizes: dict[str, int]
    source: dict[str, Any]
    action_units: tuple[str, ...]
    rejected: dict[str, Any]

    def to_json(self) -> str:
        """The file's text; its last entry is the hash of all others."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        content["sha256"] = _content_hash(content)
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, path: str) -> "Manifest":
        """Reads the file's text back.

        Args:
          text: Content of a `dataset.json`.
          path: Its path, for errors.

        Raises:
          RunError: If it is no manifest, of another version, or was edited.
        """
        try:
            content = json.loads(text)
            version = content.pop("format_version")
            stated = content.pop("sha256")
            if version != FORMAT_VERSION:
                raise RunError(
                    f"{path} has format version {version}, this program reads "
                    f"{FORMAT_VERSION}: prepare the data set again"
                )
            actual = _content_hash({"format_version": version, **content})
            if stated != actual:
                raise RunError(
                    f"{path} was changed after it was written (its hash does not "
                    "match): prepare the data set again"
                )
            splits = {
                name: Split(
                    split["count"],
                    split["per_class"],
                    split["unlabelled"],
                    tuple(Shard(**shard) for shard in split["shards"]),
                )
                for name, split in content.pop("splits").items()
            }
            return cls(
                classes=tuple(content.pop("classes")),
                splits=splits,
                action_units=tuple(content.pop("action_units")),
                **content,
            )
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            raise RunError(
                f"{path} is not the manifest of a prepared data set ({error!r})"
            ) from error


def _content_hash(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class PreparedDataset:
    """A prepared data set on disk.

    Attributes:
      name: What results call it.
      path: Its folder.
      manifest: Its manifest.
      manifest_sha256: Hash of `dataset.json` itself, which covers every shard.
    """

    name: str
    path: pathlib.Path
    manifest: Manifest
    manifest_sha256: str

    def shard_paths(self, split: str) -> list[str]:
        """Paths of a split's files, in order."""
        return [str(self.path / s.file) for s in self.manifest.splits[split].shards]


def split_name(text: str) -> tuple[str, pathlib.Path]:
    """Reads `[NAME=]FOLDER`; without a name the folder's name is taken.

    Raises:
      UsageError: If no folder is named, or the name is too long for a figure's file.
    """
    name, separator, folder = text.partition("=")
    if separator and name and os.sep not in name:
        path = pathlib.Path(folder)
    else:
        folder = text
        path = pathlib.Path(text)
        name = path.name if path.name not in ("", "..") else path.resolve().name
        name = name or "data"  # the root folder
    if not folder:
        raise UsageError(
            f"'{text}' names no folder: give a prepared data set as [NAME=]FOLDER"
        )
    if len(name.encode(errors="replace")) > _MAX_NAME_BYTES:
        raise UsageError(
            f"the data set's name '{name}' is longer than {_MAX_NAME_BYTES} bytes: "
            f"give it a shorter one as NAME={path}"
        )
    return name, path


def open_dataset(text: str) -> PreparedDataset:
    """Opens a prepared data set and checks that its files are whole.

    TensorFlow reads a truncated file without an error, as a shorter one; so sizes
    are compared with the manifest before anything is read.

    Args:
      text: `[NAME=]FOLDER`.

    Raises:
      UsageError: If the text names no folder.
      RunError: If there is none, or a file is missing or of another size.
    """
    name, path = split_name(text)
    file = path / FILE_NAME
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path} is not a prepared data set, no {FILE_NAME} can be read there "
            f"({error.strerror}): make one with python -m byel_tf.cli.prepare "
            f"--source=IMAGES --output={path}"
        ) from error
    manifest = Manifest.from_json(content.decode(errors="replace"), str(file))
    for split in manifest.splits.values():
        for shard in split.shards:
            shard_path = path / shard.file
            size = shard_path.stat().st_size if shard_path.is_file() else None
            if size != shard.bytes:
                found = "is missing" if size is None else f"has {size} bytes"
                raise RunError(
                    f"{shard_path} {found}, {FILE_NAME} says {shard.bytes} bytes: "
                    "copy or prepare the data set again"
                )
    return PreparedDataset(name, path, manifest, hashlib.sha256(content).hexdigest())
