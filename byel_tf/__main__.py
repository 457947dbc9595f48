"""`python -m byel_tf COMMAND`: the same as `byel COMMAND`."""

import sys

from byel_tf.cli.commands import run

if __name__ == "__main__":
    sys.exit(run())
