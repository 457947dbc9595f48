"""Images in any layout to a prepared data set.

Step by step: the source's images are listed, each is examined, all are dealt to the
splits, the shards are written, the folder gets its name. What every step finds is kept
in a working folder beside the output, so that a run that was killed goes on where it
was and ends with the same bytes.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import PIL

from byel_tf.data import storage
from byel_tf.data.image_files import ImageLimits
from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest, Shard
from byel_tf.data.preparation.convert import Conversion, Finding, examine, stamp
from byel_tf.data.preparation.database import (
    LISTED,
    TAKEN,
    Listed,
    WorkDatabase,
)
from byel_tf.data.preparation.dealing import Dealing, count_torn_persons, deal_images
from byel_tf.data.preparation.description import count_reasons, write_description
from byel_tf.data.preparation.planning import PlannedShard, plan_shards
from byel_tf.data.preparation.shards import (
    ChangedFile,
    ShardTask,
    write_entries,
    write_shard,
)
from byel_tf.data.sources.item import Item
from byel_tf.data.sources.outside import (
    OUTSIDE_CHOICES,
    OUTSIDE_FILE_NAME,
    Surroundings,
)
from byel_tf.data.sources.source import Source
from byel_tf.data.writer import (
    DEFAULT_SHARD_BYTES,
    NO_FACE_FILE_NAME,
    REJECTED_FILE_NAME,
)
from byel_tf.errors import RunError
from byel_tf.files import code_digest, give_name, require_new_directory
from byel_tf.progress import progress
from byel_tf.worker_pool import DIED, run_tasks
from byel_tf.working_folder import WorkingFolder


class Runner(Protocol):
    """Runs the work on images and shards.

    Attributes:
      exchange: Address of a folder through which shards come back, where those who
        write them don't see this machine's disk.
    """

    exchange: str | None

    def __call__(
        self, function: Callable[[Any], Any], tasks: Iterable[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """Applies a function to tasks; yields each task and its result, or `DIED`."""
        ...


@dataclasses.dataclass(frozen=True)
class LocalRunner:
    """Runs the work on processes of this machine.

    Attributes:
      workers: Their number.
    """

    workers: int
    exchange: None = None

    def __call__(
        self, function: Callable[[Any], Any], tasks: Iterable[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """As `Runner`."""
        return run_tasks(function, tasks, self.workers)


# Images examined by one task: enough to hide the cost of handing it out.
_CHUNK = 256
_CHUNK_WITH_FACES = 16
_DATABASE = "work.sqlite"
_DATASET = "dataset"
_SHARD = rf"({'|'.join(SPLITS)})-\d+-of-\d+"
_TABLES = (REJECTED_FILE_NAME, NO_FACE_FILE_NAME, OUTSIDE_FILE_NAME, FILE_NAME)
#: What is in a working folder: a database with its journals, lists of what shards are
#: to hold, and the data set as far as it is written.
_WORKING_FILES = re.compile(
    rf"{re.escape(_DATABASE)}(-wal|-shm|-journal)?|{_SHARD}\.tfrecord\.entries|"
    rf"{_DATASET}(/({_SHARD}(\.tfrecord(\.open)?|\.open)|"
    rf"{'|'.join(map(re.escape, _TABLES))}))?"
)
_DEADLY = "a process ended unexpectedly while decoding it"


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What decides a data set, besides its source.

    Attributes:
      conversion: How images become records.
      dealing: How they go to splits.
      seed: Decides order and splits.
      shard_bytes: About what a shard is to hold.
      outside: What happens to images that lie outside the source; one of
        `OUTSIDE_CHOICES`.
    """

    conversion: Conversion
    dealing: Dealing
    seed: int = 1
    shard_bytes: int = DEFAULT_SHARD_BYTES
    outside: str = OUTSIDE_CHOICES[0]

    def origin(self, kind: str, has_crops: bool = False) -> dict[str, Any]:
        """The manifest's `source`.

        Args:
          kind: The source's format.
          has_crops: Whether images were cropped.
        """
        dealing, conversion = self.dealing, self.conversion
        origin: dict[str, Any] = {
            "kind": kind,
            "seed": self.seed,
            "splits": dealing.shares or "given",
        }
        if dealing.validation_share:
            origin["validation_share"] = dealing.validation_share
        if conversion.limits.max_pixels > ImageLimits.max_pixels:
            origin["max_pixels"] = conversion.limits.max_pixels
        if conversion.limits.max_side:
            origin["max_side"] = conversion.limits.max_side
        # Boxes may all be whole pictures, as FERPlus's are.
        if conversion.crop_faces or (conversion.crop_boxes and has_crops):
            origin["crop"] = "face" if conversion.crop_faces else "box"
            origin["crop_margin"] = conversion.crop_margin
        if conversion.crop_faces:
            origin["detector"] = conversion.detector
        if conversion.keep_metadata:
            origin["metadata"] = "kept"
        return origin


def prepare(
    source: Source, output: str | os.PathLike, preparation: Preparation, run: Runner
) -> Manifest:
    """Prepares the images of a source.

    Records are in an order decided by the seed and their names, since a training run
    shuffles only within a buffer. The result does not depend on the runner.

    Args:
      source: What there is.
      output: Folder of the data set; it must not exist, or be empty.
      preparation: What is made of it.
      run: Runs the work on images and shards.

    Returns:
      The manifest written.

    Raises:
      RunError: If the output can't be made, no image can be taken, a file changes
        while it is prepared, or another process prepares the same output.
    """
    require_output(output)
    path = pathlib.Path(os.path.realpath(output))
    folder = _working_folder(path)
    with folder.locked("is preparing the same data set"):
        try:
            require_new_directory(output)
        except RunError:
            folder.remove()  # another run has finished it just now
            raise
        try:
            _fill(source, path, preparation, folder.path, run)
        except (ChangedFile, _NothingTaken):
            folder.remove()
            raise
        except OSError as error:
            raise RunError(f"cannot write {folder.path}: {error.strerror}") from error
        except sqlite3.OperationalError as error:  # a full disk, most of all
            raise RunError(f"cannot write {folder.path}: {error}") from error
        folder.remove()
    return Manifest.from_json((path / FILE_NAME).read_text("utf-8"), str(path))


def require_output(output: str | os.PathLike) -> None:
    """Makes sure that a data set can be made, and clears what a finished run left.

    Raises:
      RunError: If its folder exists and is not empty, or cannot be made.
    """
    try:
        require_new_directory(output)
    except RunError:
        path = pathlib.Path(os.path.realpath(output))
        folder = _working_folder(path)
        is_left = folder.path.is_dir() and not (folder.path / _DATASET).exists()
        # Left by a run that was killed right after it was finished.
        if is_left and (path / FILE_NAME).exists():
            # Or it is somebody else's, or its run is about to remove it.
            with contextlib.suppress(RunError), folder.locked("is finishing it"):
                folder.remove()
        raise


def _working_folder(path: pathlib.Path) -> WorkingFolder:
    # The root folder has no name.
    return WorkingFolder(path.parent / f".{path.name}.preparing", _WORKING_FILES)


def _fill(
    source: Source,
    path: pathlib.Path,
    preparation: Preparation,
    folder: pathlib.Path,
    run: Runner,
) -> None:
    """Goes on with what the working folder holds until the data set has its name."""
    with contextlib.closing(WorkDatabase(folder / _DATABASE)) as work:
        _list(source, preparation, folder, work)
        _examine(preparation.conversion, work, run)
        _deal(source, preparation.dealing, work)
        shards = _write_shards(preparation, folder, work, run)
        write_description(
            work,
            folder / _DATASET,
            preparation.conversion,
            preparation.origin(source.kind, _has_crops(work)),
            shards,
        )
        give_name(folder / _DATASET, path)


class _NothingTaken(RunError):
    """There is nothing to go on with."""


def _list(
    source: Source, preparation: Preparation, folder: pathlib.Path, work: WorkDatabase
) -> None:
    """Lists the source's images, unless an unfinished run listed the same ones."""
    here = pathlib.Path(__file__).parent
    plan = json.dumps(
        [
            source.kind,
            dataclasses.asdict(preparation),
            code_digest(here, here.parent / "faces"),
            PIL.__version__,
            os.getcwd(),  # paths may be relative
        ]
    )
    earlier = work.fact("plan")
    if earlier == plan:
        listing, outside = _hand_on(source, preparation, _exhaust)
        if work.fact("listing") == listing and _are_unchanged(work):
            if outside:
                print(outside, flush=True)
            print(f"going on with what {folder} holds", flush=True)
            return
        print("the source has changed since it was listed: starting anew", flush=True)
    elif earlier is not None:
        print("an unfinished run had other options: starting anew", flush=True)
    work.start_anew()
    _remove_shards(folder / _DATASET)
    try:
        with work.transaction():
            listing, outside = _hand_on(source, preparation, work.add_items)
            work.set_fact("listing", listing)
            work.set_fact("plan", plan)
    except RunError as error:
        raise _NothingTaken(str(error)) from error
    if outside:
        print(outside, flush=True)


def _remove_shards(dataset: pathlib.Path) -> None:
    """Removes what an unfinished run wrote; it is known to be its own."""
    if dataset.exists():
        for file in dataset.iterdir():
            file.unlink()
        dataset.rmdir()


def _are_unchanged(work: WorkDatabase) -> bool:
    """Whether the files that were examined are what they were."""
    # A table of pixels is the file of many images.
    now = functools.lru_cache(maxsize=1)(stamp)
    return all(now(path) == before for path, before in work.stamps())


def _exhaust(items: Iterable) -> None:
    collections.deque(items, maxlen=0)


def _hand_on(
    source: Source,
    preparation: Preparation,
    take: Callable[[Iterable[Listed]], None],
) -> tuple[str, str]:
    """Hands on what the source names.

    Returns:
      A hash of it, and what is to be said of the images outside the source.
    """
    digest = hashlib.sha256()
    surroundings = Surroundings(source.roots)

    def listed() -> Iterator[Listed]:
        for item in source.items():
            item, outside = surroundings.look_at(item, preparation.outside)
            digest.update(repr((item, outside)).encode(errors="surrogateescape"))
            name = f"{preparation.seed}:{item.name}".encode(errors="surrogateescape")
            yield Listed(item, hashlib.sha256(name).digest()[:16], outside)
            bar.update()

    with progress(None, "image", "list") as bar:
        take(listed())
    return digest.hexdigest(), surroundings.summary()


def _examine(conversion: Conversion, work: WorkDatabase, run: Runner) -> None:
    """Finds out what every image will be, or why it is not taken."""
    total = work.number(f"SELECT count(*) FROM images WHERE {LISTED}")
    left = work.number(f"SELECT count(*) FROM images WHERE {TAKEN} AND sha256 IS NULL")
    function = functools.partial(examine, conversion=conversion)
    chunk = _CHUNK_WITH_FACES if conversion.crop_faces else _CHUNK
    with progress(total, "image", "examine", total - left) as bar:
        for items, findings in run(function, work.unexamined(chunk)):
            if findings is DIED:
                findings = _examine_alone(function, items, run)
            work.set_findings([number for number, _ in items], findings)
            bar.update(len(items))


def _examine_alone(
    function: Callable, items: Sequence[tuple[int, Item]], run: Runner
) -> list[tuple[Finding | str, str | None]]:
    """Finds the image that ends a process, by handing out each for itself."""
    results = run(function, [[item] for item in items])
    return [(_DEADLY, None) if found is DIED else found[0] for _, found in results]


def _deal(source: Source, dealing: Dealing, work: WorkDatabase) -> None:
    """Deals the images to splits.

    Raises:
      RunError: If there is none.
    """
    some = f"SELECT EXISTS (SELECT 1 FROM images WHERE {TAKEN})"
    if work.number(some) and work.fact("dealt") is None:
        deal_images(work, dealing)
        work.set_fact("dealt", "yes")
        if torn := count_torn_persons(work):
            print(f"persons in several of the given splits: {torn}", flush=True)
    if not work.number(some):
        reasons = list(count_reasons(work).items())
        shown = "; ".join(f"{n} × {reason}" for reason, n in reasons[:3])
        more = f"; and {len(reasons) - 3} other reasons" if len(reasons) > 3 else ""
        raise _NothingTaken(f"no image can be taken: {shown}{more}")


def _has_crops(work: WorkDatabase) -> bool:
    cropped = f"SELECT EXISTS (SELECT 1 FROM images WHERE {TAKEN} AND box IS NOT NULL)"
    return bool(work.number(cropped))


def _write_shards(
    preparation: Preparation, folder: pathlib.Path, work: WorkDatabase, run: Runner
) -> dict[str, list[Shard]]:
    """Writes the shards that are missing; returns all of each split."""
    dataset = folder / _DATASET
    dataset.mkdir(exist_ok=True)
    planned = {
        split: plan_shards(work, split, preparation.shard_bytes) for split in SPLITS
    }
    written = work.shards()
    missing: dict[str, PlannedShard] = {}
    total = 0
    for shard in (shard for of_split in planned.values() for shard in of_split):
        total += shard.count
        path = dataset / shard.file
        size = path.stat().st_size if path.exists() else None
        if shard.file not in written or written[shard.file].bytes != size:
            missing[shard.file] = shard
    names = {shard.file for of_split in planned.values() for shard in of_split}
    for path in dataset.iterdir():  # what a killed run was writing
        if path.name not in names - set(missing):
            path.unlink()

    def tasks() -> Iterator[ShardTask]:
        for shard in missing.values():
            first = (shard.split, shard.place, shard.number)
            entries = storage.join(run.exchange or str(folder), f"{shard.file}.entries")
            write_entries(entries, work.entries(*first, shard.count))
            path = storage.join(run.exchange or str(dataset), shard.file)
            yield ShardTask(entries, path, preparation.conversion)

    left = sum(shard.count for shard in missing.values())
    with progress(total, "image", "write", total - left) as bar:
        for task, shard in run(write_shard, tasks()):
            if shard is DIED:
                raise RunError(
                    "a process that writes a shard ended unexpectedly, for want of "
                    "memory perhaps: give fewer --workers"
                )
            if run.exchange:
                storage.fetch(task.path, dataset / shard.file)
                storage.remove(task.path)
            work.add_shard(shard)
            written[shard.file] = shard
            storage.remove(task.entries)
            bar.update(shard.records)
    return {
        split: [written[shard.file] for shard in of_split]
        for split, of_split in planned.items()
    }
