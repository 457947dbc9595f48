"""Being told to end: finish the step, save, exit; told twice, exit at once."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Set

#: The exit code of a training that its command continues: EX_TEMPFAIL of sysexits.h,
#: "try again later".
EXIT_CODE = 75

# Schedulers kill after 30 seconds, by default.
STEP_PATIENCE_SECONDS = 15.0
#: Several workers agree first, which takes two more steps.
CLUSTER_PATIENCE_SECONDS = 25.0
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Interruption:
    """What SIGTERM, SIGINT (Ctrl-C) and SIGHUP do while a stage trains.

    They raise KeyboardInterrupt, as Ctrl-C does, but for within `held`: there they
    wait for its end. A second one ends the process at once.

    A thread hears them as well, since the main one hears nothing while TensorFlow
    computes, or waits for another worker.
    """

    def __init__(self):
        """Changes nothing yet."""
        self.is_requested = False
        self._told = 0  # signals that were acted upon
        self._is_held, self._patience = False, None
        self._deadline: threading.Timer | None = None
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Handles the signals within it; one that is ignored, as under nohup, is left.

        Python allows it in the main thread only: elsewhere it does nothing.
        """
        before = {}
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = 0

        def handle(number: int, frame: object) -> None:
            nonlocal handled
            handled += 1
            self._hear(handled, number)
            if not self._is_held:
                raise KeyboardInterrupt

        for name in _SIGNALS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handle)
        with self._listening(frozenset(before)):
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    @contextlib.contextmanager
    def _listening(self, numbers: Set[int]) -> Iterator[None]:
        """Within it, a thread hears of every signal as it comes."""
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def listen() -> None:
            heard = 0
            with reader:
                while number := reader.recv(1):
                    if number[0] in numbers:
                        heard += 1
                        self._hear(heard, number[0])

        threading.Thread(target=listen, daemon=True).start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            writer.close()

    @contextlib.contextmanager
    def held(self, patience: float | None = None) -> Iterator[None]:
        """Within it an interruption waits; at the end of the outermost it is raised.

        Args:
          patience: Seconds after which the process ends nevertheless, without what
            was to be finished; None for any length.
        """
        before = self._is_held, self._patience
        with self._lock:
            self._is_held, self._patience = True, patience
            if patience is None:
                self._forget_deadline()
        try:
            yield
        finally:
            with self._lock:
                self._is_held, self._patience = before
                if not self._is_held:
                    self._forget_deadline()
        if self.is_requested and not self._is_held:
            raise KeyboardInterrupt

    def _hear(self, count: int, number: int) -> None:
        """Acts upon a signal, once, whichever thread is the first to hear of it."""
        with self._lock:
            if count <= self._told:
                return
            self._told = count
            name = signal.Signals(number).name
            if count > 1:
                _exit_now(f"{name} again: ending at once, without saving")
            self.is_requested = True
            if not self._is_held:
                return
            _say(f"{name}: finishing the step and saving; once more ends at once")
            if self._patience is not None:
                message = f"the step takes longer than {self._patience:.0f} s"
                self._deadline = threading.Timer(
                    self._patience, _exit_now, [f"{message}: ending without"]
                )
                self._deadline.daemon = True
                self._deadline.start()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _exit_now(message: str) -> None:
    _say(message)
    # A signal may come while it is printing, and nobody may be reading.
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(EXIT_CODE)


def _say(message: str) -> None:
    # Not print: a signal may come while it is printing.
    with contextlib.suppress(OSError):
        os.write(2, f"{message}\n".encode())
