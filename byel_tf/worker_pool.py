"""One function over many tasks, on processes that may die."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")

#: The result of a task whose process ended unexpectedly, alone as well.
DIED = object()


def run_tasks(
    function: Callable[[T], Any], tasks: Iterable[T], workers: int
) -> Iterator[tuple[T, Any]]:
    """Applies a function to tasks on several processes.

    Few tasks are held at a time, however many there are. When a process dies, of a
    crash in a library or for want of memory, the tasks at hand are repeated one by
    one, each in a process of its own.

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
    pool = _pool(workers)
    waiting: collections.deque = collections.deque()
    try:
        while True:
            while len(waiting) < 2 * workers:
                try:
                    task = next(tasks)
                except StopIteration:
                    break
                waiting.append((task, _submit(pool, function, task)))
            if not waiting:
                return
            task, future = waiting[0]
            try:
                result = future.result()
            except BrokenProcessPool:
                _shut_down(pool)
                for task, future in waiting:
                    whole = future.done() and not future.exception()
                    yield task, future.result() if whole else _alone(function, task)
                waiting.clear()
                pool = _pool(workers)
            else:
                waiting.popleft()
                yield task, result
    except BaseException:
        _kill(pool)
        raise
    finally:
        _shut_down(pool)


def _pool(workers: int) -> concurrent.futures.ProcessPoolExecutor:
    # Not forked: the parent may hold threads, of progress bars or TensorFlow.
    return concurrent.futures.ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent
    )


def _submit(pool, function: Callable[[T], Any], task: T) -> concurrent.futures.Future:
    try:
        with _ignored_interrupts():  # may start a process, which inherits it
            return pool.submit(function, task)
    except BrokenProcessPool as error:
        future: concurrent.futures.Future = concurrent.futures.Future()
        future.set_exception(error)
        return future


def _alone(function: Callable[[T], Any], task: T) -> Any:
    pool = _pool(1)
    try:
        return _submit(pool, function, task).result()
    except BrokenProcessPool:
        return DIED
    except BaseException:
        _kill(pool)
        raise
    finally:
        _shut_down(pool)


def _kill(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """Ends the processes at once: nobody waits for what they do."""
    for process in list((pool._processes or {}).values()):
        process.kill()


def _shut_down(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    # Interrupted here a second time, Python waits for its processes for ever.
    with _ignored_interrupts():
        pool.shutdown(wait=True, cancel_futures=True)


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
