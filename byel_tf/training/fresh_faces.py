"""Faces that are drawn while a stage trains: others for each epoch."""

import contextlib
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from byel_tf.config import PRETRAINED, TrainingConfig
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError, UsageError
from byel_tf.training.run_directory import RunDirectory
from byel_tf.worker_pool import DIED, Companion
from byel_tf.working_folder import WorkingFolder

if TYPE_CHECKING:  # drawing's libraries take seconds to import
    from byel_tf.synthesis.fresh import FreshFaces

#: Folder in that of the run.
FOLDER_NAME = "fresh_faces"
# How often who waits for faces looks whether they are still wanted.
_PATIENCE_SECONDS = 0.2

#: The records of an epoch of a stage, from 0.
RecordsOf = Callable[[int], SplitRecords]


class FreshEpochs:
    """The faces of each epoch of a run, drawn one epoch ahead, for many threads.

    A file holds those of an epoch until the second epoch after it has begun.
    """

    def __init__(
        self,
        dataset: PreparedDataset,
        fresh: "FreshFaces",
        path: pathlib.Path,
        epochs: int,
    ):
        """Starts the process that draws; nothing is drawn yet.

        Args:
          dataset: Its train split is that of epoch 0.
          fresh: What is drawn for the others.
          path: The locked folder they are drawn in.
          epochs: Epochs of the run, those of both stages.
        """
        from byel_tf.synthesis.fresh import drawer

        self._dataset, self._fresh, self._path = dataset, fresh, path
        self._epochs = epochs
        self._lock = threading.Lock()
        self._records = {0: SplitRecords(dataset, "train")}
        self._companion = Companion(drawer(fresh, path))
        self._drawn: int | None = None  # the epoch whose faces are being drawn
        self._failure: Exception | None = None
        self._followed: set[int] = set()  # epochs after which the next one was begun
        self._is_closed = False

    def stage(self, first: int) -> RecordsOf:
        """The records of the epochs of a stage, whose own first one is this."""
        return lambda epoch: self._of_epoch(first + epoch)

    def close(self) -> None:
        """Ends drawing, and the waiting for it; finished faces stay."""
        self._is_closed = True
        with self._lock:
            self._companion.end()

    def _of_epoch(self, epoch: int) -> SplitRecords:
        """Waits until its faces are drawn, and has the next ones drawn.

        Raises:
          RunError: If they cannot be drawn.
        """
        # Batches are read ahead, beyond the last step.
        epoch = min(epoch, self._epochs - 1)
        found = self._records.get(epoch)
        if found is not None and epoch in self._followed:
            return found  # while others wait for the next ones
        with self._lock:
            if epoch not in self._records:
                self._open(epoch)
            is_next = self._drawn is None and epoch + 1 < self._epochs
            if is_next and epoch not in self._followed:
                self._begin(epoch + 1)
            self._followed.add(epoch)
            return self._records[epoch]

    def _open(self, epoch: int) -> None:
        from byel_tf.synthesis.fresh import fresh_dataset

        faces = self._fresh.of_epoch(epoch)
        if self._drawn is not None:
            self._wait()
        if not self._is_there(epoch):
            self._begin(epoch)
            self._wait()
        dataset = fresh_dataset(self._dataset, self._path, faces)
        self._records[epoch] = SplitRecords(dataset, "train")
        for old in [one for one in self._records if 0 < one < epoch - 1]:
            del self._records[old]
        self._delete_before(epoch - 1)

    def _is_there(self, epoch: int) -> bool:
        return self._file(epoch).exists()

    def _file(self, epoch: int) -> pathlib.Path:
        from byel_tf.synthesis.fresh import fresh_file

        return fresh_file(self._path, self._fresh.of_epoch(epoch))

    def _begin(self, epoch: int) -> None:
        if not self._is_there(epoch):
            self._drawn = epoch
            self._companion.begin(epoch)

    def _wait(self) -> None:
        """Waits until what is being drawn is finished."""
        if self._failure is not None:
            raise self._failure  # to all that read at the same time
        is_finished = False
        while not is_finished:
            if self._is_closed:
                raise RunError("the drawing of faces was ended")
            is_finished = self._companion.is_finished(_PATIENCE_SECONDS)
        try:
            if self._companion.result() is DIED:
                raise RunError(
                    "the process that draws faces ended unexpectedly, for want of "
                    "memory perhaps: the same command continues"
                )
        except RunError as error:
            self._failure = error
            raise
        self._drawn = None

    def _delete_before(self, epoch: int) -> None:
        for file in self._path.glob("*.tfrecord"):
            if epoch > 0 and file.name < self._file(epoch).name:
                with contextlib.suppress(OSError):  # open, on Windows
                    file.unlink()


def require_drawing(config: TrainingConfig, workers: int) -> None:
    """Refuses what cannot be had together with `--draw=stream`.

    Args:
      config: All options.
      workers: Processes that train.

    Raises:
      UsageError: With the way out.
    """
    data = config.data
    if data.draw != "stream":
        return
    if data.class_balance != "none":
        raise UsageError(
            f"--class_balance={data.class_balance}: with --draw=stream every class has "
            "as many faces as the others: give --class_balance=none"
        )
    if data.label_share < 1:
        raise UsageError(
            f"--label_share={data.label_share:g}: with --draw=stream every epoch has "
            "other faces, and so would have other labels: give --draw=first"
        )
    if data.pairs == "label":
        raise UsageError(
            "--pairs=label: with --draw=stream every epoch has other faces: draw them "
            "with partners of their own (synthesize --pairs=expression), or give "
            "--draw=first"
        )
    if workers > 1:
        raise UsageError(
            "--draw=stream draws for one process that trains, on any number of its "
            "GPUs: for several workers draw as many faces first, with --draw=first"
        )


@contextlib.contextmanager
def drawn_epochs(
    config: TrainingConfig, dataset: PreparedDataset, directory: RunDirectory
) -> Iterator[FreshEpochs | None]:
    """What `--draw=stream` reads; None without it.

    The folder of the run keeps what was drawn until the run is finished.

    Args:
      config: All options.
      dataset: What is trained on.
      directory: The run's folder.

    Raises:
      UsageError: If the data set was not drawn, or with another head.
      RunError: If the folder cannot be used, or the head not be read.
    """
    if config.data.draw != "stream":
        yield None
        return
    from byel_tf.synthesis.drawing import open_working_folder
    from byel_tf.synthesis.fresh import FRESH_FILES, fresh_faces

    fresh = fresh_faces(dataset, config.data.head, os.cpu_count() or 1)
    _require_head(dataset, config.data.head)
    folder = WorkingFolder(directory.path / FOLDER_NAME, FRESH_FILES)
    with folder.locked("is drawing faces"):
        open_working_folder(folder, fresh.drawing)
        print(
            f"faces: the first epoch learns from the train split, every other from "
            f"{fresh.count} further faces, which are drawn in {folder.path} one epoch "
            "ahead",
            flush=True,
        )
        epochs = FreshEpochs(dataset, fresh, folder.path, sum(planned_epochs(config)))
        try:
            yield epochs
        finally:
            epochs.close()
        folder.remove()


def planned_epochs(config: TrainingConfig) -> tuple[int, int]:
    """Epochs of both stages; 0 where there is no stage."""
    has_first = config.model.objective in PRETRAINED
    first = config.pretrain.pretrain_epochs if has_first else 0
    return first, config.finetune.finetune_epochs


def _require_head(dataset: PreparedDataset, head: str) -> None:
    """As `require_head`, in a process that goes, and with it the head's memory."""
    from byel_tf.synthesis.fresh import head_check

    companion = Companion(head_check(dataset))
    try:
        companion.begin(head)
        if companion.result() is DIED:
            raise RunError(f"the process that read --head={head} ended unexpectedly")
    finally:
        companion.end()
