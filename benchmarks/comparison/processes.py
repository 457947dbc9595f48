"""Trainings as processes of their own, one after the other."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

from benchmarks.comparison.folder import ComparisonFolder, FinishedRun
from benchmarks.comparison.variants import Run
from byel_tf.errors import RunError

_SHOWN_LINES = 12
_SECONDS_TO_STOP = 60


def perform(
    run: Run, folder: ComparisonFolder, trainer: Sequence[str], lock: int
) -> FinishedRun:
    """Trains, or continues an interrupted training, and gathers its results.

    Args:
      run: The run.
      folder: The comparison's folder.
      trainer: Command that takes the run's flags.
      lock: Descriptor that the process inherits.

    Raises:
      RunError: If the process fails; its last lines are in the message.
      KeyboardInterrupt: When interrupted; the process has then ended.
    """
    log = folder.log(run.name)
    is_continued = folder.model_dir(run.name).exists()
    begun = time.monotonic()
    with open(log, "ab") as file:
        offset = file.tell()
        process = subprocess.Popen(
            [*trainer, *run.arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            pass_fds=(lock,),
            # Apart from the terminal's, so that Ctrl-C reaches it once, from here.
            start_new_session=True,
        )
        try:
            code = None
            while code is None:
                # In rounds: a signal that comes right before a wait is seen after it.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(timeout=1)
        except BaseException:
            _stop(process)
            raise
    if code:
        how = f"exit code {code}"
        if code < 0:
            how = f"killed by {signal.Signals(-code).name}"
        said = [f"  | {line}" for line in _last_lines(log, offset)]
        raise RunError("\n".join([f"{how}; the end of {log}:", *said]))
    return folder.collect(run, time.monotonic() - begun, is_continued)


def _stop(process: subprocess.Popen) -> None:
    """Ends a process and its workers as Ctrl-C does; by force at a second one."""
    try:
        _send(process, signal.SIGINT)
        process.wait(_SECONDS_TO_STOP)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _send(process, signal.SIGKILL)
        process.wait()


def _send(process: subprocess.Popen, number: signal.Signals) -> None:
    # It may have ended by itself; then macOS denies what Linux does not find.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _last_lines(path: pathlib.Path, offset: int) -> list[str]:
    with open(path, "rb") as file:
        file.seek(offset)
        text = file.read().decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()][-_SHOWN_LINES:]


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Within it, being told to end, or losing the terminal, is as Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def ignore(number: int, frame: object) -> None:
        pass

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What is ignored, as under nohup, stays so.
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, interrupt)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a script. Ignored here all the same, but a process would
        # inherit that from SIG_IGN, and could not be interrupted.
        before[signal.SIGINT] = signal.signal(signal.SIGINT, ignore)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
