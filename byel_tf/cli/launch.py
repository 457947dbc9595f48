"""`python -m byel_tf.cli.launch`: a command as several workers on this machine."""

import dataclasses
import difflib
import os
import pathlib
import shutil
import sys
from collections.abc import Sequence

from byel_tf.cli.commands import COMMANDS
from byel_tf.cli.train import INTERRUPTED
from byel_tf.errors import UsageError
from byel_tf.flagging import option, parse, program_name
from byel_tf.launching.cluster import HOST, reserved_ports, tf_config
from byel_tf.launching.gpus import VARIABLE, share_gpus
from byel_tf.launching.team import Patience, describe, run_team
from byel_tf.program import run_program

_EXAMPLE = "launch --workers=2 -- train --flagfile=FILE"


@dataclasses.dataclass(frozen=True)
class LaunchOptions:
    """Run COMMAND as several workers of one machine, as: launch --workers=2 -- COMMAND.

    COMMAND is one of byel, such as train, or any program.
    """

    workers: int = option(
        dataclasses.MISSING,
        "How many processes; the first is the chief.",
        lower=1,
        upper=256,
    )
    port: int = option(
        0,
        f"First of as many ports of {HOST} as there are workers; 0: free ones.",
        lower=0,
        upper=65535,
    )
    grace_seconds: float = option(
        70.0,
        "What the other workers have to end by themselves once one has failed; then "
        "they get SIGTERM.",
        lower=0,
    )
    kill_seconds: float = option(
        30.0, "What they have from there; then they get SIGKILL.", lower=0
    )


def main(argv: Sequence[str]) -> None:
    """Parses the command line, and runs what comes after `--`.

    Raises:
      UsageError: For flags or a command that cannot be meant, or GPUs that cannot be
        shared out.
      RunError: If a port is in use, or the output cannot be written any more.
      SystemExit: With the code of the first worker that failed, if any.
    """

    def say(message: str) -> None:
        print(f"{program_name(argv[0])}: {message}", file=sys.stderr, flush=True)

    own, command = _split(argv)
    (options,) = parse(own, LaunchOptions)
    command = _program(command)
    _require_a_place_to_launch()
    shares = share_gpus(options.workers)
    patience = Patience(options.grace_seconds, options.kill_seconds)
    with reserved_ports(options.workers, options.port) as ports:
        say(_beginning(ports, shares))
        environments = [
            # A pipe's lines would come late, and those before a kill never.
            {"PYTHONUNBUFFERED": "1", **os.environ, **share}
            | {"TF_CONFIG": tf_config(ports, index)}
            for index, share in enumerate(shares)
        ]
        endings = run_team(command, environments, patience)
    say(describe(endings))
    code = next((ending.exit_code for ending in endings if ending.code), 0)
    if code:
        raise SystemExit(code)


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags, the program's name first, and what comes after `--`.

    Raises:
      UsageError: If a command comes without it.
    """
    if "--" in argv:
        index = argv.index("--")
        return list(argv[:index]), list(argv[index + 1 :])
    for before, argument in zip(argv, argv[1:], strict=False):
        is_value = before.startswith("-") and "=" not in before
        if not argument.startswith("-") and not is_value:
            raise UsageError(
                f"unexpected argument '{argument}': the command comes after --, as in "
                f"{_EXAMPLE}"
            )
    return list(argv), []


def _program(command: list[str]) -> list[str]:
    """The command with its program as a path; one of `byel` is run by this Python.

    Raises:
      UsageError: If there is none.
    """
    if not command:
        raise UsageError(f"no command: it comes after --, as in {_EXAMPLE}")
    name, *arguments = command
    if name == "launch":
        raise UsageError(
            "launch starts no launch: give its --workers the number of all"
        )
    if name in COMMANDS:
        return [sys.executable, "-m", "byel_tf", *command]
    path = shutil.which(name)
    if path is not None:
        return [path, *arguments]
    if pathlib.Path(name).is_dir():
        reason = "it is a folder"
    elif pathlib.Path(name).exists():
        reason = f"run it by its interpreter, as in python {name}"
    else:
        similar = difflib.get_close_matches(name.casefold(), COMMANDS, 1, 0.6)
        reason = f"did you mean {similar[0]}? " if similar else ""
        reason += "expected a command of byel, or a program that is found on PATH"
    raise UsageError(f"{name} is no program that can be run: {reason}")


def _require_a_place_to_launch() -> None:
    """Refuses where workers cannot be started.

    Raises:
      UsageError: Within a cluster already, or on Windows.
    """
    if os.environ.get("TF_CONFIG"):
        raise UsageError(
            "TF_CONFIG is set: this process is a worker already. Unset it to launch "
            "workers of this machine alone, or run the command without launch"
        )
    if os.name != "posix":
        raise UsageError(
            "launch needs Linux or macOS; on Windows start each worker by hand, with "
            "a TF_CONFIG of its own"
        )


def _beginning(ports: Sequence[int], shares: Sequence[dict[str, str]]) -> str:
    noun = "1 worker" if len(ports) == 1 else f"{len(ports)} workers"
    text = f"{noun} on {HOST}, ports {', '.join(map(str, ports))}"
    if shares[0]:
        parts = [share[VARIABLE] for share in shares]
        text += f"; GPUs {' | '.join(parts)}"
    elif os.environ.get(VARIABLE):
        text += f"; {VARIABLE}={os.environ[VARIABLE]} for each, as it was set"
    return text


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv, INTERRUPTED)


if __name__ == "__main__":
    sys.exit(run())
