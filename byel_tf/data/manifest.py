"""`dataset.json`: what a prepared data set holds, and whether it still does."""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from byel_tf.data.regular_file import Unreadable, read_regular
from byel_tf.data.tfrecord import CorruptFile, count_frames
from byel_tf.errors import RunError, UsageError

FILE_NAME = "dataset.json"
FORMAT_VERSION = 2
SPLITS = ("train", "validation", "test")

# Names are parts of file names, which file systems limit to 255 bytes.
_MAX_NAME_BYTES = 100

# What a manifest may hold that somebody else has written: far more than one of ours.
_MAX_BYTES = 64 * 2**20
_MAX_TEXT = 1000
_MAX_COUNT = 2**53
_SIZE = re.compile(r"[1-9]\d{0,5}x[1-9]\d{0,5}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


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
      grey: Number of images of one channel.
      duplicates: Number of images that an earlier record holds byte for byte, as
        "images", and of the pictures among them that stand under several labels, as
        "contradictory".
      source: Where the images came from: at least "kind".
      action_units: Names of the entries of `image/face/action_units`.
      rejected: Of `rejected.csv`: "count", count by reason as "reasons", "sha256".
      no_face: Where images were cropped to faces: "count" of those kept whole since
        no face was found; where they are listed in `no_face.csv`, its "sha256".
      outside: Where images were taken from outside the source: their "count", and of
        `outside.csv` the "sha256". Not in the file where there are none.
    """

    classes: tuple[str, ...]
    splits: dict[str, Split]
    image_sizes: dict[str, int]
    grey: int
    duplicates: dict[str, int]
    source: dict[str, Any]
    action_units: tuple[str, ...]
    rejected: dict[str, Any]
    no_face: dict[str, Any] = dataclasses.field(default_factory=dict)
    outside: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """The file's text; its last entry is the hash of all others."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        if not self.outside:
            del content["outside"]
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
            if version != FORMAT_VERSION:
                raise RunError(
                    f"{path} has format version {_shown(version)}, this program reads "
                    f"{FORMAT_VERSION}: prepare the data set again"
                )
            del content["sha256"]
            splits = {
                name: Split(
                    split["count"],
                    split["per_class"],
                    split["unlabelled"],
                    tuple(Shard(**shard) for shard in split["shards"]),
                )
                for name, split in content.pop("splits").items()
            }
            manifest = cls(
                classes=tuple(content.pop("classes")),
                splits=splits,
                action_units=tuple(content.pop("action_units")),
                **content,
            )
            _require_types(manifest)
            is_as_written = manifest.to_json() == text
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            reason = f"{type(error).__name__}: {_shown(str(error), 200)}"
            raise RunError(
                f"{path} is not the manifest of a prepared data set ({reason})"
            ) from error
        if not is_as_written:
            raise RunError(
                f"{path} was changed after it was written (its hash does not match): "
                "prepare the data set again"
            )
        return manifest


def _require_types(manifest: Manifest) -> None:
    """Refuses what later code cannot use, or would look for outside the folder.

    Raises:
      TypeError: If a value is of another type than the attributes say.
      ValueError: If it is none that such a value can have.
    """
    for name in (*manifest.classes, *manifest.action_units):
        _require_text(name)
    if len(set(manifest.classes)) < len(manifest.classes):
        raise ValueError("two classes have one name")
    _require_counts(manifest.image_sizes)
    if odd := [size for size in manifest.image_sizes if not _SIZE.fullmatch(size)]:
        raise ValueError(f"{_shown(odd[0])} is no size")
    _require_count(manifest.grey)
    _require_counts(manifest.duplicates, "images", "contradictory")
    _require_source(manifest.source)
    _require_table(manifest.rejected)
    _require_counts(manifest.rejected["reasons"])
    _require(manifest.no_face, dict)
    if manifest.no_face:  # its images are not always listed
        _require_table({"sha256": "0" * 64, **manifest.no_face})
    _require(manifest.outside, dict)
    if manifest.outside:
        _require_table(manifest.outside)
    for name, split in manifest.splits.items():
        if name not in SPLITS:
            raise ValueError(f"no split is called {_shown(name)}")
        _require_count(split.count)
        _require_counts(split.per_class)
        _require_count(split.unlabelled)
        for shard in split.shards:
            _require_text(shard.file)
            if os.path.basename(shard.file) != shard.file or "\0" in shard.file:
                raise ValueError(f"{_shown(shard.file)} is no file's name")
            _require_count(shard.records)
            _require_count(shard.bytes)
            _require_hash(shard.sha256)


def _require(value: Any, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, found {_shown(value)}")


def _require_text(value: Any) -> None:
    _require(value, str)
    if not 0 < len(value) <= _MAX_TEXT:
        raise ValueError(f"a name of {len(value)} characters")


def _require_count(value: Any) -> None:
    _require(value, int)
    if not 0 <= value <= _MAX_COUNT:
        raise ValueError(f"{_shown(value)} is no count")


def _require_counts(value: Any, *keys: str) -> None:
    _require(value, dict)
    for count in (*value.values(), *(value[key] for key in keys)):
        _require_count(count)


def _require_hash(value: Any) -> None:
    _require(value, str)
    if not _SHA256.fullmatch(value):
        raise ValueError(f"{_shown(value)} is no SHA-256")


def _require_table(value: Any) -> None:
    _require(value, dict)
    _require_count(value["count"])
    _require_hash(value["sha256"])


def _require_source(source: Any) -> None:
    """Refuses what later code cannot use of `source`, whose other entries are shown."""
    _require(source, dict)
    for key in ("kind", "crop", "pairs"):
        if key in source:
            _require_text(source[key])
    margin = source.get("crop_margin", 1.0)
    if type(margin) not in (int, float) or not 0 < margin < math.inf:
        raise ValueError(f"{_shown(margin)} is no margin of a crop")
    _require_count(source.get("max_pixels", 0))


def _shown(value: Any, most: int = 60) -> str:
    """A value in a message, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


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
      UsageError: If no folder is named, or figures' files cannot have the name.
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
    # Surrogates stand for bytes of the working folder's name that are not UTF-8.
    if name in (".", "..") or any("\ud800" <= c <= "\udfff" for c in name):
        raise UsageError(
            f"a data set cannot be named '{name}': give it another name as NAME={path}"
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
    and counts of records are compared with the manifest before anything is read.
    `verify` goes on to every byte.

    Args:
      text: `[NAME=]FOLDER`.

    Raises:
      UsageError: If the text names no folder.
      RunError: If there is none, or a file is missing, of another size, or holds
        another number of records.
    """
    return open_folder(*split_name(text))


def open_folder(name: str, path: pathlib.Path) -> PreparedDataset:
    """The same for a folder and what results call it."""
    manifest, manifest_sha256 = read_manifest(path)
    _require_consistent(manifest, path / FILE_NAME)
    for split in manifest.splits.values():
        for shard in split.shards:
            problem = _shard_problem(path / shard.file, shard)
            if problem:
                raise RunError(
                    f"{path / shard.file} {problem}: copy or prepare the data set again"
                )
    return PreparedDataset(name, path, manifest, manifest_sha256)


def _require_consistent(manifest: Manifest, path: pathlib.Path) -> None:
    """Refuses counts that contradict each other, which `prepare` never writes.

    Raises:
      RunError: If they do.
    """
    files = [shard.file for of in manifest.splits.values() for shard in of.shards]
    is_consistent = len(set(files)) == len(files) and all(
        list(split.per_class) == list(manifest.classes)
        # A label of no class, which is told where it is read, counts in all alone.
        and sum(split.per_class.values()) + split.unlabelled <= split.count
        and sum(shard.records for shard in split.shards) == split.count
        for split in manifest.splits.values()
    )
    if not is_consistent:
        raise RunError(
            f"{path} contradicts itself in its counts, classes or files: copy or "
            "prepare the data set again"
        )


def read_manifest(path: pathlib.Path) -> tuple[Manifest, str]:
    """The manifest of a data set's folder, and the hash of `dataset.json`.

    Raises:
      RunError: If there is none, or it is not as it was written.
    """
    file = path / FILE_NAME
    try:
        if leads_outside(file):
            raise Unreadable(LEADS_OUTSIDE)
        content = read_regular(file, _MAX_BYTES)
    except Unreadable as error:
        raise RunError(
            f"{path} is not a prepared data set, no {FILE_NAME} can be read there "
            f"({error}): make one with python -m byel_tf.cli.prepare "
            f"--source=IMAGES --output={path}"
        ) from error
    # Bytes that are not UTF-8 stay apart, so that they do not pass for another text.
    text = content.decode(errors="surrogateescape")
    manifest = Manifest.from_json(text, str(file))
    return manifest, hashlib.sha256(content).hexdigest()


#: What is said of a file that `leads_outside`.
LEADS_OUTSIDE = "is a link that leads out of the data set's folder"


def leads_outside(path: pathlib.Path) -> bool:
    """Whether a file of a data set is a link to one elsewhere.

    A set is what its folder holds: who gets one from somebody else reads nothing of
    their own by it.
    """
    try:
        if not path.is_symlink():
            return False
        folder = os.path.realpath(path.parent)
        return not os.path.realpath(path).startswith(os.path.join(folder, ""))
    except (OSError, ValueError):
        return False


def require_classes(dataset: PreparedDataset, classes: Sequence[str]) -> None:
    """Refuses a data set whose labels mean something else than the model's.

    Raises:
      RunError: If its class list differs.
    """
    if dataset.manifest.classes != tuple(classes):
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has the classes "
            f"{', '.join(dataset.manifest.classes)}, the model has "
            f"{', '.join(classes)}: prepare it with --classes={','.join(classes)}"
        )


def require_split(dataset: PreparedDataset, split: str, purpose: str) -> None:
    """Refuses a data set without labelled records in a split.

    Raises:
      RunError: If the split is empty.
    """
    found = dataset.manifest.splits.get(split)
    if found is None or found.count == found.unlabelled:
        present = ", ".join(
            name if content.count > content.unlabelled else f"{name} without labels"
            for name, content in dataset.manifest.splits.items()
        )
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has no {split} split to "
            f"{purpose} (it has: {present or 'none'}): prepare it "
            + ("with labels" if found else _way_to(split, dataset.manifest))
        )


def _way_to(split: str, manifest: Manifest) -> str:
    """How a set has to be prepared to have a split."""
    if manifest.source.get("splits") == "given":
        if split == "validation" and "train" in manifest.splits:
            return "with --validation_share=0.1, which takes it from the train split"
        return "with --splits, which deals all images anew"
    return "with a share for it, as --splits=train=0.8,validation=0.1,test=0.1"


def _shard_problem(path: pathlib.Path, shard: Shard) -> str | None:
    """What differs from the manifest, as far as headers and sizes tell."""
    try:
        if leads_outside(path):
            return LEADS_OUTSIDE
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            return f"is missing, {FILE_NAME} names it"
        if size != shard.bytes:
            return f"has {size} bytes, {FILE_NAME} says {shard.bytes} bytes"
        records = count_frames(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except CorruptFile as error:
        return f"was altered: {error}"
    if records != shard.records:
        return f"has {records} records, {FILE_NAME} says {shard.records}"
    return None
