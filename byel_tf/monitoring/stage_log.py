"""The numbers of a stage as they come: history.jsonl and TensorBoard's events."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from byel_tf.history import History
from byel_tf.monitoring.scalars import scalar_place


class StageLog:
    """Writes each number once to both, and forgets what is going to be repeated.

    Attributes:
      writer: That of TensorBoard's events of the stage.
      is_new: Whether the stage begins.
    """

    def __init__(
        self,
        stage: str,
        folder: pathlib.Path,
        history: History,
        sizes: Mapping[str, Any],
        is_written: bool = True,
    ):
        """Cuts both back to where the stage goes on from.

        Readers of events that don't look for restarts then see every step once.

        Args:
          stage: "pretrain" or "finetune".
          folder: Of the stage's events.
          history: The run's history.
          sizes: What `sizes` gave when the state was saved that is gone on from; of a
            stage that begins, "history" alone.
          is_written: Whether this process writes them; else nothing is.
        """
        self._stage = stage
        self._folder = folder
        self._history = history
        self.is_new = "events" not in sizes
        self._is_written = is_written
        if not is_written:
            self.writer = tf.summary.create_noop_writer()  # which cannot be closed
            return
        history.cut(sizes["history"])
        events = sizes.get("events", {})
        for file in _files(folder):
            if file.name in events:
                with open(file, "r+b") as opened:
                    opened.truncate(min(events[file.name], file.stat().st_size))
            else:
                file.unlink()
        self.writer = tf.summary.create_file_writer(str(folder))

    def scalars(
        self, step: int, values: Mapping[str, float], epoch: int | None = None
    ) -> None:
        """Writes numbers.

        Args:
          step: The stage's steps done.
          values: Numbers by the name that training gives them.
          epoch: Epochs done, for numbers of an epoch.
        """
        placed = {scalar_place(name): value for name, value in values.items()}
        self._history.append(self._stage, step, placed, epoch)
        with self.writer.as_default(step=step):
            for place, value in placed.items():
                tf.summary.scalar(f"{self._stage}/{place}", value)

    def sizes(self) -> dict[str, Any]:
        """How much both hold, after all of it has reached the files."""
        if not self._is_written:
            return {}
        self.writer.flush()
        return {
            "history": self._history.size(),
            "events": {file.name: file.stat().st_size for file in _files(self._folder)},
        }

    def close(self) -> None:
        """Ends the file of events."""
        if self._is_written:
            self.writer.close()


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    if not folder.is_dir():
        return []
    return [
        pathlib.Path(entry.path)
        for entry in os.scandir(folder)
        if entry.is_file() and entry.name.startswith("events.out.tfevents.")
    ]
