"""Further faces of a drawn data set: others for each epoch of a training."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable

from byel_tf.data.manifest import Shard, Split
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import serialize
from byel_tf.data.tfrecord import frame
from byel_tf.errors import RunError, UsageError
from byel_tf.files import new_file
from byel_tf.synthesis.dataset import face_record
from byel_tf.synthesis.domain import DOMAINS, load_domain
from byel_tf.synthesis.drawing import (
    Drawing,
    draw_faces,
    open_working_folder,
    renderer,
)
from byel_tf.synthesis.heads.mixture import HeadMixture
from byel_tf.working_folder import WorkingFolder

#: What is written in the folder that they are drawn in.
FRESH_FILES = re.compile(r"plan\.json|\d{8}\.faces|\d{8}-\d{8}\.tfrecord")


@dataclasses.dataclass(frozen=True)
class FreshFaces:
    """What each epoch learns from after the first one, which has the train split.

    Attributes:
        drawing: As the data set was drawn.
        first: Number of the first face after the data set's: that of a person of whom
            the data set has no picture.
        count: Faces of an epoch, as many as the train split has.
        workers: Processes that draw.
    """

    drawing: Drawing
    first: int
    count: int
    workers: int

    def of_epoch(self, epoch: int) -> range:
        """Numbers of the faces of an epoch, from 1."""
        start = self.first + (epoch - 1) * self.count
        return range(start, start + self.count)


def fresh_faces(dataset: PreparedDataset, head: str, workers: int) -> FreshFaces:
    """What follows the faces of a data set.

    Args:
        dataset: It has been drawn by `synthesize`.
        head: What with, as for `HeadMixture.parse`.
        workers: Processes that draw.

    Raises:
        UsageError: If it was not drawn, or not from a domain as it comes with this
            release.
    """
    source, name = dataset.manifest.source, f"{dataset.name} ({dataset.path})"
    if source.get("kind") != "synthesis":
        raise UsageError(
            f"--draw=stream: data set {name} was not drawn, so there is nothing to go "
            "on drawing: give one that synthesize has drawn, or --draw=first"
        )
    domain, digest = source["domain"], source.get("domain_sha256")
    if domain not in DOMAINS or digest != load_domain(domain).digest:
        raise UsageError(
            f"--draw=stream: data set {name} was drawn from '{source['domain']}', a "
            "file of your own or of another release, which it does not hold: give "
            "--draw=first, or draw it anew"
        )
    pictures = load_domain(domain).pictures_of_a_person
    (size,) = dataset.manifest.image_sizes
    return FreshFaces(
        drawing=Drawing(
            head=head,
            domain=source["domain"],
            classes=dataset.manifest.classes,
            size=int(size.split("x")[0]),
            seed=source["seed"],
            grey=source["grey"],
            pairs=source.get("pairs", "none"),
            heads=source["head"],
        ),
        first=-(-source["count"] // pictures) * pictures,
        count=dataset.manifest.splits["train"].count,
        workers=workers,
    )


def require_head(dataset: PreparedDataset, head: str) -> None:
    """Refuses another head than that of a drawn data set; loads it.

    Raises:
        UsageError: With the head to give.
        RunError: If it can't be read.
    """
    mixture = HeadMixture.parse(head)
    found = mixture.described([renderer(name).head.name for name in mixture.names])
    had = dataset.manifest.source["head"]
    if found != had:
        raise UsageError(
            f"--draw=stream: data set {dataset.name} ({dataset.path}) was drawn with "
            f"{had}, and --head={head} is {found}: give --head={had}, or the path of "
            "its data"
        )


def fresh_file(path: pathlib.Path, faces: range) -> pathlib.Path:
    """The file of the faces of an epoch.

    Args:
        path: The folder.
        faces: Their numbers.
    """
    return path / f"{faces.start:08d}-{faces.stop:08d}.tfrecord"


def draw_fresh(fresh: FreshFaces, path: pathlib.Path, epoch: int) -> None:
    """Draws the faces of an epoch into their file, unless that is there.

    What is done of it is kept if this process is killed.

    Args:
        fresh: What to draw.
        path: Folder of `FRESH_FILES` that a process holds locked.
        epoch: From 1.

    Raises:
        RunError: If a file can't be written, or a process ends unexpectedly.
    """
    faces = fresh.of_epoch(epoch)
    file = fresh_file(path, faces)
    if file.exists():
        return
    folder = WorkingFolder(path, FRESH_FILES)
    drawn = draw_faces(fresh.drawing, faces, fresh.workers, folder)
    try:
        # Before the file is begun, which it would throw away.
        open_working_folder(folder, fresh.drawing)
        with new_file(file) as shard, contextlib.closing(drawn):
            for index, pngs in zip(faces, drawn, strict=True):
                shard.write(frame(serialize(face_record(fresh.drawing, index, *pngs))))
        for part in path.glob("*.faces"):
            part.unlink()
    except OSError as error:
        raise RunError(f"cannot write {file}: {error.strerror}") from error


def fresh_dataset(
    dataset: PreparedDataset, path: pathlib.Path, faces: range
) -> PreparedDataset:
    """The data set with the faces of an epoch, in their file, as its train split."""
    file = fresh_file(path, faces)
    shard = Shard(file.name, len(faces), file.stat().st_size, "")
    had = dataset.manifest.splits["train"]
    train = Split(len(faces), had.per_class, 0, (shard,))
    manifest = dataclasses.replace(dataset.manifest, splits={"train": train})
    return dataclasses.replace(dataset, path=path, manifest=manifest)


def drawer(fresh: FreshFaces, path: pathlib.Path) -> Callable[[int], None]:
    """`draw_fresh` of an epoch, for another process."""
    return functools.partial(draw_fresh, fresh, path)


def head_check(dataset: PreparedDataset) -> Callable[[str], None]:
    """`require_head` of a head, for another process."""
    return functools.partial(require_head, dataset)
