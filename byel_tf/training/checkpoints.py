"""Checkpoints: weights, optimizer and step; the best epoch apart."""

import math

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.errors import RunError


def newest_step(folder: str) -> int:
    """Step of the newest checkpoint in a folder; 0 without one."""
    path = tf.train.latest_checkpoint(folder)
    return int(path.rpartition("-")[2]) if path else 0


class StageCheckpoints:
    """The newest checkpoints of one stage, in `tf.train.Checkpoint` form."""

    def __init__(self, folder: str, model: keras.Model, keep: int):
        """Looks at what the folder holds.

        Args:
          folder: Where the stage's checkpoints lie.
          model: The compiled model.
          keep: How many to keep.
        """
        self._model = model
        self._checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, folder, max_to_keep=keep, checkpoint_name="step"
        )

    @property
    def newest(self) -> str | None:
        """Path of the newest checkpoint."""
        return self._manager.latest_checkpoint

    def restore(self) -> int:
        """Restores the newest checkpoint, if there is one.

        Returns:
          The steps done.

        Raises:
          RunError: If it cannot be read or belongs to another model.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return 0
        try:
            status = self._checkpoint.restore(path)
            status.assert_existing_objects_matched()
        # A damaged file gives IndexError or an OpError, another model the others.
        except (tf.errors.OpError, IndexError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RunError(
                f"checkpoint {path} cannot be restored ({reason}): choose another "
                "--model_dir, or delete this one's checkpoints to start anew"
            ) from error
        return self.step

    @property
    def step(self) -> int:
        """Steps the optimizer has done."""
        return int(self._model.optimizer.iterations.numpy())

    def save(self) -> str:
        """Saves a checkpoint named after the step; saving twice is saving once."""
        path = self._manager.latest_checkpoint
        if path is not None and path.endswith(f"step-{self.step}"):
            return path
        return self._manager.save(checkpoint_number=self.step)


class BestEpoch:
    """The weights of the epoch with the best validation macro F1.

    Attributes:
      macro_f1: Its macro F1; −∞ before the first epoch.
      step: The steps done when it was reached.
    """

    def __init__(self, folder: str, model: keras.Model):
        """Reads which epoch was best so far, if any."""
        self._value = tf.Variable(-math.inf, dtype=tf.float32, trainable=False)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        notes = {"macro_f1": self._value, "step": self._step}
        self._checkpoint = tf.train.Checkpoint(model=model, **notes)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, folder, max_to_keep=1, checkpoint_name="step"
        )
        if self._manager.latest_checkpoint:
            newest = tf.train.Checkpoint(**notes).restore(
                self._manager.latest_checkpoint
            )
            newest.expect_partial()

    @property
    def macro_f1(self) -> float:
        """Best validation macro F1 so far."""
        return float(self._value.numpy())

    @property
    def step(self) -> int:
        """Steps done when it was reached."""
        return int(self._step.numpy())

    def offer(self, macro_f1: float, step: int) -> bool:
        """Keeps the model's present weights if they are the best so far."""
        if macro_f1 <= self.macro_f1:
            return False
        self._value.assign(macro_f1)
        self._step.assign(step)
        self._manager.save(checkpoint_number=step)
        return True

    def restore(self) -> None:
        """Puts the best epoch's weights into the model, if an epoch was offered."""
        if self._manager.latest_checkpoint:
            status = self._checkpoint.restore(self._manager.latest_checkpoint)
            status.assert_existing_objects_matched()
