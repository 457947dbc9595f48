"""`byel COMMAND`, the same as `python -m byel_tf COMMAND`: all programs by one name."""

import contextlib
import difflib
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence

from byel_tf import __version__
from byel_tf.cli.train import INTERRUPTED
from byel_tf.errors import UsageError
from byel_tf.flagging import show
from byel_tf.program import run_program

#: The commands, of which each is a module beside this one, and what they do. A dash
#: stands for the module's underscore.
COMMANDS = {
    "synthesize": "draws labelled faces",
    "prepare": "turns images and their labels into a data set",
    "inspect": "says what is in a data set, and checks it",
    "train": "trains a model, and evaluates and exports it",
    "launch": "runs a command as several workers on this machine",
    "evaluate": "scores a model, or several, on data sets",
    "predict": "applies a model to images and videos",
    "adapt": "makes a model anew for unlabelled photographs",
    "export": "writes a model as ONNX or LiteRT",
    "train-detector": "trains the detector that finds faces in photographs",
}

# Told to end, the same command continues them.
_CONTINUED = ("train", "launch")

_HELP = ("help", "--help", "-help", "-h", "--helpfull", "--helpshort")

# Its distributions: one of them is installed.
_TENSORFLOW = (
    *("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    *("tf-nightly", "tf-nightly-cpu"),
)


def run() -> int:
    """Runs the command that the command line names; returns its exit code."""
    is_module = os.path.basename(sys.argv[0]) == "__main__.py"
    program = "python -m byel_tf" if is_module else "byel"
    return run_command([program, *sys.argv[1:]])


def run_command(argv: Sequence[str]) -> int:
    """Runs a command.

    Args:
      argv: The program's name, the command's, and its arguments.

    Returns:
      The exit code.
    """
    program, *arguments = argv
    if arguments[:1] == ["help"] and len(arguments) > 1:
        arguments = [arguments[1], "--help"]
    if not arguments or arguments[0] not in COMMANDS:
        return run_program(_answer, [program, *arguments])
    name, *rest = arguments

    def main(argv: Sequence[str]) -> None:
        # Only this one: together they take long to import.
        module = name.replace("-", "_")
        importlib.import_module(f"byel_tf.cli.{module}").main(argv)

    argv = [f"{program} {name}", *rest]
    return run_program(main, argv, *([INTERRUPTED] if name in _CONTINUED else []))


def _answer(argv: Sequence[str]) -> None:
    """Answers a command line without a command.

    Raises:
      UsageError: If it names one that there is not.
    """
    program, *arguments = argv
    first = arguments[0] if arguments else "--help"
    if first in _HELP:
        show(help_text(program))
    elif first == "--version":
        show(version_text())
    elif first.startswith("-"):
        raise UsageError(
            f"unknown option {first}: a command comes first, as in {program} train "
            f"--flagfile=FILE; {program} --help lists them"
        )
    else:
        similar = difflib.get_close_matches(first.casefold(), COMMANDS, 1, 0.5)
        advice = f"did you mean {similar[0]}? " if similar else ""
        raise UsageError(
            f"unknown command {first}: {advice}{program} --help lists the commands"
        )


def help_text(program: str) -> str:
    """The commands, one a line."""
    lines = [
        f"usage: {program} COMMAND [--flagfile=FILE] --name=value ...",
        "",
        *(f"  {name:<16}{what}" for name, what in COMMANDS.items()),
        "",
        f"{program} COMMAND --help lists a command's flags; {program} --version says "
        "what is installed.",
    ]
    return "\n".join(lines)


def version_text() -> str:
    """The versions that a report of a fault should name."""
    tensorflow = "no TensorFlow"
    for name in _TENSORFLOW:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            tensorflow = f"TensorFlow {importlib.metadata.version(name)}"
            break
    python = platform.python_version()
    return f"byel_tf {__version__}, Python {python}, {tensorflow}"


if __name__ == "__main__":
    sys.exit(run())
