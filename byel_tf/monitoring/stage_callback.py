"""A Keras callback that knows the step of its stage."""

from collections.abc import Mapping

import tensorflow as tf

from byel_tf.compat import keras


class StageCallback(keras.callbacks.Callback):
    """Knows the stage's step, which Keras' own counters forget on a restart.

    It takes logs as tensors, since each reading makes the host wait for the device.
    """

    def __init__(self):
        super().__init__()
        self._supports_tf_logs = True
        self.step = 0

    def on_train_begin(self, logs=None):
        """Starts at the step of the optimizer, which a checkpoint restores."""
        del logs
        self.step = int(self.model.optimizer.iterations.numpy())

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step."""
        del batch
        self.step += 1
        self.after_step(logs or {})

    def after_step(self, logs: Mapping[str, tf.Tensor]) -> None:
        """Called after each step, with `self.step` counted."""
