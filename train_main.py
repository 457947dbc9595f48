"""Trains an expression recogniser: `python train_main.py --flagfile=FILE`."""

import sys

from byel_tf.cli.train import INTERRUPTED, main, run

__all__ = ["INTERRUPTED", "main", "run"]

if __name__ == "__main__":
    sys.exit(run())
