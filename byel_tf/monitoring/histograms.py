"""How the weights are distributed, epoch by epoch."""

import tensorflow as tf

from byel_tf.monitoring.stage_callback import StageCallback


class Histograms(StageCallback):
    """Writes a histogram of every learned variable after each epoch."""

    def __init__(self, stage: str, writer: tf.summary.SummaryWriter):
        """Makes the callback.

        Args:
          stage: "pretrain" or "finetune".
          writer: Where the histograms go.
        """
        super().__init__()
        self._stage = stage
        self._writer = writer

    def on_epoch_end(self, epoch, logs=None):
        """Writes them."""
        del epoch, logs
        with self._writer.as_default(step=self.step):
            for variable in self.model.learned_variables:
                path = variable.name.removesuffix(":0")
                tf.summary.histogram(f"{self._stage}/weights/{path}", variable)
        self._writer.flush()
