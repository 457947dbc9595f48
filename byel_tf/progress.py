"""How far a long job is: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 30


class _Lines:
    """A stream on which each state of the bar is a line of its own."""

    def write(self, text: str) -> None:
        text = text.strip("\r\n")
        if text:
            sys.stderr.write(f"{text}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress(total: int | None, unit: str, what: str, done: int = 0) -> tqdm:
    """A bar with count, rate and time left; `update(n)` moves it.

    In a log there is nothing for a job of less than half a minute.

    Args:
      total: How much there is to do; None if nobody knows.
      unit: What is counted, in the singular.
      what: The job.
      done: How much was done before.
    """
    common = {"total": total, "unit": unit, "desc": what, "initial": done}
    if sys.stderr.isatty():
        return tqdm(**common)
    return tqdm(
        **common,
        file=_Lines(),
        mininterval=_SECONDS_BETWEEN_LINES,
        maxinterval=_SECONDS_BETWEEN_LINES,
        delay=_SECONDS_BETWEEN_LINES,
        bar_format="{desc}: {n_fmt}/{total_fmt} {unit}s, {rate_fmt}, {remaining} left",
    )
