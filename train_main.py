"""Trains an expression recogniser: `python train_main.py --flagfile=FILE`."""

import os
import sys
from collections.abc import Sequence

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
    config = TrainingConfig(*parse(argv, *TRAINING_OPTIONS))
    if config.run.xla == "autocluster":
        # TensorFlow clusters nothing on CPUs unless told so before its import.
        flags = os.environ.get("TF_XLA_FLAGS", "")
        os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_cpu_global_jit".strip()
    # Imported here, so that a wrong flag is answered before TensorFlow is loaded.
    from byel_tf.training.run import train

    train(config)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv, INTERRUPTED)


if __name__ == "__main__":
    sys.exit(run())
