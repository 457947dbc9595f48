"""`dataset.json`: what a prepared data set holds."""

import dataclasses
import hashlib
import json
import math
import os
import re
from typing import Any

from byel_tf.errors import RunError

FILE_NAME = "dataset.json"
FORMAT_VERSION = 2
SPLITS = ("train", "validation", "test")

# What a manifest may hold that somebody else has written: far more than one of ours.
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
