"""Trainings as processes: one, one of several logical devices, or several workers."""

import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Sequence

_CHECKOUT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a training is spread.

    Attributes:
      workers: Processes.
      replicas: Logical devices of the only process; 1 of each of several.
    """

    workers: int = 1
    replicas: int = 1

    def __str__(self) -> str:
        """For tables."""
        if self.workers > 1:
            return f"{self.workers} workers"
        return f"{self.replicas} replica{'s' * (self.replicas > 1)}"

    @property
    def total(self) -> int:
        """Replicas of all processes."""
        return self.workers * self.replicas

    @property
    def flags(self) -> list[str]:
        """Flags of `train_main.py`."""
        if self.workers > 1:
            return ["--strategy=multi_worker"]
        if self.replicas > 1:
            return ["--strategy=mirrored", f"--logical_devices={self.replicas}"]
        return ["--strategy=one_device"]


def start(
    layout: Layout, code: str, arguments: Sequence[str], log: pathlib.Path
) -> list[subprocess.Popen]:
    """Starts Python with some code for each worker.

    Args:
      layout: How many there are.
      code: What each of them runs.
      arguments: Its command line, in which {worker} stands for the worker's number;
        `layout.flags` is not part of it.
      log: Where their output goes: to this name with the worker's number added.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    not_theirs = ("TF_CONFIG", "TF_CPP_MIN_LOG_LEVEL")
    environment = {k: v for k, v in os.environ.items() if k not in not_theirs}
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(layout.workers)]
    processes = []
    for index in range(layout.workers):
        if layout.workers > 1:
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(config)
        own = [argument.replace("{worker}", str(index)) for argument in arguments]
        with open(f"{log}.{index}.log", "wb") as output:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", code, *own],
                    cwd=_CHECKOUT,
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
    return processes


def wait(processes: Sequence[subprocess.Popen]) -> list[int]:
    """Their exit codes, in order."""
    return [process.wait() for process in processes]


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
