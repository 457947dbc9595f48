"""Time of a command, and memory of it and of what it starts, as Linux counts it."""

import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Sequence

from byel_tf.errors import RunError

_SECONDS_BETWEEN_LOOKS = 0.05


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Runs a command; returns its seconds and its peak memory in MB.

    Raises:
      RunError: If it fails; with what it said.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    memory = PeakMemory(process.pid)
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RunError(output)
    return seconds, memory.peak()


class PeakMemory:
    """The most memory that a process and its children held at one time."""

    def __init__(self, pid: int):
        """Begins to watch.

        Args:
          pid: The process.
        """
        self._pid = pid
        self._peak = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> float:
        """Sum of the resident sizes, MB, once the process has ended."""
        self._thread.join()
        return self._peak / 2**20

    def _watch(self) -> None:
        while (held := _resident(self._pid)) > 0:
            self._peak = max(self._peak, held)
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _resident(root: int) -> int:
    """Bytes of a process and of what it started; memory they share counts twice."""
    parents, sizes = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:  # it has ended
                continue
            after_name = fields.rpartition(")")[2].split()
            parents[int(entry)] = int(after_name[1])
            sizes[int(entry)] = int(after_name[21]) * os.sysconf("SC_PAGE_SIZE")
    family = {root}
    while found := {p for p, parent in parents.items() if parent in family} - family:
        family |= found
    return sum(sizes.get(process, 0) for process in family)
