"""One stage of training: from where it stands to its last step."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.config import MonitoringOptions
from byel_tf.errors import RunError
from byel_tf.monitoring.evaluations import Evaluations
from byel_tf.monitoring.evaluator import Evaluator
from byel_tf.monitoring.histograms import Histograms
from byel_tf.monitoring.layout import write_layout
from byel_tf.monitoring.stage_callback import StageCallback
from byel_tf.monitoring.views import view_grid
from byel_tf.monitoring.watch import Watch
from byel_tf.training.callbacks import Progress, SaveCheckpoints
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
      reported: Batches of the test splits to be watched, by data set.
      classes: Class names.
      total_steps: Step at which the stage ends.
      schedules: Numbers, or functions of the step, shown in TensorBoard.
      select_best: Whether the best validation epoch's weights are kept.
    """

    name: str
    model: keras.Model
    inputs: StageInputs
    validation: tf.data.Dataset | None
    reported: Mapping[str, tf.data.Dataset]
    classes: Sequence[str]
    total_steps: int
    schedules: Mapping[str, float | Callable[[tf.Tensor], tf.Tensor]]
    select_best: bool


def last_step(scheduled_steps: int, max_steps: int | None) -> int:
    """Where a stage ends: after its epochs, or sooner if told."""
    return scheduled_steps if max_steps is None else min(scheduled_steps, max_steps)


def train_stage(
    stage: Stage,
    directory: RunDirectory,
    monitoring: MonitoringOptions,
    keep_checkpoints: int,
) -> int:
    """Trains a stage to its end, from its newest checkpoint if it has one.

    The model then holds the weights of the last step, or of the best epoch.

    Args:
      stage: The stage.
      directory: Where checkpoints and events go.
      monitoring: What TensorBoard is to show, and how often.
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
    # One writer a folder: TensorBoard reads the files of a folder one after another.
    writer = tf.summary.create_file_writer(directory.tensorboard(stage.name))
    watch = Watch(
        stage.name,
        writer,
        monitoring.log_every_steps,
        stage.schedules,
        lambda: checkpoints.newest,
    )
    callbacks = [
        watch,
        *_monitors(stage, writer, monitoring),
        # After all that is written of an epoch: killed in between, it is repeated.
        SaveCheckpoints(checkpoints, best),
        Progress(stage.name, stage.total_steps, stage.inputs.steps_per_epoch, watch),
    ]
    with _failures_explained(stage.name):
        if step < stage.total_steps:
            with writer.as_default(step=step):
                write_layout()
                picture = view_grid(stage.inputs.preview(_SHOWN_IMAGES))
                tf.summary.image(f"{stage.name}/views", picture[None])
            writer.flush()
        while step < stage.total_steps:
            step = _fit(stage, step, callbacks)
    if best is not None and best.step:
        best.restore()
        return best.step
    return step


def _monitors(
    stage: Stage, writer: tf.summary.SummaryWriter, options: MonitoringOptions
) -> list[StageCallback]:
    """What writes to TensorBoard after an epoch, where it is asked for."""
    monitors = []
    if stage.reported and options.eval_every_epochs:
        evaluator = Evaluator(
            stage.model.distribute_strategy, stage.model.classify, len(stage.classes)
        )
        monitors.append(
            Evaluations(
                stage.name,
                writer,
                evaluator,
                stage.reported,
                stage.classes,
                options.eval_every_epochs,
                stage.total_steps,
            )
        )
    if options.histograms:
        monitors.append(Histograms(stage.name, writer))
    return monitors


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
