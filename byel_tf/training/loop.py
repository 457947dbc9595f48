"""The one way to step, for both stages: from where a stage stands to its last step.

Not Keras' `fit`: a run has to be saved and ended at any step of an epoch, to continue
there, and to read its metrics only when they are shown; in `fit` an epoch has a fixed
number of steps, which begins with a reset. The models are Keras models all the same,
with which `fit` works.
"""

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.config import MonitoringOptions, RunOptions
from byel_tf.data.pipeline import SplitBatches
from byel_tf.distribution.cluster import Cluster
from byel_tf.distribution.replicas import distribute, own_rows
from byel_tf.errors import RunError
from byel_tf.models.normalization import share_statistics
from byel_tf.models.step import StageModel
from byel_tf.monitoring.evaluations import DrawConfusion, write_evaluation
from byel_tf.monitoring.evaluator import Counts, Evaluator
from byel_tf.monitoring.histograms import write_histograms
from byel_tf.monitoring.layout import write_layout
from byel_tf.monitoring.profile import Profile, parse_steps
from byel_tf.monitoring.scalars import data_tag
from byel_tf.monitoring.stage_log import StageLog
from byel_tf.monitoring.views import view_grid
from byel_tf.training.callbacks import StageCallbacks
from byel_tf.training.inputs import StageInputs
from byel_tf.training.interruption import (
    CLUSTER_PATIENCE_SECONDS,
    STEP_PATIENCE_SECONDS,
    Interruption,
)
from byel_tf.training.progress import StageProgress
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.state import TrainingState

_SHOWN_IMAGES = 8
_SHOWN_NAMES = 8


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a stage trains, on what, and how long.

    Attributes:
      name: "pretrain" or "finetune".
      model: The compiled model.
      inputs: Its training data.
      validation: The validation split, or None.
      reported: The test splits to be watched, by data set.
      classes: Class names.
      total_steps: Step at which the stage ends.
      schedules: Numbers, or functions of the number of updates, that are shown.
      select_best: Whether the best validation epoch's weights are kept.
    """

    name: str
    model: StageModel
    inputs: StageInputs
    validation: SplitBatches | None
    reported: Mapping[str, SplitBatches]
    classes: Sequence[str]
    total_steps: int
    schedules: Mapping[str, float | Callable[[tf.Tensor], tf.Tensor]]
    select_best: bool


def last_step(scheduled_steps: int, max_steps: int | None) -> int:
    """Where a stage ends: after its epochs, or sooner if told."""
    return scheduled_steps if max_steps is None else min(scheduled_steps, max_steps)


class StageLoop:
    """A stage on its way; `run` takes it to its end."""

    def __init__(
        self,
        stage: Stage,
        state: TrainingState,
        directory: RunDirectory,
        log: StageLog,
        run: RunOptions,
        monitoring: MonitoringOptions,
        interruption: Interruption,
        draw_confusion: DrawConfusion,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ):
        """Puts what is needed together.

        Args:
          stage: What is trained.
          state: Its state, restored where there was one.
          directory: Where checkpoints go.
          log: Where numbers go.
          run: When it is saved, and when a bad run ends.
          monitoring: What is shown, and how often.
          interruption: Tells when it has to end early.
          draw_confusion: Draws confusion matrices for TensorBoard.
          callbacks: A user's own.
        """
        self._stage, self._state, self._log = stage, state, log
        self._model, self._inputs = stage.model, stage.inputs
        self._run, self._monitoring = run, monitoring
        self._interruption = interruption
        self._draw_confusion = draw_confusion
        self._directory = directory
        self._checkpoints = directory.checkpoints(stage.name, run.keep_checkpoints)
        self._strategy = self._model.distribute_strategy
        self._cluster = Cluster(self._strategy)
        self._heard: tf.Tensor | None = None  # of the step before
        self._evaluate = Evaluator(
            self._strategy, self._model.classify, len(stage.classes)
        )
        self._progress = StageProgress(
            stage.name, stage.total_steps, stage.inputs.steps_per_epoch, state.step
        )
        steps = stage.inputs.steps_per_epoch
        self._callbacks = StageCallbacks(
            callbacks, stage.name, self._model, -(-stage.total_steps // steps), steps
        )
        self._profile = Profile(
            parse_steps(monitoring.profile_steps if directory.is_written else ""),
            directory.tensorboard(stage.name),
        )
        self._shown: dict[str, float] = {}  # the means that were written last
        # Between two looks at the model, no run of bad steps can pass unseen.
        self._look_every = min(run.max_bad_steps, monitoring.log_every_steps)

    def run(self) -> None:
        """Steps to the end, and saves on the way.

        The model then holds the weights of the last step.

        Raises:
          RunError: If the data or the disk fail, or the numbers are no numbers.
          KeyboardInterrupt: If it was interrupted; it is saved then.
        """
        state, stage = self._state, self._stage
        if self._is_done():
            return
        if self._log.is_new:
            self._show_views()
        self._iterator = self._iterate()
        self._saved_at = time.monotonic()
        self._callbacks.begin()
        try:
            if self._cluster.is_alone:
                self._go()
            else:
                with self._interruption.held(CLUSTER_PATIENCE_SECONDS):
                    self._go_together()
        except KeyboardInterrupt:
            with self._interruption.held():
                path = self._save()
                print(
                    f"{stage.name}: saved at step {state.step} ({path}), the same "
                    "command continues from there",
                    flush=True,
                )
            raise
        finally:
            self._profile.close()
            self._progress.close()
            self._log.close()
        self._callbacks.end()

    def _go(self) -> None:
        """Steps to the end; an interruption may come at any time."""
        state = self._state
        while not self._is_done():
            self._advance()
            state.is_stopped |= self._callbacks.wants_to_stop
            if self._is_save_due():
                with self._interruption.held():
                    self._save()

    def _go_together(self) -> None:
        """Steps to the end with other workers, which all end and save at one step.

        Raises:
          KeyboardInterrupt: On all workers, if one was told to end.
        """
        state = self._state
        while not self._is_done():
            is_end_wished, is_save_wished, is_stopped = self._advance()
            state.is_stopped |= is_stopped
            if is_end_wished:
                raise KeyboardInterrupt
            if is_save_wished or self._is_save_due():
                self._save()
        (is_end_wished,) = self._cluster.any_of([self._interruption.is_requested])
        if is_end_wished:
            raise KeyboardInterrupt

    def _advance(self) -> list[bool]:
        """Steps, or ends an epoch; returns what any worker wished a step ago."""
        state = self._state
        if self._epoch_has_ended():
            self._end_epoch()
            return [False] * len(self._wishes())
        done = state.step % self._inputs.steps_per_epoch
        self._callbacks.begin_step(state.epochs, done)
        with self._interruption.held(STEP_PATIENCE_SECONDS):
            self._profile.before(state.step + 1)
            wished = self._take_step()
            state.step += 1
            self._profile.after(state.step)
            shown = self._after_step()
        self._callbacks.end_step(done, shown)
        return wished

    def _take_step(self) -> list[bool]:
        if self._cluster.is_alone:
            self._step(self._iterator)
            return []
        wishes = tf.constant(self._wishes(), tf.float32)
        before, self._heard = self._heard, self._step(self._iterator, wishes)
        # That of this step is not read yet: the next one is begun before it has ended.
        return (before.numpy() > 0).tolist() if before is not None else [False] * 3

    def _wishes(self) -> list[bool]:
        """Whether this worker would end, save, or stop the stage for good."""
        is_due = self._cluster.is_chief and self._are_minutes_over()
        return [
            self._interruption.is_requested,
            is_due,
            self._callbacks.wants_to_stop,
        ]

    def _is_done(self) -> bool:
        state = self._state
        at_end = state.is_stopped or state.step >= self._stage.total_steps
        return at_end and not self._epoch_has_ended()

    def _epoch_has_ended(self) -> bool:
        return self._state.has_unended_epoch(self._inputs.steps_per_epoch)

    def _iterate(self) -> Iterator:
        rows = own_rows(self._strategy, self._run.batch_size)
        batches = self._inputs.batches(self._state.step, rows)
        return iter(distribute(self._strategy, batches, is_endless=True))

    @tf.function(autograph=False)
    def _step(
        self, iterator: Iterator, wishes: tf.Tensor | None = None
    ) -> tf.Tensor | None:
        """A step of all replicas; returns the sum of all workers' wishes."""
        heard = self._strategy.run(
            self._model.train_step, args=(next(iterator), wishes)
        )
        if wishes is None:
            return None
        return self._strategy.experimental_local_results(heard["wishes"])[0]

    def _after_step(self) -> dict[str, float]:
        """What follows a step; returns the means that it wrote."""
        step = self._state.step
        if step % self._look_every == 0 or step == self._stage.total_steps:
            self._require_good_steps()
        is_due = step % self._monitoring.log_every_steps == 0
        if is_due:
            self._log_scalars()
        self._progress.step()
        return self._shown if is_due else {}

    def _log_scalars(self) -> None:
        """Writes the means since the last time, and begins new ones."""
        metrics = [m for m in self._model.metrics if m is not self._model.macro_f1]
        values = {metric.name: float(metric.result()) for metric in metrics}
        updates = self._model.optimizer.iterations
        for name, schedule in self._stage.schedules.items():
            values[name] = float(schedule(updates) if callable(schedule) else schedule)
        self._log.scalars(self._state.step, values)
        for metric in metrics:
            metric.reset_state()
        self._progress.show(values)
        self._shown = values
        if "projection_deviation" in values:
            self._watch_for_collapse(values["projection_deviation"])

    def _end_epoch(self) -> None:
        """What follows an epoch: an interruption before it is written repeats it."""
        state, stage = self._state, self._stage
        with self._interruption.held():  # a mean of some of the means is none
            share_statistics(self._strategy, self._model.variables)
        validation = self._evaluate(stage.validation) if stage.validation else None
        evaluations = {
            name: self._evaluate(batches)
            for name, batches in stage.reported.items()
            if self._is_evaluation_due()
        }
        with self._interruption.held():
            if state.step % self._monitoring.log_every_steps:
                self._log_scalars()
            values = self._log_epoch(validation, evaluations)
            if self._model.macro_f1 is not None:
                self._model.macro_f1.reset_state()
            state.epochs += 1
            if stage.select_best and validation is not None:
                state.offer(validation.macro_f1)
        self._callbacks.end_epoch(state.epochs - 1, {**self._shown, **values})

    def _is_evaluation_due(self) -> bool:
        every = self._monitoring.eval_every_epochs
        is_last = self._state.step == self._stage.total_steps
        return every > 0 and ((self._state.epochs + 1) % every == 0 or is_last)

    def _log_epoch(
        self, validation: Counts | None, evaluations: Mapping[str, Counts]
    ) -> dict[str, float]:
        """Writes the numbers of an epoch, and returns them."""
        stage, step, epoch = self._stage, self._state.step, self._state.epochs + 1
        values = {}
        if self._model.macro_f1 is not None:
            values["macro_f1"] = float(self._model.macro_f1.result())
        if validation is not None:
            values["val_macro_f1"] = validation.macro_f1
        self._progress.epoch(epoch, step, values)
        for name, counts in evaluations.items():
            tag = data_tag(stage.name, "macro_f1_test", name)
            values[tag.removeprefix(f"{stage.name}/")] = counts.macro_f1
        self._log.scalars(step, values, epoch)
        with self._log.writer.as_default(step=step):
            for name, counts in evaluations.items():
                write_evaluation(
                    stage.name, name, counts, stage.classes, step, self._draw_confusion
                )
            if self._monitoring.histograms:
                write_histograms(stage.name, self._model.learned_variables)
        return values

    def _is_save_due(self) -> bool:
        step, every = self._state.step, self._run.checkpoint_steps
        if self._is_done() or (every and step % every == 0):
            return True
        return self._cluster.is_alone and self._are_minutes_over()

    def _are_minutes_over(self) -> bool:
        return time.monotonic() - self._saved_at >= 60 * self._run.checkpoint_minutes

    def _save(self):
        self._require_good_steps()
        arrays, numbers = self._state.to_arrays()
        path = self._checkpoints.save(arrays, {**numbers, "logs": self._log.sizes()})
        self._saved_at = time.monotonic()
        return path

    def _require_good_steps(self) -> None:
        """Stops where too many steps in a row gave no numbers.

        Raises:
          RunError: With the steps, the images they began with, and the last checkpoint.
        """
        number, most = (
            int(self._model.bad_steps_in_a_row.numpy()),
            self._run.max_bad_steps,
        )
        if number < most:
            return
        first = self._state.step - number
        names = self._inputs.data.filenames(first)
        content = {"stage": self._stage.name, "step": first, "images": names}
        # Names of files may have bytes that are no text.
        text = json.dumps(content, indent=2, ensure_ascii=True)
        self._directory.write("bad_step.json", text + "\n")
        shown = ", ".join(names[:_SHOWN_NAMES])
        if len(names) > _SHOWN_NAMES:
            file = self._directory.path / "bad_step.json"
            shown += f" and {len(names) - _SHOWN_NAMES} more, listed in {file}"
        raise RunError(
            f"{self._stage.name} stopped at step {first + most}: loss or gradient was "
            f"not finite {most} times in a row, first at step {first} with the images "
            f"{shown}; lower --{self._stage.name}_learning_rate, use "
            "--precision=float32, or look at the images; last good checkpoint: "
            f"{self._checkpoints.newest_path or 'none'}"
        )

    def _watch_for_collapse(self, deviation: float) -> None:
        """Warns where projections have come to lie at one point, or stops.

        Raises:
          RunError: If they have, and the flags say so.
        """
        state, run = self._state, self._run
        if deviation >= run.collapse_threshold * self._model.projection_deviation.even:
            state.collapsed_since = None
            return
        if state.collapsed_since is None:
            state.collapsed_since = state.step
        every = (self._monitoring.log_every_steps, self._inputs.steps_per_epoch)
        looked_before = max((state.step - 1) // steps * steps for steps in every)
        # The first look at which it has lasted so long, whatever was said before.
        since, most = state.collapsed_since, run.collapse_steps
        if state.step - since < most or looked_before - since >= most:
            return
        message = (
            f"{self._stage.name}: the projections have collapsed, their deviation has "
            f"been below --collapse_threshold={run.collapse_threshold:g} of an even "
            f"spread since step {state.collapsed_since} ({deviation:.2g} at step "
            f"{state.step})"
        )
        if run.stop_on_collapse:
            raise RunError(
                f"{message}; lower --{self._stage.name}_learning_rate or raise "
                "--target_momentum"
            )
        print(f"warning: {message}", file=sys.stderr, flush=True)

    def _show_views(self) -> None:
        with self._log.writer.as_default(step=0):
            write_layout()
            picture = view_grid(self._inputs.preview(_SHOWN_IMAGES))
            tf.summary.image(f"{self._stage.name}/views", picture[None])


@contextlib.contextmanager
def failures_explained(name: str, *data: SplitBatches) -> Iterator[None]:
    """Turns TensorFlow's errors about data, memory and disks into one line.

    Args:
      name: What is going on, for the line.
      *data: What knows better why data could not be read.

    Raises:
      RunError: In their place.
    """
    try:
        yield
    except tf.errors.OpError as error:
        for one in data:
            failure = one.explain(error)
            if failure is not None:
                raise failure from error
        reason = " ".join(error.message.strip().splitlines()[0].split())
        what = _explain(error)
        if what is None:
            raise  # nothing that a user can cause
        raise RunError(f"{name}: {what} ({reason})") from error


def _explain(error: tf.errors.OpError) -> str | None:
    """What a user can do about an error; None if nothing."""
    text = error.message
    # TensorFlow calls both a full disk and a full memory exhausted resources.
    if "No space left" in text or "quota exceeded" in text:
        return "no space left on disk"
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return "out of memory, give a smaller --batch_size, --image_size or --encoder"
    # The names of operations tell what could not be done.
    if isinstance(error, tf.errors.DataLossError) or "ParseExample" in text:
        return "a record of the data set is damaged, prepare it again"
    if "DecodeImage" in text:
        return "an image of the data set is damaged, prepare it again"
    if isinstance(error, tf.errors.NotFoundError | tf.errors.PermissionDeniedError):
        return "a file is gone, or cannot be read or written"
    return None
