"""TensorFlow's profiler over some steps of a stage, for TensorBoard's Profile tab."""

import pathlib
import re

import tensorflow as tf

from byel_tf.errors import UsageError

_STEPS = re.compile(r"(\d+):(\d+)")


def parse_steps(text: str) -> range:
    """The steps that `--profile_steps=FIRST:LAST` names; none if it is empty.

    Raises:
      UsageError: If it names none.
    """
    if not text:
        return range(0)
    match = _STEPS.fullmatch(text)
    if match:
        steps = range(int(match[1]), int(match[2]) + 1)
        if match[1] != "0" and steps:
            return steps
    raise UsageError(f"--profile_steps={text}: give the first and the last, as 20:30")


class Profile:
    """Profiles the chosen steps of a stage, each by its number from 1."""

    def __init__(self, steps: range, folder: pathlib.Path):
        """Starts nothing yet.

        Args:
          steps: Which steps.
          folder: Of the stage's events, beside which the profile goes.
        """
        self._steps, self._folder = steps, folder
        self._is_running = False

    def before(self, step: int) -> None:
        """A step begins."""
        if step in self._steps and not self._is_running:
            tf.profiler.experimental.start(str(self._folder))
            self._is_running = True

    def after(self, step: int) -> None:
        """A step has ended."""
        if self._is_running and step >= self._steps[-1]:
            self.close()

    def close(self) -> None:
        """Writes what there is, if anything was profiled."""
        if self._is_running:
            self._is_running = False
            tf.profiler.experimental.stop()
            print(f"profile: {self._folder} (TensorBoard's tab Profile)", flush=True)
