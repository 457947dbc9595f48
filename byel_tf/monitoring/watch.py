"""The curves of a stage, and the end of a run whose losses are no numbers."""

import math
from collections.abc import Callable, Mapping

import tensorflow as tf

from byel_tf.errors import RunError
from byel_tf.monitoring.scalars import scalar_tag
from byel_tf.monitoring.stage_callback import StageCallback


class Watch(StageCallback):
    """Writes TensorBoard scalars, and stops the run when a loss is not finite.

    Logs are read every few steps only.

    Attributes:
      latest: The last point written, by name.
    """

    def __init__(
        self,
        stage: str,
        writer: tf.summary.SummaryWriter,
        every_steps: int,
        schedules: Mapping[str, float | Callable[[int], tf.Tensor]],
        newest_checkpoint: Callable[[], str | None],
    ):
        """Makes the callback.

        Args:
          stage: "pretrain" or "finetune".
          writer: Where the points go.
          every_steps: Steps between two points; each point is the mean since the
            last one.
          schedules: Numbers or functions of the step, such as the learning rate.
          newest_checkpoint: Gives the path named in the error when the run stops.
        """
        super().__init__()
        self._stage = stage
        self._writer = writer
        self._every = every_steps
        self._schedules = schedules
        self._newest_checkpoint = newest_checkpoint
        self._last = {}
        self.latest: dict[str, float] = {}

    def after_step(self, logs):
        """Writes a point every few steps."""
        self._last = logs
        if self.step % self._every == 0:
            self._write(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the epoch's macro F1, and a last point before any checkpoint."""
        del epoch
        if self.step % self._every:
            self._write(self._last)
        logs = {k: float(v) for k, v in (logs or {}).items() if "macro_f1" in k}
        self._scalars(logs)
        self._writer.flush()

    def _write(self, logs):
        values = {k: float(v) for k, v in logs.items() if "macro_f1" not in k}
        for name, value in values.items():
            if not math.isfinite(value):
                kept = self._newest_checkpoint()
                raise RunError(
                    f"{self._stage} stopped at step {self.step}: {name} is {value}. "
                    f"Lower --{self._stage}_learning_rate or use "
                    f"--precision=float32; last good checkpoint: {kept or 'none'}"
                )
        for name, schedule in self._schedules.items():
            values[name] = float(
                schedule(self.step) if callable(schedule) else schedule
            )
        self._scalars(values)
        self.latest = values
        for tracker in self.model.trackers:
            tracker.reset_state()

    def _scalars(self, values):
        with self._writer.as_default(step=self.step):
            for name, value in values.items():
                tf.summary.scalar(scalar_tag(self._stage, name), value)
