"""One stage of training: from where it stands to its last step."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.errors import RunError
from byel_tf.training.callbacks import Progress, SaveCheckpoints, Watch
from byel_tf.training.checkpoints import BestEpoch, StageCheckpoints
from byel_tf.training.inputs import StageInputs
from byel_tf.training.run_directory import RunDirectory

_SHOWN_IMAGES = 8


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a stage trains, on what, and how long.

    Attributes:
      name: "pretrain" or "finetune".
      model: The compiled model.
      inputs: Its training data.
      validation: Batches of the validation split, or None.
      total_steps: Step at which the stage ends.
      schedules: Numbers, or functions of the step, shown in TensorBoard.
      select_best: Whether the best validation epoch's weights are kept.
    """

    name: str
    model: keras.Model
    inputs: StageInputs
    validation: tf.data.Dataset | None
    total_steps: int
    schedules: Mapping[str, float | Callable[[tf.Tensor], tf.Tensor]]
    select_best: bool


def last_step(scheduled_steps: int, max_steps: int | None) -> int:
    """Where a stage ends: after its epochs, or sooner if told."""
    return scheduled_steps if max_steps is None else min(scheduled_steps, max_steps)


def train_stage(
    stage: Stage, directory: RunDirectory, log_every_steps: int, keep_checkpoints: int
) -> int:
    """Trains a stage to its end, from its newest checkpoint if it has one.

    The model then holds the weights of the last step, or of the best epoch.

    Args:
      stage: The stage.
      directory: Where checkpoints and events go.
      log_every_steps: Steps between two TensorBoard points.
      keep_checkpoints: Newest checkpoints kept.

    Returns:
      The step whose weights the model holds: the last, or the best epoch's.

    Raises:
      RunError: If a loss is not finite, or the checkpoint does not fit the model.
    """
    checkpoints = StageCheckpoints(
        directory.checkpoints(stage.name), stage.model, keep_checkpoints
    )
    best = None
    if stage.select_best:
        best = BestEpoch(directory.checkpoints(f"{stage.name}_best"), stage.model)
    step = checkpoints.restore()
    if step:
        print(f"{stage.name}: continuing from step {step}", flush=True)
    watch = Watch(
        stage.name,
        directory.tensorboard(stage.name),
        log_every_steps,
        stage.schedules,
        checkpoints,
    )
    callbacks = [
        watch,
        SaveCheckpoints(checkpoints, best),
        Progress(stage.name, stage.total_steps, stage.inputs.steps_per_epoch, watch),
    ]
    with _failures_explained(stage.name):
        if step < stage.total_steps:
            shown = stage.inputs.preview(_SHOWN_IMAGES)
            watch.image("views", view_grid(shown), step)
        while step < stage.total_steps:
            step = _fit(stage, step, callbacks)
    if best is not None and best.step:
        best.restore()
        return best.step
    return step


def _fit(stage: Stage, step: int, callbacks: list[keras.callbacks.Callback]) -> int:
    """Trains on from a step: whole epochs, or the part of one that is due.

    A Keras epoch has a fixed number of steps, so an epoch that was broken off, and
    one that `--max_steps` cuts short, are calls of their own.
    """
    epoch, done = divmod(step, stage.inputs.steps_per_epoch)
    left = stage.total_steps - step
    if done or left < stage.inputs.steps_per_epoch:
        steps, epochs = min(stage.inputs.steps_per_epoch - done, left), epoch + 1
    else:
        steps, epochs = (
            stage.inputs.steps_per_epoch,
            epoch + left // stage.inputs.steps_per_epoch,
        )
    stage.model.fit(
        stage.inputs.batches(step),
        initial_epoch=epoch,
        epochs=epochs,
        steps_per_epoch=steps,
        validation_data=stage.validation,
        callbacks=callbacks,
        verbose=0,
    )
    return step + steps * (epochs - epoch)


@contextlib.contextmanager
def _failures_explained(stage: str) -> Iterator[None]:
    """Turns TensorFlow's errors about data and memory into one line."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise RunError(
            f"{stage}: out of memory, give a smaller --batch_size, --image_size or "
            "--encoder"
        ) from error
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        is_image = "Decode" in error.message
        is_record = isinstance(error, tf.errors.DataLossError)
        is_record |= "image/" in error.message  # a key's, missing or of another size
        if not is_image and not is_record:
            raise  # not the data's fault
        what = "an image" if is_image else "a record"
        reason = error.message.strip().splitlines()[0]
        raise RunError(
            f"{stage}: {what} of the data set is damaged, prepare it again ({reason})"
        ) from error


def view_grid(rows: Sequence[tf.Tensor]) -> np.ndarray:
    """A picture of what the model sees: a column an image, its views below it.

    Args:
      rows: The images and each of their views, (columns, H, W, 3), float in [0, 1].

    Returns:
      (rows·H, columns·W, 3), float32 in [0, 1].
    """
    return np.concatenate([np.concatenate(list(r.numpy()), axis=1) for r in rows])
