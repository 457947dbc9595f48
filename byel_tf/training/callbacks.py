"""What happens around the steps: guards, curves, checkpoints, progress.

All of them take logs as tensors and read them only every few steps, since each
reading makes the host wait for the device.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from byel_tf.compat import keras
from byel_tf.errors import RunError
from byel_tf.training.checkpoints import BestEpoch, StageCheckpoints

#: Where a scalar stands in TensorBoard.
_GROUPS = {
    "loss": "losses/total",
    "bootstrap_loss": "losses/bootstrap",
    "classification_loss": "losses/classification",
    "orthonormality_penalty": "losses/orthonormality",
    "action_unit_loss": "losses/action_unit",
    "gradient_norm": "optimization/gradient_norm",
    "projection_deviation": "collapse/projection_deviation",
    "cosine_1_to_2": "collapse/cosine_1_to_2",
    "cosine_2_to_1": "collapse/cosine_2_to_1",
    "macro_f1": "macro_f1/train",
    "val_macro_f1": "macro_f1/validation",
}


class _StageCallback(keras.callbacks.Callback):
    """Knows the stage's step, which Keras' own counters forget on a restart."""

    def __init__(self):
        super().__init__()
        self._supports_tf_logs = True
        self.step = 0

    def on_train_begin(self, logs=None):
        del logs
        self.step = int(self.model.optimizer.iterations.numpy())

    def on_train_batch_end(self, batch, logs=None):
        del batch
        self.step += 1
        self.after_step(logs or {})

    def after_step(self, logs: Mapping[str, tf.Tensor]) -> None:
        """Called after each step, with `self.step` counted."""


class Watch(_StageCallback):
    """Writes TensorBoard scalars, and stops the run when a loss is not finite.

    Attributes:
      latest: The last point written, by name.
    """

    def __init__(
        self,
        stage: str,
        folder: str,
        every_steps: int,
        schedules: Mapping[str, float | Callable[[int], tf.Tensor]],
        checkpoints: StageCheckpoints,
    ):
        """Makes the callback.

        Args:
          stage: "pretrain" or "finetune".
          folder: Where the events go.
          every_steps: Steps between two points; each point is the mean since the
            last one.
          schedules: Numbers or functions of the step, such as the learning rate.
          checkpoints: Named in the error when the run stops.
        """
        super().__init__()
        self._stage = stage
        self._every = every_steps
        self._schedules = schedules
        self._checkpoints = checkpoints
        self._writer = tf.summary.create_file_writer(folder)
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
                kept = self._checkpoints.newest
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
                tf.summary.scalar(_GROUPS.get(name, f"optimization/{name}"), value)

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Writes a picture, (H, W, 3), float in [0, 1]."""
        with self._writer.as_default(step=step):
            tf.summary.image(name, image[None])
        self._writer.flush()


class SaveCheckpoints(_StageCallback):
    """Saves at the end of each epoch; the best epoch too where one is selected."""

    def __init__(self, checkpoints: StageCheckpoints, best: BestEpoch | None):
        """Takes where to save."""
        super().__init__()
        self._checkpoints = checkpoints
        self._best = best

    def on_epoch_end(self, epoch, logs=None):
        """Saves, the best epoch first: what the newest knows, the best has too."""
        del epoch
        if self._best is not None:
            self._best.offer(float(logs["val_macro_f1"]), self.step)
        self._checkpoints.save()


class Progress(_StageCallback):
    """A bar with the time left on a terminal; a line an epoch elsewhere."""

    def __init__(
        self, stage: str, total_steps: int, steps_per_epoch: int, watch: Watch
    ):
        """Takes the stage's name and length, and what knows its numbers."""
        super().__init__()
        self._stage = stage
        self._watch = watch
        self._total = total_steps
        self._steps_per_epoch = steps_per_epoch
        self._bar = None

    def on_train_begin(self, logs=None):
        """Starts the bar where the stage stands."""
        super().on_train_begin(logs)
        self._started = time.monotonic()
        self._first = self.step
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=self._total, initial=self.step, desc=self._stage, unit="step"
            )

    def after_step(self, logs):
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update()

    def on_epoch_end(self, epoch, logs=None):
        """Shows the epoch's numbers."""
        shown = {k: v for k, v in self._watch.latest.items() if "loss" in k}
        shown |= {k: float(v) for k, v in (logs or {}).items() if "macro_f1" in k}
        if self._bar is not None:
            self._bar.set_postfix({k: f"{v:.3f}" for k, v in shown.items()})
            return
        elapsed = time.monotonic() - self._started
        left = elapsed / max(self.step - self._first, 1) * (self._total - self.step)
        epochs = -(-self._total // self._steps_per_epoch)
        values = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
        print(
            f"{self._stage}: epoch {epoch + 1}/{epochs}, step {self.step}/"
            f"{self._total}, {values}; {left:.0f} s left",
            flush=True,
        )

    def on_train_end(self, logs=None):
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
