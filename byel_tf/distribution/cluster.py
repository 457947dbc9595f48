"""What the workers of a run tell each other, from the view of one of them."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from byel_tf.distribution.patience import patiently
from byel_tf.distribution.replicas import sum_bytes, sum_of_workers, worker_of
from byel_tf.errors import UsageError, WorkerLost

T = TypeVar("T")

_TASK = re.compile(r"/job:worker/(?:replica:\d+/)?task:(\d+)")
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
    tf.errors.AbortedError,
)


class Cluster:
    """The workers of a run; one process alone is one that tells itself everything.

    Whatever one of them calls here all call, in the same order.

    Attributes:
      index: Which worker this is.
      workers: How many there are.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        """Sends nothing yet.

        Args:
          strategy: That of the run.
        """
        self._strategy = strategy
        self.index, self.workers = worker_of(strategy)

    @property
    def is_chief(self) -> bool:
        """Whether this is the worker that reads the run's folder and writes to it."""
        return self.index == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.workers == 1

    def from_chief(self, text: str = "") -> str:
        """The chief's text, on all workers; the others wait for it, for any time.

        Args:
          text: The text, of which only the chief's counts.

        Raises:
          KeyboardInterrupt: If this worker is told to end meanwhile.
          WorkerLost: If a worker has ended.
        """
        data = self._bytes_from_chief(text.encode() if self.is_chief else b"")
        return data.decode()

    def arrays_from_chief(
        self, arrays: Mapping[str, np.ndarray] | None
    ) -> dict[str, np.ndarray]:
        """The chief's arrays by name; as `from_chief`."""
        if self.is_alone:
            return dict(arrays)
        file = io.BytesIO()
        if self.is_chief:
            np.savez(file, **arrays)
        data = self._bytes_from_chief(file.getvalue())
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def do_first(self, action: Callable[[], T]) -> T:
        """Does something on the chief, and after that on the others.

        Args:
          action: What finds the work done where the chief has done it.
        """
        if self.is_chief:
            done = action()
            self.from_chief()
            return done
        self.from_chief()
        return action()

    def any_of(self, wishes: Sequence[bool]) -> list[bool]:
        """Of each wish, whether any worker has it."""
        values = np.array(wishes, np.float32)
        with self.losses_told():
            return (sum_of_workers(self._strategy, values) > 0).tolist()

    def require_same(self, what: str, content: Mapping[str, Any]) -> None:
        """Refuses a worker that has other flags or data than the chief.

        Args:
          what: What the content is, for the message.
          content: By name; what JSON can hold.

        Raises:
          UsageError: On the worker, with the names of what differs.
        """
        chief = json.loads(self.from_chief(json.dumps(content)))
        own = json.loads(json.dumps(content))
        names = [n for n in {**chief, **own} if chief.get(n) != own.get(n)]
        if names:
            shown = ", ".join(
                f"{name} is {own.get(name)}, there {chief.get(name)}" for name in names
            )
            raise UsageError(
                f"worker {self.index} has other {what} than the chief: {shown}"
            )

    @contextlib.contextmanager
    def losses_told(self) -> Iterator[None]:
        """Turns TensorFlow's error for a worker that is gone into one line.

        Raises:
          WorkerLost: In its place.
        """
        try:
            yield
        except tf.errors.OpError as error:
            if self.is_alone or not _is_loss(error):
                raise
            raise WorkerLost(
                f"{self._name_lost(error.message)} has ended or cannot be reached; "
                "started again, all workers continue from the last checkpoint"
            ) from error

    def _name_lost(self, message: str) -> str:
        others = {int(n) for n in _TASK.findall(message)} - {self.index}
        if self.workers == 2:
            others = {1 - self.index}
        return f"worker {min(others)}" if len(others) == 1 else "another worker"

    def _bytes_from_chief(self, data: bytes) -> bytes:
        if self.is_alone:
            return data
        with self.losses_told():
            size = np.array([len(data)], np.int64).tobytes()
            (count,) = np.frombuffer(
                patiently(lambda: sum_bytes(self._strategy, size)), np.int64
            )
            data = data if self.is_chief else bytes(int(count))
            return patiently(lambda: sum_bytes(self._strategy, data))


def _is_loss(error: tf.errors.OpError) -> bool:
    return isinstance(error, _LOST) or "ollective" in error.message
