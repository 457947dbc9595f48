"""A child process that takes turns with this one, such as one with another library."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks.timing import Contender
from byel_tf.errors import RunError


class TurnTaker:
    """Contenders in a process of their own, which idles while it is not its turn.

    The program it runs calls `serve`.
    """

    def __init__(self, command: Sequence[str]):
        """Starts the process and waits until it is ready.

        Args:
          command: The Python to run, the module, its arguments.

        Raises:
          RunError: If it cannot be started; with what it said.
        """
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ready = self._read()

    def contenders(self) -> dict[str, Contender]:
        """Its contenders by name."""
        return {name: self._contender(name) for name in self.ready["contenders"]}

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _contender(self, name: str) -> Contender:
        def run(calls: int) -> tuple[float, float]:
            self._process.stdin.write(json.dumps([name, calls]) + "\n")
            self._process.stdin.flush()
            return tuple(self._read()["spent"])

        return run

    def _read(self) -> Mapping:
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "it ended without a word"}
        if "error" in answer:
            raise RunError(f"{self._process.args[2]}: {answer['error']}")
        return answer


def serve(contenders: Mapping[str, Contender], about: Mapping) -> None:
    """Runs contenders as a `TurnTaker` asks, until it closes.

    Args:
      contenders: By name.
      about: What else it is told once, at the beginning.
    """
    _say({"contenders": list(contenders), **about})
    for line in sys.stdin:
        name, calls = json.loads(line)
        _say({"spent": contenders[name](calls)})


def refuse(reason: str) -> None:
    """Tells a `TurnTaker` that there is nothing to run."""
    _say({"error": reason})


def _say(message: Mapping) -> None:
    print(json.dumps(message), flush=True)
