import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from byel_tf import worker_pool
from byel_tf.worker_pool import DIED, Companion, run_tasks


def square(number):
    return number * number


def process_of(number):
    return number, os.getpid()


def die_at_three(number):
    if number == 3:
        os._exit(9)
    return number * number


def die_the_first_time(task):
    path, number = task
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return number * number
    os._exit(9)


def fail(number):
    raise ValueError(f"no {number}")


@pytest.mark.parametrize("workers", [1, 3])
def test_results_in_order(workers):
    assert list(run_tasks(square, range(50), workers)) == [
        (n, n * n) for n in range(50)
    ]
    assert list(run_tasks(square, [], workers)) == []


def test_one_worker_is_this_process():
    assert next(run_tasks(process_of, [0], 1))[1] == (0, os.getpid())
    assert next(run_tasks(process_of, [0], 2))[1] != (0, os.getpid())


@pytest.mark.parametrize("workers", [1, 2])
def test_few_tasks_are_held(workers):
    taken = []

    def tasks():
        for number in range(1000):
            taken.append(number)
            yield number

    results = run_tasks(square, tasks(), workers)
    for _ in range(10):
        next(results)
    assert len(taken) <= 10 + 2 * workers
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_are_raised_here(workers):
    with pytest.raises(ValueError, match="no 1"):
        list(run_tasks(fail, [1, 2], workers))


def test_task_that_ends_its_process_costs_no_other():
    results = list(run_tasks(die_at_three, range(9), 2))
    assert results == [(n, n * n if n != 3 else DIED) for n in range(9)]


def test_process_that_ends_once(tmp_path):
    tasks = [(str(tmp_path / "dying" if n == 2 else tmp_path / f"{n}"), n)
             for n in range(6)]  # fmt: skip
    for path, number in tasks:
        if number != 2:
            pathlib.Path(path).touch()
    results = list(run_tasks(die_the_first_time, tasks, 2))
    assert [result for _, result in results] == [n * n for n in range(6)]


def much(path):
    pathlib.Path(path).write_text(str(os.getpid()))
    return path, bytes(2**24)


def test_process_that_is_killed_while_it_answers(tmp_path):
    """As when memory runs out; what it wrote of its answer is never completed."""
    paths = [str(tmp_path / f"pid-{n}") for n in range(6)]
    results = run_tasks(much, paths, 2)
    found = [next(results)]
    begun = tmp_path / "pid-2"  # nobody takes its answer, which is too long to send
    wait_until(lambda: begun.exists() and begun.read_text())
    time.sleep(0.2)
    os.kill(int(begun.read_text()), signal.SIGKILL)
    found += results
    assert [(task, result[0]) for task, result in found] == [(p, p) for p in paths]
    assert all(result[1] == bytes(2**24) for _, result in found)


PROGRAM = """
import pathlib, sys, threading
from tests.test_worker_pool import wait_for_ever
from byel_tf.worker_pool import run_tasks
if __name__ == "__main__":
    list(run_tasks(wait_for_ever, [sys.argv[1] + n for n in "ab"], 2))
"""


def wait_for_ever(path):
    pathlib.Path(path).write_text(str(os.getpid()))
    signal.pause()


@pytest.fixture
def parent(tmp_path):
    """A program with two workers that never finish, and the workers' numbers."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    checkout = pathlib.Path(worker_pool.__file__).resolve().parents[1]
    parent = subprocess.Popen(
        [sys.executable, program, f"{tmp_path}/pid-"],
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    files = [tmp_path / "pid-a", tmp_path / "pid-b"]
    wait_until(lambda: all(f.exists() and f.read_text() for f in files))
    yield parent, [int(file.read_text()) for file in files]
    parent.kill()
    parent.wait()


def test_no_worker_outlives_a_killed_parent(parent):
    parent, workers = parent
    parent.kill()
    parent.wait()
    for worker in workers:
        wait_until(lambda worker=worker: not is_alive(worker))


@pytest.mark.parametrize("times", [1, 3])
def test_interrupted_it_ends_at_once(parent, times):
    parent, workers = parent
    for _ in range(times):
        parent.send_signal(signal.SIGINT)
        time.sleep(0.05)
    parent.wait(timeout=60)
    for worker in workers:
        wait_until(lambda worker=worker: not is_alive(worker))


def wait_in_two(path):
    list(run_tasks(wait_for_ever, [path + n for n in "ab"], 2))


def test_a_companion_ends_with_its_processes_and_not_by_signals(
    tmp_path,
):
    companion = Companion(wait_in_two)
    companion.begin(f"{tmp_path}/pid-")
    files = [tmp_path / "pid-a", tmp_path / "pid-b"]
    wait_until(lambda: all(f.exists() and f.read_text() for f in files))
    os.kill(companion._worker._process.pid, signal.SIGTERM)
    assert not companion.is_finished(0.3)
    companion.end()
    for file in files:
        wait_until(lambda file=file: not is_alive(int(file.read_text())))


def test_what_comes_of_a_companions_tasks():
    companion = Companion(die_at_three)
    for task in (1, 2, 3):
        companion.begin(task)
        assert companion.result() == (DIED if task == 3 else task**2)
    companion.end()
    companion = Companion(fail)
    companion.begin(4)
    with pytest.raises(ValueError, match="no 4"):
        companion.result()
    companion.end()


def is_alive(pid):
    try:
        state = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def wait_until(holds):
    while not holds():
        time.sleep(0.02)
