"""Workers as processes: started together, told together, ended together."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from byel_tf.errors import RunError
from byel_tf.launching.guard import Guard
from byel_tf.launching.output import JoinedOutput

#: What the workers are told as this process is.
FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP")

# For the rest of the output, once all have ended.
_OUTPUT_SECONDS = 5.0

_STDOUT, _STDERR = 1, 2


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Attributes:
      worker: Its index.
      code: Its exit code, or less than 0: the signal that killed it, negative.
    """

    worker: int
    code: int

    @property
    def exit_code(self) -> int:
        """The code, as a shell has it: 128 and the signal's number for a killed one."""
        return self.code if self.code >= 0 else 128 - self.code

    def __str__(self) -> str:
        """`ended with 75`, or `was killed by SIGKILL`."""
        if self.code >= 0:
            return f"ended with {self.code}"
        try:
            name = signal.Signals(-self.code).name
        except ValueError:  # a real-time one
            name = f"signal {-self.code}"
        return f"was killed by {name}"


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long failure may take.

    Attributes:
      grace_seconds: From the first failure until the others are told to end.
      kill_seconds: From there until they are killed.
    """

    grace_seconds: float
    kill_seconds: float


def run_team(
    command: Sequence[str],
    environments: Sequence[Mapping[str, str]],
    patience: Patience,
) -> list[Ending]:
    """Runs a command as several workers, until all have ended.

    What they print is copied, each line under `worker INDEX: `. The signals of
    `FORWARDED` are passed on to each, as often as they come, unless they are ignored.
    Once one has failed the others have `patience` to end by themselves. None outlives
    this process, whatever ends it.

    Args:
      command: The program, as a path, and its arguments.
      environments: Of each worker.
      patience: With those that go on after a failure.

    Returns:
      All ends, the first first.

    Raises:
      OSError: If the program cannot be started.
      RunError: If what they print cannot be written any more; they were told to end.
    """
    team = _Team(patience)
    with team.forwarding_signals(), team.guarded() as guard:
        team.start(command, environments, guard)
        return team.wait(guard)


def describe(endings: Sequence[Ending]) -> str:
    """Which worker ended how, in one line that begins with the first failure.

    Args:
      endings: As of `run_team`.
    """
    workers: dict[str, list[int]] = collections.defaultdict(list)
    failures = [ending for ending in endings if ending.code]
    for ending in [*failures[:1], *endings]:
        if ending.worker not in workers[str(ending)]:
            workers[str(ending)].append(ending.worker)
    if len(workers) == 1 and len(endings) > 1:
        (how,) = workers
        return f"all {len(endings)} workers {how}"
    texts = []
    for how, indices in workers.items():
        noun = "worker" if len(indices) == 1 else "workers"
        texts.append(f"{noun} {', '.join(map(str, indices))} {how}")
    return "; ".join(texts)


class _Team:
    """The processes of `run_team`."""

    def __init__(self, patience: Patience):
        self._patience = patience
        self._processes: dict[int, subprocess.Popen] = {}  # those not ended
        self._early_signals: list[int] | None = []  # None once all are started
        self._events: queue.SimpleQueue[Ending | OSError] = queue.SimpleQueue()
        self._output = JoinedOutput(self._events.put)
        # Next step of ending the others, and when.
        self._steps: list[Callable[[], None]] = [self._terminate, self._kill]
        self._deadline: float | None = None

    @contextlib.contextmanager
    def forwarding_signals(self) -> Iterator[None]:
        """Within it they go to the workers instead."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for name in FORWARDED:
                number = getattr(signal, name)
                # What is ignored, as under nohup, stays so, for the workers as well.
                if signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, self._forward)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _forward(self, number: int, frame: object) -> None:
        if self._early_signals is not None:
            self._early_signals.append(number)
            return
        for process in list(self._processes.values()):
            process.send_signal(number)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[Guard]:
        """Within it a guard watches; at its end there is no worker left."""
        guard = Guard()
        try:
            yield guard
        finally:
            self._kill()
            guard.close()

    def start(
        self,
        command: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        guard: Guard,
    ) -> None:
        """Starts all, each in a session of its own, and begins to copy their output."""
        for index, environment in enumerate(environments):
            self._processes[index] = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                # Safe: this process has no other thread yet.
                preexec_fn=guard.watch_this_process,
            )
        for index, process in self._processes.items():
            name = f"worker {index}"
            self._output.copy(process.stdout, name, _STDOUT)
            self._output.copy(process.stderr, name, _STDERR)
            threading.Thread(
                target=self._await, args=(index, process), daemon=True
            ).start()
        early, self._early_signals = self._early_signals, None
        for number in early:
            self._forward(number, None)

    def _await(self, index: int, process: subprocess.Popen) -> None:
        self._events.put(Ending(index, process.wait()))

    def wait(self, guard: Guard) -> list[Ending]:
        """Waits until all have ended, and sees to it once one has failed."""
        endings: list[Ending] = []
        loss = None
        while self._processes:
            event = self._next_event()
            if isinstance(event, OSError):
                loss = event
                self._end_others(after=0)
            elif event is not None:
                endings.append(event)
                process = self._processes.pop(event.worker)
                # What it left running would keep its output open.
                _kill_group(process.pid)
                guard.forget(process.pid)
                if event.code:
                    self._end_others(after=self._patience.grace_seconds)
        self._output.finish(_OUTPUT_SECONDS)
        if loss is not None:
            raise RunError(
                f"the workers' output cannot be written ({loss.strerror}): they were "
                f"told to end; {describe(endings)}"
            )
        return endings

    def _next_event(self) -> Ending | OSError | None:
        """The next event; None if the time for the next step came first."""
        if self._deadline is None:
            return self._events.get()
        try:
            remaining = self._deadline - time.monotonic()
            return self._events.get(timeout=max(0.0, remaining))
        except queue.Empty:
            self._steps.pop(0)()
            self._deadline = None
            if self._steps:
                self._deadline = time.monotonic() + self._patience.kill_seconds
            return None

    def _end_others(self, after: float) -> None:
        """Has the steps of ending begin, if they have not."""
        if len(self._steps) == 2:
            deadline = time.monotonic() + after
            self._deadline = min(self._deadline or deadline, deadline)

    def _terminate(self) -> None:
        for process in self._processes.values():
            process.terminate()

    def _kill(self) -> None:
        for process in self._processes.values():
            _kill_group(process.pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):  # none is left
        os.killpg(pid, signal.SIGKILL)
