"""Times of contenders that take turns, and what is said of them.

A machine that others use as well slows down for a while and recovers. Where all
contenders run once a round, that hits them alike, and the ratio of two of them within
a round hardly moves: so ratios are medians over rounds, never quotients of two runs.
"""

import dataclasses
import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

#: Runs a number of calls; returns the seconds of all of them, on the clock and of
#: processors.
Contender = Callable[[int], tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Times:
    """What contenders took, seconds of one call, (rounds,), by name.

    Attributes:
      seconds: On the clock.
      processor: Of all threads of a contender's process. Where others use the machine
        as well, this is what hardly changes.
    """

    seconds: dict[str, np.ndarray]
    processor: dict[str, np.ndarray]


def timed(function: Callable[[], Any]) -> Contender:
    """A contender that calls a function, whose result is there when it returns."""

    def run(calls: int) -> tuple[float, float]:
        start, processor = time.perf_counter(), time.process_time()
        for _ in range(calls):
            function()
        return time.perf_counter() - start, time.process_time() - processor

    return run


def take_turns(
    contenders: Mapping[str, Contender], rounds: int, calls: int, warmup: int = 2
) -> Times:
    """Times contenders round by round.

    Args:
      contenders: By name.
      rounds: How often each has its turn; every other round goes backwards.
      calls: Calls of one turn.
      warmup: Calls of each before the first round, which are not counted.
    """
    for contender in contenders.values():
        contender(warmup)
    spent: dict[str, list[np.ndarray]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in names:
            spent[name].append(np.array(contenders[name](calls)) / calls)
    both = {name: np.transpose(values) for name, values in spent.items()}
    return Times(
        {name: values[0] for name, values in both.items()},
        {name: values[1] for name, values in both.items()},
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.percentile(np.asarray(values, float), [25, 50, 75])
    return {"median": float(middle), "low": float(low), "high": float(high)}


def shown(values: Mapping[str, float], digits: int = 0) -> str:
    """A spread as text: median (quartiles)."""
    median, low, high = (values[name] for name in ("median", "low", "high"))
    return f"{median:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        )
        + " |"
        for line in lines
    )


def describe_machine() -> dict[str, Any]:
    """Date, processor, load and versions, which belong beside every number."""
    import tensorflow as tf

    load = os.getloadavg() if hasattr(os, "getloadavg") else (float("nan"),)
    return {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "load": load[0],
        "processor": _processor(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
    }


def machine_line(machine: Mapping[str, Any]) -> str:
    """The machine in one line."""
    gpus = f"{machine['gpus']} GPUs" if machine["gpus"] else "no GPU"
    return (
        f"{machine['date']}, {machine['cores']} cores, {gpus} ({machine['processor']}),"
        f" load {machine['load']:.1f} at the start, Python {machine['python']}, "
        f"TensorFlow {machine['tensorflow']}"
    )


def _processor() -> str:
    from byel_tf.distribution.precision import processor_flags

    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:  # not on Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    flags = processor_flags()
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    found = ", ".join(name for name in known if name in flags)
    return " with ".join(filter(None, [(names or [platform.machine()])[0], found]))
