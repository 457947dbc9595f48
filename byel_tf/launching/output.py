"""What several workers print, joined line by line under their names."""

import io
import os
import select
import threading
import time
from collections.abc import Callable

from byel_tf.launching.lines import LineSplitter

_READ_BYTES = 65536


class JoinedOutput:
    """Copies streams of workers to this process's, whole lines at a time."""

    def __init__(self, on_loss: Callable[[OSError], None]):
        """Copies nothing yet.

        Args:
          on_loss: Called, once and by any thread, if a line cannot be written. What
            the workers print is thrown away from then on: they must not wait for a
            reader that is gone.
        """
        self._on_loss = on_loss
        self._is_lost = False
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def copy(self, source: io.RawIOBase, name: str, target: int) -> None:
        """Begins to copy a stream; its lines come after `NAME: `.

        Args:
          source: Stream to read, until its end, and to close.
          name: The worker's.
          target: File descriptor to write.
        """
        thread = threading.Thread(
            target=self._copy, args=(source, f"{name}: ".encode(), target), daemon=True
        )
        thread.start()
        self._threads.append(thread)

    def finish(self, patience: float) -> None:
        """Waits for the ends of all streams, so many seconds at most.

        A process that left its worker's session may keep one open.
        """
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _copy(self, source: io.RawIOBase, prefix: bytes, target: int) -> None:
        splitter = LineSplitter()
        with source:
            while data := source.read(_READ_BYTES):
                for line in splitter.feed(data):
                    self._write(target, prefix + line + b"\n")
        for line in splitter.finish():
            self._write(target, prefix + line + b"\n")

    def _write(self, target: int, line: bytes) -> None:
        # One lock for both streams: they may end in one file.
        with self._lock:
            if self._is_lost:
                return
            try:
                _write_all(target, line)
            except OSError as error:
                self._is_lost = True
                self._on_loss(error)


def _write_all(target: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(target, data) :]
        except BlockingIOError:  # a terminal that others have set so
            select.select([], [target], [])
