"""A user's callbacks in a stage."""

import numpy as np
import pytest

from byel_tf.compat import keras
from byel_tf.errors import UsageError
from byel_tf.history import read_history
from byel_tf.monitoring.scalars import scalar_place
from byel_tf.training.callbacks import StageCallbacks
from byel_tf.training.checkpoints import Checkpoints
from tests.training.stage_runs import EPOCHS, STEPS, Killed, Trouble, killed


class Recorder(keras.callbacks.Callback):
    """Notes what it is told, and stops where it is to."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.told, self.logs, self.stop_at = [], {}, stop_at

    def _note(self, *what):
        self.told.append(what)
        if what == self.stop_at:
            self.model.stop_training = True

    def on_train_begin(self, logs=None):
        self._note("begin", self.params["stage"], self.params["epochs"])

    def on_train_end(self, logs=None):
        self._note("end")

    def on_epoch_begin(self, epoch, logs=None):
        self._note("epoch", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.logs["epoch", epoch] = logs
        self._note("epoch end", epoch)

    def on_train_batch_begin(self, batch, logs=None):
        self._note("step", batch)

    def on_train_batch_end(self, batch, logs=None):
        if logs:
            self.logs["step", len([t for t in self.told if t[0] == "step"])] = logs
        self._note("step end", batch)


def run(stage_runs, name, folder, *callbacks, **options):
    runs = stage_runs(name)
    runs.callbacks = callbacks
    try:
        return runs(folder, **options)
    finally:
        runs.callbacks = ()


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_they_are_told_what_fit_would_tell(stage_runs, tmp_path, name):
    recorder = Recorder()
    run(stage_runs, name, tmp_path, recorder)
    expected = [("begin", name, EPOCHS)]
    for epoch in range(EPOCHS):
        expected.append(("epoch", epoch))
        for step in range(STEPS[name]):
            expected += [("step", step), ("step end", step)]
        expected.append(("epoch end", epoch))
    assert recorder.told == [*expected, ("end",)]
    assert recorder.model is stage_runs(name).stage.model


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_their_numbers_are_those_of_the_history(stage_runs, tmp_path, name):
    recorder = Recorder()
    run(stage_runs, name, tmp_path, recorder)
    lines = read_history(tmp_path / "history.jsonl")
    means = {line.step: line.values for line in lines if line.epoch is None}
    epochs = {line.epoch: line.values for line in lines if line.epoch is not None}

    def places(logs):
        return {scalar_place(key): value for key, value in logs.items()}

    for (kind, number), logs in recorder.logs.items():
        if kind == "step":
            assert places(logs) == means[number]
        else:
            last = means[max(s for s in means if s <= (number + 1) * STEPS[name])]
            assert places(logs) == {**last, **epochs[number + 1]}
    steps = {number for kind, number in recorder.logs if kind == "step"}
    assert steps == {step for step in means if step % 3 == 0}
    assert {n for k, n in recorder.logs if k == "epoch"} == set(range(EPOCHS))


def test_they_change_nothing(stage_runs, tmp_path):
    run(stage_runs, "finetune", tmp_path / "without")
    run(stage_runs, "finetune", tmp_path / "with", Recorder())
    folders = [tmp_path / name / "checkpoints/finetune" for name in ("without", "with")]
    without, with_one = (Checkpoints(f).newest(read_only=True) for f in folders)
    assert without.numbers["step"] == with_one.numbers["step"]
    for name, array in without.arrays.items():
        np.testing.assert_array_equal(with_one.arrays[name], array)


@pytest.mark.parametrize(
    ("stop_at", "step", "epochs"),
    [(("epoch end", 1), 10, 2), (("step end", 2), 3, 0), (("step end", 4), 5, 1)],
)
def test_one_that_stops_ends_the_stage_for_good(
    stage_runs, tmp_path, stop_at, step, epochs
):
    recorder = Recorder(stop_at)
    state = run(stage_runs, "finetune", tmp_path, recorder)
    assert (state.step, state.epochs) == (step, epochs)
    assert recorder.told[-1] == ("end",)
    again = Recorder()
    state = run(stage_runs, "finetune", tmp_path, again)
    assert (state.step, state.epochs) == (step, epochs)
    assert again.told == []


def test_early_stopping_works(stage_runs, tmp_path):
    stop = keras.callbacks.EarlyStopping("val_macro_f1", mode="max", baseline=2.0)
    state = run(stage_runs, "finetune", tmp_path, stop)
    assert state.epochs == 2  # it passes over the first


def test_in_the_middle_of_an_epoch_they_begin_anew(stage_runs, tmp_path):
    with pytest.raises(Killed):
        trouble = Trouble(7, killed)
        flags = ["--checkpoint_steps=6"]
        runs = stage_runs("finetune")
        runs(tmp_path, *flags, trouble=trouble)
    recorder = Recorder()
    run(stage_runs, "finetune", tmp_path, recorder)
    begin = [("begin", "finetune", EPOCHS), ("epoch", 1), ("step", 1), ("step end", 1)]
    assert recorder.told[:4] == begin


def test_what_is_no_callback_of_keras_2(stage_runs):
    class OfAnotherKeras:
        pass

    model = stage_runs("finetune").stage.model
    with pytest.raises(UsageError, match="OfAnotherKeras is no callback of Keras 2"):
        StageCallbacks([OfAnotherKeras()], "finetune", model, 1, 1)
