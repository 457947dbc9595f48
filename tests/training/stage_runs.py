"""Runs of one stage on one traced model, that are ended anywhere and continued."""

import dataclasses
import functools
import json
import signal
from collections.abc import Callable
from unittest import mock

import numpy as np
import tensorflow as tf

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.distribution.strategy import build_strategy
from byel_tf.flagging import parse
from byel_tf.training import run as run_module
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.datasets import open_datasets
from byel_tf.training.inputs import StageInputs
from byel_tf.training.interruption import Interruption
from byel_tf.training.loop import StageLoop
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.state import TrainingState

#: Steps in an epoch of 36 images, which fine-tuning takes with a partial batch.
STEPS = {"pretrain": 4, "finetune": 5}
EPOCHS = 3

FLAGS = [
    "--image_size=16",
    "--augmentation=faces",
    "--augment_in=pipeline",
    "--projection_size=8",
    "--hidden_size=16",
    "--batch_size=8",
    f"--pretrain_epochs={EPOCHS}",
    "--pretrain_momentum=0.9",
    "--pretrain_schedule=warmup_cosine",
    "--pretrain_warmup_epochs=1",
    "--target_momentum=0.9",
    "--target_momentum_schedule=cosine",
    f"--finetune_epochs={EPOCHS}",
    "--finetune_learning_rate=1e-2",
    "--finetune_schedule=one_cycle",
    "--finetune_warmup_epochs=1",
    "--weight_ema=0.8",
    "--flip_average",
    "--label_smoothing=0.1",
    "--action_unit_weight=0.5",
    "--max_bad_steps=3",
    "--log_every_steps=3",
    "--eval_every_epochs=2",
]


def configure(data, folder, *flags):
    argv = ["train_main.py", f"--train_data={data}", f"--model_dir={folder}"]
    return TrainingConfig(*parse([*argv, *FLAGS, *flags], *TRAINING_OPTIONS))


PICTURE = tf.io.encode_png(np.zeros([2, 2, 3], np.uint8)).numpy()


class Killed(BaseException):
    """Nothing catches it."""


def killed():
    """Stands for SIGKILL: nothing is saved."""
    raise Killed


def told_to_end():
    signal.raise_signal(signal.SIGTERM)


@dataclasses.dataclass
class Trouble:
    """What happens within a step, or while the end of an epoch is handled after it.

    Attributes:
      step: Steps done.
      happen: What.
      where: "step", "validation", or "picture": while what was found is written.
    """

    step: int
    happen: Callable[[], None] = told_to_end
    where: str = "step"


class TroubledLoop(StageLoop):
    """The loop itself, traced once a model, and with trouble."""

    traced = {}
    trouble = None
    last = None

    def __init__(self, stage, *arguments):
        super().__init__(stage, *arguments)
        type(self).last, self._untroubled = self, self._evaluate
        # The first loop of a model is kept: its functions hold it weakly, and may be
        # traced only when a later one takes its first step.
        first = self.traced.setdefault(id(stage.model), self)
        self._step, self._evaluate = first._step, self._troubled(first._untroubled)
        self._draw_confusion = self._draw

    def _draw(self, *_):
        self._meet("picture")
        return PICTURE

    def _troubled(self, evaluate):
        def evaluate_with_trouble(batches):
            self._meet("validation")
            return evaluate(batches)

        return evaluate_with_trouble

    def _after_step(self):
        self._meet("step")
        return super()._after_step()

    def _meet(self, where):
        met = self.trouble
        if met and (met.step, met.where) == (self._state.step, where):
            type(self).trouble = None
            met.happen()


class KeptInputs(StageInputs):
    """Inputs that are read once; steps of `poisoned` are not finite."""

    kept = {}
    poisoned = ()

    def batches(self, start_step, rows=slice(None)):
        assert rows in (slice(None), slice(0, self.data.order.batch_size))
        key = self.data.order.stage, self.data._records._dataset.path
        if key not in self.kept:
            steps = EPOCHS * self.steps_per_epoch
            self.kept[key] = _in_memory(super().batches(0).take(steps))
        batches = self.kept[key]
        for step in self.poisoned:
            batches = batches.enumerate().map(functools.partial(_poison, step))
        return batches.skip(start_step)


class KeptEpoch:
    """A split that is read once."""

    def __init__(self, data):
        self.order, self.labels = data.order, data.labels
        self._batches = _in_memory(data.epoch())

    def epoch(self, rows=slice(None)):
        """All rows: there is one worker."""
        assert rows in (slice(None), slice(0, self.order.batch_size))
        return self._batches

    def explain(self, error):
        """Reading is over."""


def _in_memory(batches):
    kept = tf.nest.map_structure(lambda *parts: tf.stack(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(kept)


def _poison(bad_step, step, batch):
    value = tf.where(step == bad_step, np.nan, 1.0)
    return {**batch, "views": batch["views"] * tf.cast(value, tf.float32)}


def keep(inputs, poisoned=()):
    fields = {f.name: getattr(inputs, f.name) for f in dataclasses.fields(inputs)}
    fields["preview"] = lambda count: (tf.zeros([2, 16, 16, 3]),) * 2
    kept = KeptInputs(**fields)
    kept.__dict__["poisoned"] = poisoned
    return kept


class StageRuns:
    """Runs of a stage from its first state, or from their newest checkpoint.

    Attributes:
      stage: The stage.
      strategy: Its strategy.
      callbacks: Those that the next run is given.
    """

    callbacks = ()

    def __init__(self, name, data, folder, build_encoder, replicas, *flags):
        self.name, self._data = name, data
        strategies = {1: "--strategy=one_device", 2: "--strategy=mirrored"}
        # Compiled views have tests of their own.
        self._flags = [strategies[replicas], "--xla=off", *flags]
        self._build_encoder = build_encoder
        self._run = self._open(configure(data, folder, *self._flags), Interruption())
        self.strategy = self._run._strategy
        with self.strategy.scope():
            if name == "pretrain":
                stage = self._run._build.pretraining()
            else:
                stage = self._run._build.finetuning(build_encoder())
        self.stage = dataclasses.replace(
            stage,
            inputs=keep(stage.inputs),
            validation=KeptEpoch(stage.validation),
            reported={n: KeptEpoch(b) for n, b in stage.reported.items()},
        )
        self._first = self.state().to_arrays()

    def poisoned(self, *steps):
        """The stage with steps whose data are not finite."""
        inputs = keep(self.stage.inputs, steps)
        return dataclasses.replace(self.stage, inputs=inputs)

    def _open(self, config, interruption):
        directory = RunDirectory(config.run.model_dir)
        run = run_module._Run(
            config,
            open_datasets(config),
            directory,
            build_strategy(config.run.strategy),
            interruption,
            self.callbacks,
        )
        run._build.build_encoder = self._build_encoder
        return run

    def state(self):
        with self.strategy.scope():
            return TrainingState(self.stage.model)

    def begin(self):
        """The model as it was made."""
        state = self.state()
        state.restore(*self._first)
        return state

    def scramble(self):
        """Takes all variables away from what they are; a restored state has to be."""
        for variable in every_variable(self.stage.model):
            for copy in self.strategy.experimental_local_results(variable):
                copy.assign(tf.cast(tf.fill(copy.shape, 0.375), copy.dtype) + 1)

    def __call__(self, folder, *flags, trouble=None, stage=None, carried=None):
        """Runs the stage in a folder, or continues it there.

        Returns:
          The state at its end; the model holds it.
        """
        config = configure(self._data, folder, *self._flags, *flags)
        stage = stage or self.stage
        most = config.run.max_steps
        total = EPOCHS * STEPS[self.name]
        stage = dataclasses.replace(
            stage,
            total_steps=min(most, total) if most else total,
            select_best=self.name == "finetune" and config.finetune.selection == "best",
        )
        if RunDirectory(str(folder)).checkpoints(self.name).newest_path:
            self.scramble()
        else:
            self.begin()
        interruption = Interruption()
        run = self._open(config, interruption)
        TroubledLoop.trouble = trouble
        with (
            mock.patch.object(run_module, "StageLoop", TroubledLoop),
            interruption.watching(),
            self.strategy.scope(),
        ):
            return run._train(stage, None, True, carried)


def every_variable(model):
    """All that Keras says a model, its optimizer and its metrics have."""
    own = model.optimizer.variables  # which tensorflow-addons' call
    found = [*model.variables, *(own() if callable(own) else own)]
    found += [v for metric in model.metrics for v in metric.variables]
    return list({id(variable): variable for variable in found}.values())


def fingerprint(folder, name):
    """All that a run of a stage leaves, to be compared."""
    newest = Checkpoints(folder / "checkpoints" / name).newest(read_only=True)
    numbers = {k: v for k, v in newest.numbers.items() if k != "logs"}
    return {
        "numbers": numbers,
        "arrays": newest.arrays,
        "history": (folder / "history.jsonl").read_text(),
        "events": events(folder / "tensorboard" / name),
    }


def events(folder):
    """Step, tag and value of all that was written, file by file."""
    found = []
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [
                (event.step, value.tag, value.tensor.SerializeToString())
                for value in event.summary.value
            ]
    return found


def assert_same_run(found, expected):
    assert found["numbers"] == expected["numbers"]
    assert found["arrays"].keys() == expected["arrays"].keys()
    for name, array in expected["arrays"].items():
        np.testing.assert_array_equal(found["arrays"][name], array, err_msg=name)
    assert found["history"] == expected["history"]
    for line in found["history"].splitlines():
        json.loads(line)
    assert [one[:2] for one in found["events"]] == [o[:2] for o in expected["events"]]
    assert found["events"] == expected["events"]
