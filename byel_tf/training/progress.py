"""What a person sees of a stage while it trains."""

import sys
import time
from collections.abc import Mapping

from tqdm import tqdm


class StageProgress:
    """A bar with the time left on a terminal; a line an epoch elsewhere."""

    def __init__(self, stage: str, total_steps: int, steps_per_epoch: int, step: int):
        """Starts at a step.

        Args:
          stage: Its name.
          total_steps: The step at which it ends.
          steps_per_epoch: Steps in an epoch.
          step: Steps done.
        """
        self._stage = stage
        self._total = total_steps
        self._epochs = -(-total_steps // steps_per_epoch)
        self._first = step
        self._started = time.monotonic()
        self._losses: dict[str, float] = {}
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total_steps, initial=step, desc=stage, unit="step")

    def step(self) -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update()

    def show(self, values: Mapping[str, float]) -> None:
        """Takes the numbers that were logged last."""
        self._losses = {name: v for name, v in values.items() if "loss" in name}

    def epoch(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """Shows an epoch.

        Args:
          epoch: Its number, from 1.
          step: Steps done.
          values: Its scores.
        """
        shown = {**self._losses, **values}
        if self._bar is not None:
            self._bar.set_postfix({name: f"{v:.3f}" for name, v in shown.items()})
            return
        elapsed = time.monotonic() - self._started
        left = elapsed / max(step - self._first, 1) * (self._total - step)
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
        print(
            f"{self._stage}: epoch {epoch}/{self._epochs}, step {step}/{self._total}, "
            f"{numbers}; {left:.0f} s left",
            flush=True,
        )

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
