"""A prepared data set on disk, opened: whether it still is what its manifest says."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Sequence

from byel_tf.data.manifest import FILE_NAME, Manifest, Shard
from byel_tf.data.regular_file import Unreadable, read_regular
from byel_tf.data.tfrecord import CorruptFile, count_frames
from byel_tf.errors import RunError, UsageError

# Names are parts of file names, which file systems limit to 255 bytes.
_MAX_NAME_BYTES = 100

# What a manifest may hold that somebody else has written: far more than one of ours.
_MAX_BYTES = 64 * 2**20


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
