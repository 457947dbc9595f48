import os
import signal
import subprocess
import sys

import pytest

from byel_tf.launching.guard import Guard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs process groups")


def start(guard, code):
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=guard.watch_this_process,
    )
    assert process.stdout.readline() == b"ready\n"
    return process


SLEEP = "import time; print('ready', flush=True); time.sleep(1000)"


def test_at_the_end_of_its_pipe_it_ends_them():
    guard = Guard()
    process = start(guard, SLEEP)
    guard._process.stdin.close()
    assert process.wait(60) == -signal.SIGTERM
    guard.close()


def test_it_leaves_those_that_it_was_told_to_forget():
    guard = Guard()
    process = start(guard, SLEEP)
    guard.forget(process.pid)
    guard.close()
    assert process.poll() is None
    process.kill()
    process.wait()


def test_what_stays_is_killed_with_its_children(monkeypatch):
    # The program as it is, but for its patience.
    code = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.run([sys.executable, '-c', \"print('ready', flush=True); "
        'input()"], stdin=open(sys.argv[1]))'
    )
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"/dev/fd/{read}"],
        stdout=subprocess.PIPE,
        pass_fds=[read],
        start_new_session=True,
    )
    assert process.stdout.readline() == b"ready\n"
    short = "from byel_tf.launching import guard as g; g.GRACE_SECONDS = .2; g.main()"
    subprocess.run(
        [sys.executable, "-c", short], input=b"+%d\n" % process.pid, check=True
    )
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout.read() == b""  # the child is gone: it held this open
    os.close(read)
    os.close(write)
