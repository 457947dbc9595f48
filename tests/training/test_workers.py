"""Trainings of several workers, processes that speak over the loopback interface."""

import functools
import signal
import time

import numpy as np
import pytest

import train_main
from benchmarks.equality import FLAGS, differences, read, smooth
from benchmarks.survive import make_data
from benchmarks.workers import Layout, start, wait
from byel_tf.training import building
from byel_tf.training import run as run_module
from byel_tf.training.checkpoints import Checkpoints

# Optimizing graphs takes longer than the few steps.
CODE = """
import byel_tf.compat
import tensorflow as tf
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
from byel_tf.program import run_program
def main(argv):
    import sys; from benchmarks.equality import train_here; train_here(*argv[1:])
import sys
sys.exit(run_program(main, sys.argv, 75))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "data"
    make_data(path)
    return path


@pytest.fixture
def flags_of(data, tmp_path):
    """A function that gives the flags of a training in a folder."""

    def flags_of(layout, folder, *flags):
        return [
            *(f"--train_data={data}", "--batch_size=32"),
            f"--model_dir={tmp_path / folder}",
            *FLAGS,
            "--xla=off",  # compiled views have tests of their own
            *layout.flags,
            *flags,
        ]

    return flags_of


@pytest.fixture
def alone(flags_of, monkeypatch):
    """A function that trains here, as `train_here` of benchmarks.equality does."""
    monkeypatch.setattr(
        building, "encoder_builder", lambda *o: functools.partial(smooth, *o[2:])
    )
    monkeypatch.setattr(run_module._Run, "_finish", lambda self, *_: {})

    def train_alone(folder, *flags):
        train_main.main(["train_main.py", *flags_of(Layout(), folder, *flags)])

    return train_alone


@pytest.fixture
def begin(flags_of, tmp_path):
    """A function that starts a training; it gives its processes."""
    started = []

    def begin(layout, folder, *flags, end="trained"):
        arguments = [
            *("smooth", "synchronised", "as drawn", end),
            *flags_of(layout, folder, *flags),
        ]
        log = tmp_path / f"{folder.replace('{worker}', '')}-{len(started)}"
        started.append(start(layout, CODE, arguments, log))
        return started[-1], log

    yield begin
    for processes in started:
        for process in processes:
            process.kill()
            process.wait()


def printed(log, worker):
    return log.with_name(f"{log.name}.{worker}.log").read_text()


def test_two_workers_compute_what_one_process_does_and_one_of_them_writes(
    begin, alone, tmp_path
):
    steps = "--max_steps=6"
    alone("alone", steps)
    workers, log = begin(Layout(workers=2), "run-{worker}", steps, end="whole")
    assert wait(workers) == [0, 0], printed(log, 0) + printed(log, 1)
    found = differences(read(tmp_path / "run-0"), read(tmp_path / "alone"))
    assert max(found.values()) < 1e-5, found
    assert (tmp_path / "run-0" / "results.json").exists()
    assert not (tmp_path / "run-1").exists()
    lines = printed(log, 1).splitlines()
    assert len(lines) == 1 and lines[0].startswith("worker 1 of 2"), lines


def test_one_is_told_to_end_all_save_at_one_step_and_any_number_goes_on(
    begin, alone, tmp_path, capsys
):
    flags = ["--checkpoint_steps=4", "--pretrain_epochs=20", "--finetune_epochs=1"]
    folder = Checkpoints(tmp_path / "run" / "checkpoints" / "pretrain")
    workers, log = begin(Layout(workers=2), "run", *flags)
    while folder.newest_path is None:
        assert all(process.poll() is None for process in workers), printed(log, 0)
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    assert wait(workers) == [75, 75], printed(log, 0) + printed(log, 1)
    assert "SIGTERM: finishing the step" in printed(log, 1)
    step = folder.newest().numbers["step"]
    assert f"saved at step {step}" in printed(log, 0)
    alone("run", *flags, f"--max_steps={step + 1}")
    assert f"continuing from step {step}" in capsys.readouterr().out


def test_a_worker_with_other_flags_is_refused(begin, tmp_path):
    workers, log = begin(Layout(workers=2), "run", "--seed={worker}", "--max_steps=1")
    # The other one hears of its end.
    assert wait(workers) == [75, 2], printed(log, 0) + printed(log, 1)
    assert "worker 1 has ended or cannot be reached" in printed(log, 0)
    assert "--seed is 1, there 0" in printed(log, 1)
    assert np.all([not line.startswith("Traceback") for line in printed(log, 0)])
