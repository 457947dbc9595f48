"""What happens around the steps: checkpoints, progress."""

import sys
import time

from tqdm import tqdm

from byel_tf.monitoring.stage_callback import StageCallback
from byel_tf.monitoring.watch import Watch
from byel_tf.training.checkpoints import BestEpoch, StageCheckpoints


class SaveCheckpoints(StageCallback):
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


class Progress(StageCallback):
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
