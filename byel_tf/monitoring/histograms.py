"""How the weights are distributed."""

from collections.abc import Sequence

import tensorflow as tf


def write_histograms(stage: str, variables: Sequence[tf.Variable]) -> None:
    """Writes a histogram of every variable to the default writer.

    Args:
      stage: "pretrain" or "finetune".
      variables: The learned variables.
    """
    for variable in variables:
        path = variable.name.removesuffix(":0")
        tf.summary.histogram(f"{stage}/weights/{path}", variable)
