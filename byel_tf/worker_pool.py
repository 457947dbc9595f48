"""One function over many tasks, on processes that may die."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

#: The result of a task whose process ended unexpectedly, alone as well.
DIED = object()

# Not forked: the parent may hold threads, of progress bars or TensorFlow.
_PROCESSES = multiprocessing.get_context("spawn")


def run_tasks(
    function: Callable[[T], Any], tasks: Iterable[T], workers: int
) -> Iterator[tuple[T, Any]]:
    """Applies a function to tasks on several processes.

    Few tasks are held at a time, however many there are. A task whose process dies, of
    a crash in a library or for want of memory, is repeated alone, in a process of its
    own.

    Args:
      function: A module's function; what it raises is raised here.
      tasks: What it is applied to, one after the other.
      workers: Processes; with one, all is done in this process.

    Yields:
      Each task and its result, in order; `DIED` where the process ended.
    """
    tasks = iter(tasks)
    if workers == 1:
        yield from ((task, function(task)) for task in tasks)
        return
    team = _Team(function)
    waiting: collections.deque[_Job] = collections.deque()
    not_begun: collections.deque[_Job] = collections.deque()
    try:
        while True:
            while len(waiting) < 2 * workers:
                try:
                    job = _Job(next(tasks))
                except StopIteration:
                    break
                waiting.append(job)
                not_begun.append(job)
            if not waiting:
                return
            while not_begun and len(team.busy) < workers:
                team.begin(not_begun.popleft())
            if waiting[0].outcome is None:
                team.wait()
                continue
            job = waiting.popleft()
            if job.outcome is _LOST:
                team.finish()
                team.begin(job)
                team.finish()
            yield job.task, job.result()
    finally:
        team.end()


@dataclasses.dataclass
class _Outcome:
    """What came of a task: a value, or an error and where it was raised."""

    value: Any = None
    error: Exception | None = None
    where: str = ""


_LOST = _Outcome(DIED)


class _InProcess(Exception):
    """Where an error was raised in another process."""


@dataclasses.dataclass
class _Job:
    """A task and, once it is known, its outcome."""

    task: Any
    outcome: _Outcome | None = None

    def result(self) -> Any:
        if self.outcome.error is not None:
            raise self.outcome.error from _InProcess(self.outcome.where)
        return self.outcome.value


class _Worker:
    """A process that does one task at a time.

    It has a pipe of its own. What several share, as the queues of
    `concurrent.futures`, stays locked or half-written for ever when one of them is
    killed in the wrong moment.
    """

    def __init__(self, function: Callable[[Any], Any], is_daemon: bool = True):
        """Starts it; a daemon may not start processes of its own."""
        self.connection, other = _PROCESSES.Pipe()
        # A daemon: Python would wait for another one, if interrupted while it ends.
        target = _work if is_daemon else _work_on
        self._process = _PROCESSES.Process(
            target=target, args=(function, other), daemon=is_daemon
        )
        with _ignored_interrupts():  # the process inherits it
            self._process.start()
        other.close()

    def end(self) -> None:
        """Ends it at once: nobody waits for what it does."""
        with _ignored_interrupts():
            self._process.kill()
            self._process.join()
            self.connection.close()


class _Team:
    """Processes, started as they are needed.

    Attributes:
      busy: Those at work by their connections, each with what it does.
    """

    def __init__(self, function: Callable[[Any], Any]):
        """Takes what they are to do."""
        self._function = function
        self._idle: list[_Worker] = []
        self.busy: dict[Any, tuple[_Worker, _Job]] = {}

    def begin(self, job: _Job) -> None:
        """Gives a job to a process that has none, and therefore listens."""
        worker = self._idle.pop() if self._idle else _Worker(self._function)
        self.busy[worker.connection] = worker, job
        with contextlib.suppress(OSError):  # it died, which `wait` finds
            worker.connection.send(job.task)

    def wait(self) -> None:
        """Waits until something is finished or lost."""
        for connection in multiprocessing.connection.wait(list(self.busy)):
            worker, job = self.busy[connection]
            try:
                job.outcome = connection.recv()
            except (EOFError, OSError):
                job.outcome = _LOST
                worker.end()
            else:
                self._idle.append(worker)
            del self.busy[connection]

    def finish(self) -> None:
        """Waits for all that was begun, and ends the processes: memory is free."""
        while self.busy:
            self.wait()
        self.end()

    def end(self) -> None:
        """Ends all processes."""
        workers = [*self._idle, *(worker for worker, _ in self.busy.values())]
        self._idle.clear()
        self.busy.clear()
        for worker in workers:
            worker.end()


class Companion:
    """A process beside this one, which may start processes of its own.

    It does one task at a time, and ends with this process, however that ends: it is
    not ended by the signals that tell all processes of a program to end. It is started
    by the main thread, so that Ctrl-C is left to this process.
    """

    def __init__(self, function: Callable[[Any], Any]):
        """Starts it.

        Args:
          function: A module's function, applied to each task.
        """
        self._worker = _Worker(function, is_daemon=False)

    def begin(self, task: Any) -> None:
        """Gives it a task, when the one before is finished."""
        with contextlib.suppress(OSError):  # it died, which `result` finds
            self._worker.connection.send(task)

    def is_finished(self, seconds: float) -> bool:
        """Whether the task is finished, or the process lost, within a time."""
        return self._worker.connection.poll(seconds)

    def result(self) -> Any:
        """What came of the task, waited for; `DIED` if the process ended.

        What the function raised is raised here.
        """
        job = _Job(None)
        try:
            job.outcome = self._worker.connection.recv()
        except (EOFError, OSError):
            job.outcome = _LOST
        return job.result()

    def end(self) -> None:
        """Ends it, and with it the processes that it has started."""
        self._worker.end()


def _work(function: Callable[[Any], Any], connection: Any) -> None:
    """What a process does, until its parent has died."""
    _end_with_parent()
    with contextlib.suppress(EOFError, OSError):  # of the connection
        while True:
            task = connection.recv()
            try:
                outcome = _Outcome(function(task))
            except Exception as error:
                outcome = _Outcome(error=error, where=traceback.format_exc())
            connection.send(outcome)


def _work_on(function: Callable[[Any], Any], connection: Any) -> None:
    """As `_work`; only the parent's end ends it, and what it has started."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _work(function, connection)


def _end_with_parent() -> None:
    """Lets no worker outlive a killed parent: it would wait for ever."""

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Leaves Ctrl-C, which reaches every process, to the parent of those started here.

    They inherit that it is ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set it
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
