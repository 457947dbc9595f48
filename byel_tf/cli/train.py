"""`python -m byel_tf.cli.train`: trains an expression recogniser."""

import sys
from collections.abc import Sequence

import byel_tf
from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.flagging import parse
from byel_tf.program import run_program

#: The exit code of a run that was told to end, and that its command continues:
#: EX_TEMPFAIL of sysexits.h, on which schedulers can requeue.
INTERRUPTED = 75


def main(argv: Sequence[str]) -> None:
    """Parses the flags and trains.

    Args:
      argv: The command line, the program's name first.

    Raises:
      UsageError: For flags that cannot be meant.
      RunError: For data or a training that fails.
    """
    byel_tf.train(TrainingConfig(*parse(argv, *TRAINING_OPTIONS)))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv, INTERRUPTED)


if __name__ == "__main__":
    sys.exit(run())
