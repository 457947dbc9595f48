import os
import subprocess
import sys

import pytest

from byel_tf.launching.team import Ending, describe


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([(0, 0)], "worker 0 ended with 0"),
        ([(1, 0), (0, 0)], "all 2 workers ended with 0"),
        ([(1, 75), (0, 75)], "all 2 workers ended with 75"),
        ([(0, 0), (1, 7)], "worker 1 ended with 7; worker 0 ended with 0"),
        (
            [(3, 0), (1, -9), (0, 75), (2, 75)],
            "worker 1 was killed by SIGKILL; worker 3 ended with 0; workers 0, 2 ended "
            "with 75",
        ),
        ([(0, -40)], "worker 0 was killed by signal 40"),
    ],
)
def test_one_line_says_how_all_ended(codes, expected):
    assert describe([Ending(*pair) for pair in codes]) == expected


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 3), (-9, 137), (-15, 143)])
def test_exit_code_as_a_shell_has_it(code, expected):
    assert Ending(0, code).exit_code == expected


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_signal_before_the_workers_are_started_reaches_them():
    code = (
        "import os, signal, sys\n"
        "from byel_tf.launching.team import Patience, _Team\n"
        "team = _Team(Patience(1000, 1000))\n"
        "with team.forwarding_signals(), team.guarded() as guard:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    team.start(['/bin/sleep', '1000'], [{}, {}], guard)\n"
        "    pids = [p.pid for p in team._processes.values()]\n"
        "    forgotten, forget = [], guard.forget\n"
        "    guard.forget = lambda pid: (forgotten.append(pid), forget(pid))\n"
        "    print(sorted(e.code for e in team.wait(guard)))\n"
        "    print(sorted(forgotten) == sorted(pids))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100
    )
    assert done.stdout == "[-2, -2]\nTrue\n", done.stderr
