"""`byel launch` with real processes; its workers are small Python programs."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from byel_tf.cli.commands import run_command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX processes")

# What each of the programs below begins with. Worker 0 and worker 1 wait for each other
# where they `meet`.
BEGIN = """
import json, os, signal, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
def meet():
    open(os.environ["MEETING"], "r" if index else "w").close()
"""


@pytest.fixture(autouse=True)
def _hangup_as_in_a_terminal():
    """The tests themselves may have been started with it ignored, as by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def launch(monkeypatch, tmp_path):
    """A function that starts a launch of a program; what still runs is ended."""
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    os.mkfifo(tmp_path / "meeting")
    monkeypatch.setenv("MEETING", str(tmp_path / "meeting"))
    (tmp_path / "input").write_text("not for the workers")
    started = []

    def start(code, *flags, workers=2):
        command = [sys.executable, "-m", "byel_tf", "launch", f"--workers={workers}"]
        program = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
        with open(tmp_path / "input") as standard_input:
            process = subprocess.Popen(
                [*command, *flags, "--", *program],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        # What a fault would have wait for ever ends with it.
        watchdog = threading.Timer(100, process.kill)
        watchdog.start()
        started.append((process, watchdog))
        return process

    yield start
    for process, watchdog in started:
        watchdog.cancel()
        process.kill()
        process.communicate()


def finish(process):
    """Exit code, lines of standard output, and of standard error but the first."""
    out, err = process.communicate(timeout=100)
    first, *rest = err.decode().splitlines()
    assert re.match(r"python -m byel_tf launch: \d workers? on 127.0.0.1, ports", first)
    return process.returncode, out.decode().splitlines(), rest


def wait_for(process, count):
    """Reads standard output until so many workers are ready."""
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(line.endswith(b"ready\n") for line in lines), lines


def is_closed(pipe):
    """Whether all that held a pipe are gone, or go soon; nobody has written to it."""
    readable, _, _ = select.select([pipe], [], [], 100)
    return bool(readable) and not pipe.read()


def ended(how):
    return [f"python -m byel_tf launch: {how}"]


def test_each_worker_gets_its_place(launch):
    code, out, err = finish(launch("print(os.environ['TF_CONFIG'])", workers=3))
    configs = [json.loads(line.partition(": ")[2]) for line in sorted(out)]
    clusters = [config["cluster"]["worker"] for config in configs]
    assert clusters == [clusters[0]] * 3
    assert len(set(clusters[0])) == 3
    assert all(re.fullmatch(r"127.0.0.1:\d+", address) for address in clusters[0])
    tasks = [config["task"] for config in configs]
    assert tasks == [{"type": "worker", "index": index} for index in range(3)]
    assert (code, err) == (0, ended("all 3 workers ended with 0"))


def test_sessions_input_and_devices(launch):
    program = "print(os.getsid(0) == os.getpid(), sys.stdin.read() == '')"
    program += "; print(os.environ.get('CUDA_VISIBLE_DEVICES'))"
    _, out, _ = finish(launch(program))
    assert sorted(out) == [
        *("worker 0: None", "worker 0: True True"),
        *("worker 1: None", "worker 1: True True"),
    ]


def test_gpus_are_shared_out(launch, tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho GPU 0: A\necho GPU 1: B\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    process = launch("print(os.environ['CUDA_VISIBLE_DEVICES'])")
    out, err = process.communicate()
    assert sorted(out.splitlines()) == [b"worker 0: 0", b"worker 1: 1"]
    assert err.splitlines()[0].endswith(b"; GPUs 0 | 1")


def test_output_keeps_its_streams_and_lines(launch):
    program = r"""
    out, err = sys.stdout.buffer, sys.stderr.buffer
    for number in range(300):
        for stream in (out, err):
            stream.write(b"%d " % number)
            stream.flush()
            stream.write(b"\xff" * number + b"\n")
            stream.flush()
    out.write(b"10 %\r20 %\r" * 50 + b"100 %\n" + b"z" * 200_000)
    """
    process = launch(program)
    out, err = process.communicate()
    for stream in (out, err):
        lines = stream.splitlines()
        for worker in (b"worker 0: ", b"worker 1: "):
            own = [x.removeprefix(worker) for x in lines if x.startswith(worker)]
            expected = [b"%d " % n + b"\xff" * n for n in range(300)]
            assert own[:300] == expected
            if stream is out:
                assert own[300:302] == [b"10 %", b"100 %"]
                assert b"".join(own[302:]) == b"z" * 200_000
                assert max(map(len, own)) == 65536
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("sys.exit(7)", 7, "worker 1 ended with 7"),
        ("os.kill(os.getpid(), 9)", 137, "worker 1 was killed by SIGKILL"),
        ("raise RuntimeError", 1, "worker 1 ended with 1"),
    ],
)
def test_the_first_failure_is_the_exit_code(launch, how, code, line):
    program = f"""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
    meet()
    if index:
        {how}
    signal.pause()
    """
    found, _, err = finish(launch(program, "--grace_seconds=0"))
    assert found == code
    assert err[-1:] == ended(f"{line}; worker 0 ended with 75")


def test_the_others_have_time_to_end_by_themselves(launch, tmp_path):
    os.mkfifo(tmp_path / "cluster")
    program = f"""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
    if index:
        with open({str(tmp_path / "cluster")!r}, "w") as cluster:
            cluster.write(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    other = int(open({str(tmp_path / "cluster")!r}).read())
    try:
        while True:
            os.kill(other, 0)
            time.sleep(0.01)
    except ProcessLookupError:  # launch has seen its end
        print("alone")
    sys.exit(75)
    """
    code, out, err = finish(launch(program))
    assert (code, out) == (137, ["worker 0: alone"])
    assert err == ended("worker 1 was killed by SIGKILL; worker 0 ended with 75")


def test_who_does_not_end_is_killed(launch):
    program = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    meet()
    if index:
        sys.exit(3)
    signal.pause()
    """
    process = launch(program, "--grace_seconds=0", "--kill_seconds=0.3")
    code, _, err = finish(process)
    assert code == 3
    assert err == ended("worker 1 ended with 3; worker 0 was killed by SIGKILL")


def test_one_that_is_done_ends_nobody(launch, tmp_path):
    os.mkfifo(tmp_path / "done")
    program = f"""
    if index:
        held = open({str(tmp_path / "done")!r}, "w")
        sys.exit(0)
    open({str(tmp_path / "done")!r}).read()
    """
    code, _, err = finish(launch(program, "--grace_seconds=0", "--kill_seconds=0"))
    assert (code, err) == (0, ended("all 2 workers ended with 0"))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_signals_reach_each_worker_as_often_as_they_come(launch, name):
    program = """
    came = []
    def handle(number, frame):
        came.append(signal.Signals(number).name)
        print(*came, "ready", flush=True)
        if len(came) == 2:
            os._exit(75)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handle)
    print("ready")
    while True:
        signal.pause()
    """
    process = launch(program)
    wait_for(process, 2)
    process.send_signal(getattr(signal, name))
    wait_for(process, 2)
    process.send_signal(getattr(signal, name))
    code, out, err = finish(process)
    assert sorted(out) == [f"worker {i}: {name} {name} ready" for i in (0, 1)]
    assert (code, err) == (75, ended("all 2 workers ended with 75"))


def test_what_is_ignored_stays_so(launch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        program = "print(signal.getsignal(signal.SIGHUP).name, 'ready'); signal.pause()"
        process = launch(program, workers=1)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout.readline() == b"worker 0: SIG_IGN ready\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert (code, err) == (143, ended("worker 0 was killed by SIGTERM"))


def test_killed_it_leaves_nobody(launch, tmp_path):
    os.mkfifo(tmp_path / "alive")
    program = f"""
    held = open({str(tmp_path / "alive")!r}, "w")
    print("ready")
    if index == 0 and os.fork() == 0:  # a process of a worker, which holds it as well
        signal.pause()
    signal.pause()
    """
    process = launch(program)
    with open(tmp_path / "alive") as alive:
        wait_for(process, 2)
        process.kill()
        assert is_closed(alive)


def test_what_a_worker_leaves_behind_is_ended(launch, tmp_path):
    os.mkfifo(tmp_path / "alive")
    program = f"""
    held = open({str(tmp_path / "alive")!r}, "w")
    if os.fork() == 0:
        time.sleep(1000)
    print("ready")
    """
    process = launch(program)
    with open(tmp_path / "alive") as alive:
        wait_for(process, 2)
        assert is_closed(alive)
    assert finish(process)[0] == 0


def test_without_a_reader_they_are_told_to_end(launch):
    program = """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(75))
    while True:
        print("line", flush=True)
    """
    process = launch(program)
    seen = set()
    while len(seen) < 2:
        seen.add(process.stdout.readline())
    process.stdout.close()
    assert process.wait(100) == 1
    assert process.stderr.read().decode().splitlines()[-1:] == ended(
        "the workers' output cannot be written (Broken pipe): they were told to end; "
        "all 2 workers ended with 75"
    )


def test_a_command_of_byel_is_run_by_this_python(capfd):
    with pytest.raises(SystemExit) as caught:
        run_command(["byel", "launch", "--workers=2", "--", "train", "--no.such"])
    assert caught.value.code == 2
    out, err = capfd.readouterr()
    lines = err.splitlines()
    said = "python -m byel_tf train: unknown flag --no.such: --help lists the flags"
    assert sorted(lines[1:3]) == [f"worker 0: {said}", f"worker 1: {said}"]
    assert lines[3:] == ["byel launch: all 2 workers ended with 2"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--workers=0", "--", "true"],
            "--workers=0: expected an integer from 1 to 256",
        ),
        (["--", "true"], "--workers is missing: How many processes"),
        (["--workers=two", "--", "true"], "--workers=two: expected an integer"),
        (["--workers=2"], "no command: it comes after --, as in launch --workers=2 --"),
        (["--workers=2", "--"], "no command: it comes after --"),
        (
            ["--workers=2", "train", "--flagfile=x"],
            "unexpected argument 'train': the command comes after --",
        ),
        (
            ["--workers", "2", "python", "x.py"],
            "unexpected argument 'python': the command comes after --",
        ),
        (
            ["--workers=2", "--", "no-such-program"],
            "no-such-program is no program that can be run: expected a command of byel",
        ),
        (
            ["--workers=2", "--", "trian"],
            "trian is no program that can be run: did you mean train? expected",
        ),
        (["--workers=2", "--", "/"], "/ is no program that can be run: it is a folder"),
        (
            ["--workers=2", "--", "train_main.py"],
            "train_main.py is no program that can be run: run it by its interpreter, "
            "as in python train_main.py",
        ),
        (["--workers=2", "--", "launch"], "launch starts no launch"),
        (["--workers=2", "--port=65535", "--", "true"], "--port=65535 with 2 workers"),
        (["--workers=2", "--port=-1", "--", "true"], "--port=-1: expected an integer"),
        (["--workers=2", "--grace_seconds=nan", "--", "true"], "--grace_seconds=nan"),
    ],
)
def test_wrong_usage(arguments, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train_main.py").write_text("")
    assert run_command(["byel", "launch", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"byel launch: {expected}"), shown.err
    assert shown.err.count("\n") == 1 and not shown.out


def test_a_worker_launches_nothing(capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {}}')
    assert run_command(["byel", "launch", "--workers=2", "--", "true"]) == 2
    assert capsys.readouterr().err.startswith("byel launch: TF_CONFIG is set: this pro")


def test_a_busy_port(capsys):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = f"--port={busy.getsockname()[1]}"
        assert run_command(["byel", "launch", "--workers=1", port, "--", "true"]) == 1
    assert "cannot be had (address already in use)" in capsys.readouterr().err


def test_a_program_that_the_system_cannot_run(capsys, tmp_path):
    (tmp_path / "program").write_text("no script's first line\n")
    (tmp_path / "program").chmod(0o755)
    command = ["byel", "launch", "--workers=2", "--", str(tmp_path / "program")]
    assert run_command(command) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"byel launch: {tmp_path / 'program'}: Exec format error"
