"""A process of its own that ends the workers of a launcher that was killed.

It reads a pipe whose other end the launcher alone holds: whatever ends the launcher,
the system closes it. Nothing here is particular to Linux. This file is run as a
program, by its path and without this package.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

#: What workers whose launcher is gone have to save and end, before SIGKILL.
GRACE_SECONDS = 10.0

_POLL_SECONDS = 0.05


class Guard:
    """The launcher's end of the pipe."""

    def __init__(self):
        """Starts the process, in a session of its own."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._pipe = self._process.stdin.fileno()

    def watch_this_process(self) -> None:
        """Has the calling process, that leads a group, ended with the launcher.

        Called in a worker after the fork and before its program runs: till then the
        worker too holds the pipe open, so that there is no moment in which it could be
        forgotten.
        """
        os.write(self._pipe, b"+%d\n" % os.getpid())

    def forget(self, pid: int) -> None:
        """The process has ended, and others may get its number."""
        with contextlib.suppress(OSError):  # somebody has killed the guard
            os.write(self._pipe, b"-%d\n" % pid)

    def close(self) -> None:
        """Ends it, and with it the workers that it was not told to forget."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Waits for the launcher's end, and ends what it leaves."""
    groups = set()
    for line in sys.stdin.buffer:
        (groups.add if line.startswith(b"+") else groups.discard)(int(line[1:]))
    groups = set(_signalled(groups, signal.SIGTERM))
    deadline = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        groups = set(_signalled(groups, 0))
    list(_signalled(groups, signal.SIGKILL))


def _signalled(groups: set[int], number: int) -> Iterator[int]:
    """Sends a signal to process groups, and gives those that there still are."""
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
            yield group


if __name__ == "__main__":
    main()
