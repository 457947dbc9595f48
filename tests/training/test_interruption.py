"""Real signals in real processes: those that a scheduler sends, and a second one."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

import train_main
from byel_tf.training import interruption as module
from byel_tf.training.interruption import EXIT_CODE, Interruption

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _not_ignored():
    """Signals as in a terminal, also where the tests run in the background."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_outside_of_a_step_it_is_raised_at_once(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with Interruption().watching():
            signal.raise_signal(number)
            pytest.fail("not reached")
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_within_a_step_it_waits_for_its_end(number, capfd):
    interruption, done = Interruption(), []
    with interruption.watching(), pytest.raises(KeyboardInterrupt):
        with interruption.held(99):
            signal.raise_signal(number)
            done.append("step")
        pytest.fail("not reached")
    assert done == ["step"]
    assert interruption._deadline is None
    name = signal.Signals(number).name
    assert capfd.readouterr().err == (
        f"{name}: finishing the step and saving; once more ends at once\n"
    )


def test_what_is_held_after_it_is_finished_too():
    """A save on the way out ends, and what would follow it does not begin."""
    interruption, done = Interruption(), []
    with interruption.watching(), pytest.raises(KeyboardInterrupt):
        try:
            with interruption.held():
                signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            with interruption.held():
                done.append("saved")
            pytest.fail("not reached")
    assert done == ["saved"]


def test_an_error_within_a_step_is_not_hidden_by_it():
    interruption = Interruption()
    with interruption.watching(), pytest.raises(ZeroDivisionError):  # noqa: SIM117
        with interruption.held():
            signal.raise_signal(signal.SIGTERM)
            raise ZeroDivisionError


def test_untold_it_changes_nothing():
    interruption = Interruption()
    with interruption.watching():
        for patience in (None, 99):
            with interruption.held(patience):
                pass


def test_what_is_ignored_stays_ignored():
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption().watching():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_it_does_nothing():
    caught = []

    def watch():
        try:
            with Interruption().watching():
                pass
        except ValueError as error:
            caught.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert not caught


def test_the_program_and_the_library_have_one_exit_code():
    assert train_main.INTERRUPTED == EXIT_CODE == 75


def process(body):
    """A process that has begun a step and then goes on with `body`."""
    code = (
        "import os, select, signal, sys\n"
        "from byel_tf.program import run_program\n"
        "from byel_tf.training.interruption import Interruption\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_DFL)\n"
        "def main(argv):\n"
        "    interruption = Interruption()\n"
        "    with interruption.watching():\n"
        f"        {body}\n"
        "    print('not reached', flush=True)\n"
        "sys.exit(run_program(main, ['program'], 75))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


HELD = (
    "with interruption.held({patience}):"
    " print('in a step', flush=True); select.select([], [], [], 30)"
)


@pytest.mark.parametrize("first", SIGNALS)
def test_a_second_signal_ends_at_once(first):
    child = process(HELD.format(patience=None))
    assert child.stdout.readline() == "in a step\n"
    child.send_signal(first)
    assert "finishing the step" in child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    out, error = child.communicate()
    assert (child.returncode, out) == (75, "")
    assert error == "SIGTERM again: ending at once, without saving\n"


def test_a_step_that_does_not_end_is_left():
    child = process(HELD.format(patience=0.01))
    assert child.stdout.readline() == "in a step\n"
    child.send_signal(signal.SIGTERM)
    out, error = child.communicate()
    assert (child.returncode, out) == (75, "")
    assert error.splitlines()[1].startswith("the step takes longer than 0 s")


def test_told_to_end_the_exit_code_says_to_try_again():
    child = process("print('waiting', flush=True); signal.pause()")
    assert child.stdout.readline() == "waiting\n"
    child.send_signal(signal.SIGTERM)
    out, error = child.communicate()
    assert (child.returncode, out, error) == (75, "", "program: interrupted\n")


def test_it_ends_where_nobody_reads_what_it_says(monkeypatch):
    class Broken:
        def flush(self):
            raise RuntimeError("reentrant call")

    ended = []
    monkeypatch.setattr(module.os, "_exit", ended.append)
    monkeypatch.setattr(module.sys, "stdout", Broken())
    module._exit_now("ending")
    assert ended == [75]
    assert os is module.os
