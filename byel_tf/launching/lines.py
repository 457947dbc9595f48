"""A stream of bytes, cut into the lines that a log is to have."""

import time
from collections.abc import Callable, Iterator

#: A longer line is cut into lines of at most so many bytes.
MAX_LINE_BYTES = 65536

#: Between two states of a bar that are shown.
BAR_SECONDS = 10.0

# Of a character in UTF-8 no more bytes than these follow the first.
_MAX_FOLLOWING = 3


class LineSplitter:
    r"""Cuts bytes into lines, as they come.

    `\n` and `\r\n` end a line. A lone `\r` ends a state of a progress bar, which the
    next one overwrites: the last is a line, and of those before one now and then.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        """Begins with nothing.

        Args:
          clock: Seconds since any moment.
        """
        self._clock = clock
        self._held = bytearray()  # no line's end in it, but for a \r at its end
        self._next_state = clock()

    def feed(self, data: bytes) -> Iterator[bytes]:
        r"""Takes bytes and gives the lines that are whole, without their ends."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            yield from self._extend(part)
            yield self._take()
        yield from self._extend(rest)

    def finish(self) -> Iterator[bytes]:
        """What is left at the stream's end, if anything."""
        if self._held:
            yield self._take()

    def _extend(self, part: bytes) -> Iterator[bytes]:
        r"""Takes bytes without `\n`; gives what is shown before their line ends."""
        while part:
            # Only what follows tells a bar's \r from that of a \r\n.
            if self._held.endswith(b"\r"):
                yield from self._end_state()
            state, carriage_return, part = part.partition(b"\r")
            self._held += state + carriage_return
            yield from self._cut()

    def _end_state(self) -> Iterator[bytes]:
        state = self._take()
        now = self._clock()
        if state and now >= self._next_state:
            self._next_state = now + BAR_SECONDS
            yield state

    def _cut(self) -> Iterator[bytes]:
        while len(self._held) > MAX_LINE_BYTES:
            end = MAX_LINE_BYTES
            # Not within a character.
            for back in range(_MAX_FOLLOWING + 1):
                if self._held[end - back] & 0xC0 != 0x80:
                    end -= back
                    break
            yield bytes(self._held[:end])
            del self._held[:end]

    def _take(self) -> bytes:
        line = bytes(self._held).removesuffix(b"\r")
        self._held.clear()
        return line
