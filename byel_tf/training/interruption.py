"""Being told to end: finish the step, save, exit; told twice, exit at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

#: The exit code of a training that its command continues: EX_TEMPFAIL of sysexits.h,
#: "try again later".
EXIT_CODE = 75

# Schedulers kill after 30 seconds, by default.
STEP_PATIENCE_SECONDS = 15.0
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Interruption:
    """What SIGTERM, SIGINT (Ctrl-C) and SIGHUP do while a stage trains.

    They raise KeyboardInterrupt, as Ctrl-C does, but for within `held`: there they
    wait for its end. A second one ends the process at once.
    """

    def __init__(self):
        """Changes nothing yet."""
        self._is_requested = False
        self._is_held = False
        self._deadline: threading.Timer | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Handles the signals within it; one that is ignored, as under nohup, is left.

        Python allows it in the main thread only: elsewhere it does nothing.
        """
        before = {}
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number and signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self, patience: float | None = None) -> Iterator[None]:
        """Within it an interruption waits; at its end it is raised.

        Args:
          patience: Seconds after which the process ends nevertheless, without what
            was to be finished; None for any length.
        """
        self._is_held, self._patience = True, patience
        try:
            yield
        finally:
            self._is_held = False
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        if self._is_requested:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: object) -> None:
        del frame
        name = signal.Signals(number).name
        if self._is_requested:
            _exit_now(f"{name} again: ending at once, without saving")
        self._is_requested = True
        if not self._is_held:
            raise KeyboardInterrupt
        _say(f"{name}: finishing the step and saving; once more ends at once")
        if self._patience is not None:
            self._deadline = threading.Timer(
                self._patience,
                _exit_now,
                [f"the step takes longer than {self._patience:.0f} s: ending without"],
            )
            self._deadline.daemon = True
            self._deadline.start()


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
