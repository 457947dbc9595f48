"""A user's Keras callbacks in the training loop."""

from collections.abc import Mapping, Sequence

from byel_tf.compat import keras
from byel_tf.errors import UsageError
from byel_tf.models.step import StageModel


class StageCallbacks:
    """Tells callbacks of a stage what `fit` would tell them of a training.

    A callback that sets `model.stop_training` ends the stage.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        stage: str,
        model: StageModel,
        epochs: int,
        steps_per_epoch: int,
    ):
        """Introduces them to the model.

        Args:
          callbacks: The callbacks.
          stage: "pretrain" or "finetune", which `params["stage"]` tells them.
          model: What is trained.
          epochs: Epochs of the stage.
          steps_per_epoch: Steps of an epoch.

        Raises:
          UsageError: If one is no callback, or one of Keras 3.
        """
        for callback in callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise UsageError(
                    f"{type(callback).__module__}.{type(callback).__qualname__} is no "
                    "callback of Keras 2: make it with `from byel_tf.compat import "
                    "keras`"
                )
        self._model = model
        self._list = keras.callbacks.CallbackList(
            list(callbacks),
            model=model,
            stage=stage,
            epochs=epochs,
            steps=steps_per_epoch,
            verbose=0,
        )
        self._epoch: int | None = None

    @property
    def wants_to_stop(self) -> bool:
        """Whether one of them has asked for the stage to end."""
        return bool(self._model.stop_training)

    def begin(self) -> None:
        """The stage begins, or goes on."""
        self._model.stop_training = False
        self._list.on_train_begin()

    def begin_step(self, epoch: int, step: int) -> None:
        """A step begins, and with the first of them its epoch.

        Args:
          epoch: Epochs ended.
          step: Steps done of this epoch.
        """
        if self._epoch != epoch:
            self._epoch = epoch
            self._list.on_epoch_begin(epoch)
        self._list.on_train_batch_begin(step)

    def end_step(self, step: int, values: Mapping[str, float]) -> None:
        """A step is done.

        Args:
          step: Steps done of this epoch before it.
          values: The means that were just written to the history, else nothing.
        """
        self._list.on_train_batch_end(step, dict(values))

    def end_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """An epoch is done, and was validated.

        Args:
          epoch: Epochs ended before it.
          values: The last means, and the numbers of the epoch.
        """
        self._list.on_epoch_end(epoch, dict(values))

    def end(self) -> None:
        """The stage has come to its end."""
        self._list.on_train_end()
