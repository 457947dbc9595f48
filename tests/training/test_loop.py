"""A stage ended anywhere ends as one that was not; and what ends it for good."""

import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score
from tensorboard.backend.event_processing import event_accumulator

from byel_tf.augment.fixed import fixed
from byel_tf.errors import RunError
from byel_tf.history import read_history
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.monitoring.evaluator import Counts
from byel_tf.training import loop as loop_module
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.loop import failures_explained
from tests.training.stage_runs import (
    EPOCHS,
    STEPS,
    Killed,
    Trouble,
    TroubledLoop,
    assert_same_run,
    fingerprint,
    killed,
)


@pytest.fixture(scope="module")
def whole(stage_runs, tmp_path_factory):
    """A function that gives all that a run without trouble leaves."""

    @functools.cache
    def make(name, replicas, *flags):
        folder = tmp_path_factory.mktemp("whole")
        stage_runs(name, replicas)(folder, *flags)
        return fingerprint(folder, name)

    return make


def run_with(runs, troubles, folder, *flags):
    """Runs a stage through one trouble after the other, then to its end."""
    for trouble in troubles:
        with pytest.raises((KeyboardInterrupt, Killed)):
            runs(folder, *flags, trouble=trouble)
        assert TroubledLoop.trouble is None, f"{trouble} did not happen"
    return runs(folder, *flags)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_ended_again_and_again_it_ends_as_without(
    stage_runs, whole, tmp_path, name, replicas
):
    size = STEPS[name]
    troubles = [
        Trouble(size, where="validation"),  # of an epoch whose steps are done
        Trouble(size + 2, killed),  # back to the last checkpoint
        Trouble(2 * size, where="picture"),  # after some of it is written
    ]
    if replicas == 1:
        troubles[:0] = [
            Trouble(1),  # before anything is logged
            Trouble(size),  # an epoch's last, of which the end has not been handled
        ]
        troubles += [
            Trouble(3 * size - 1, killed),
            Trouble(3 * size, killed, where="picture"),
        ]
    run_with(stage_runs(name, replicas), troubles, tmp_path)
    assert_same_run(fingerprint(tmp_path, name), whole(name, replicas))


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_last_epoch_is_as_exact_as_the_best(stage_runs, whole, tmp_path, replicas):
    runs, last = stage_runs("finetune", replicas), "--selection=last"
    state = run_with(runs, [Trouble(8)], tmp_path, last)
    assert state.best is None
    expected = whole("finetune", replicas, last)
    assert_same_run(fingerprint(tmp_path, "finetune"), expected)
    best = whole("finetune", replicas)["arrays"]
    for key, value in expected["arrays"].items():
        np.testing.assert_array_equal(best[key], value)


def test_killed_between_two_checkpoints_it_repeats_what_lies_between(
    stage_runs, whole, tmp_path
):
    runs = stage_runs("finetune")
    with pytest.raises(Killed):
        runs(tmp_path, "--checkpoint_steps=3", trouble=Trouble(8, killed))
    newest = Checkpoints(tmp_path / "checkpoints" / "finetune").newest()
    assert (newest.numbers["step"], newest.numbers["epochs"]) == (6, 1)
    runs(tmp_path)
    assert_same_run(fingerprint(tmp_path, "finetune"), whole("finetune", 1))


def test_when_it_is_saved(stage_runs, tmp_path):
    keep_all = ["--keep_checkpoints=99", "--selection=last"]

    def saved(folder, *flags):
        stage_runs("finetune")(folder, *keep_all, *flags)
        paths = (folder / "checkpoints" / "finetune").iterdir()
        return sorted(tuple(map(int, path.name.split("-")[1::2])) for path in paths)

    assert saved(tmp_path / "seldom") == [(15, 3)]
    assert saved(tmp_path / "steps", "--checkpoint_steps=4") == [
        *((4, 0), (8, 1), (12, 2), (15, 3))
    ]
    often = saved(tmp_path / "often", "--checkpoint_minutes=0")
    every = [(step, (step - 1) // 5) for step in range(1, 16)]
    assert often == sorted({*every, (5, 1), (10, 2), (15, 3)})


def test_steps_given_within_an_epoch_end_there_and_go_on(stage_runs, whole, tmp_path):
    runs = stage_runs("finetune")
    state = runs(tmp_path, "--max_steps=7")
    assert (state.step, state.epochs) == (7, 1)
    assert state.best.step == 5  # not what an epoch has not made
    state = runs(tmp_path, "--max_steps=9")
    assert (state.step, state.best.step) == (9, 5)
    runs(tmp_path)
    assert_same_run(fingerprint(tmp_path, "finetune"), whole("finetune", 1))


def test_without_a_whole_epoch_none_is_the_best(stage_runs, tmp_path):
    state = stage_runs("finetune")(tmp_path, "--max_steps=4")
    assert (state.epochs, state.best) == (0, None)
    assert state.use_best() == 4


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_best_epoch_is_the_first_with_the_best_score(
    stage_runs, tmp_path, replicas, monkeypatch
):
    runs = stage_runs("finetune", replicas)
    scores, evaluated = iter([0.25, 0.5, 0.5]), []

    def evaluate(batches):
        evaluated.append(runs.state().to_arrays()[0])
        return Counts(next(scores), None, None)

    monkeypatch.setattr(TroubledLoop, "_troubled", lambda self, _: evaluate)
    state = runs(tmp_path, "--eval_every_epochs=0")
    assert (state.best.step, state.best.macro_f1, state.step) == (10, 0.5, 15)
    assert state.use_best() == 10
    # The networks are what was validated.
    names = [name for name in evaluated[1] if name.startswith("networks/")]
    used = state.to_arrays()[0]
    for name in names:
        np.testing.assert_array_equal(used[name], evaluated[1][name], err_msg=name)
    assert any((evaluated[1][name] != evaluated[2][name]).any() for name in names)


def test_what_is_validated_on_two_replicas_is_what_is_exported(
    stage_runs, tmp_path, tiny_encoder
):
    runs = stage_runs("finetune", 2)
    seen = []

    def look():
        model, strategy = runs.stage.model, runs.strategy
        images = next(iter(runs.stage.validation.epoch()))["image"]
        logits = strategy.run(tf.function(model.classify), args=(images,))
        network = ExpressionNetwork(tiny_encoder(), 6, flip_average=True)
        network.set_weights(model.inference_network.get_weights())
        seen.append(strategy.experimental_local_results(logits))
        seen.append(network(fixed(images))[1])

    def unlike():
        """Whether the replicas' statistics differ, as after steps on unlike halves."""
        norm = runs.stage.model.averaged.encoder.backbone.layers[1]
        first, second = runs.strategy.experimental_local_results(norm.moving_mean)
        return np.abs(first.numpy() - second.numpy()).max() > 1e-3

    state = runs(tmp_path, trouble=Trouble(5, lambda: seen.append(unlike())))
    assert seen == [True]
    del seen[:]
    runs(tmp_path / "again", trouble=Trouble(10, look, where="validation"))
    (first, second), exported = seen
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, exported, atol=1e-5)

    # And the score of the best epoch is that of the weights that are kept of it.
    state.use_best()
    network = ExpressionNetwork(tiny_encoder(), 6, flip_average=True)
    network.set_weights(runs.stage.model.inference_network.get_weights())
    labels, predicted = [], []
    for batch in runs.stage.validation.epoch():
        is_example = batch["weight"].numpy() > 0
        logits = network(fixed(batch["image"]))[1].numpy()
        labels += batch["label"].numpy()[is_example].tolist()
        predicted += logits.argmax(axis=1)[is_example].tolist()
    assert len(labels) == 12
    expected = f1_score(labels, predicted, average="macro", zero_division=0)
    assert state.best.macro_f1 == pytest.approx(expected, abs=1e-6)


def test_told_to_end_while_statistics_are_shared_it_shares_them_all(
    stage_runs, whole, tmp_path, monkeypatch
):
    share = loop_module.share_statistics

    def share_and_be_told(strategy, variables):
        norm = runs.stage.model.averaged.encoder.backbone.layers[1]
        first, second = strategy.experimental_local_results(norm.moving_mean)
        mean = (first + second) / 2
        first.assign(mean)
        Trouble(0).happen()
        second.assign(mean)
        return share(strategy, variables)

    runs = stage_runs("finetune", 2)
    runs(tmp_path, "--max_steps=4")
    monkeypatch.setattr(loop_module, "share_statistics", share_and_be_told)
    with pytest.raises(KeyboardInterrupt):
        runs(tmp_path)
    monkeypatch.undo()
    runs(tmp_path)
    assert_same_run(fingerprint(tmp_path, "finetune"), whole("finetune", 2))


def test_told_to_end_before_its_first_step_it_shows_its_views_once(
    stage_runs, whole, tmp_path, monkeypatch
):
    def iterate(self):
        Trouble(0).happen()

    runs = stage_runs("finetune")
    monkeypatch.setattr(TroubledLoop, "_iterate", iterate)
    with pytest.raises(KeyboardInterrupt):
        runs(tmp_path)
    monkeypatch.undo()
    runs(tmp_path)
    assert_same_run(fingerprint(tmp_path, "finetune"), whole("finetune", 1))


def test_where_it_was_saved_is_said(stage_runs, tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        stage_runs("finetune")(tmp_path, trouble=Trouble(7))
    path = tmp_path / "checkpoints" / "finetune" / "step-0000000007-epoch-000001"
    assert (
        f"finetune: saved at step 7 ({path}), the same command continues from there\n"
        in capsys.readouterr().out
    )


CURVES = {
    "losses/total",
    "losses/classification",
    "losses/action_unit",
    "optimization/learning_rate",
    "optimization/gradient_norm",
    "optimization/bad_steps",
}
PRETRAIN_CURVES = {
    "losses/bootstrap",
    "losses/orthonormality",
    "optimization/target_momentum",
    "collapse/projection_deviation",
    "collapse/cosine_1_to_2",
    "collapse/cosine_2_to_1",
}


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_curves_and_history_are_the_same_numbers(stage_runs, tmp_path, name):
    runs = stage_runs(name)
    runs(tmp_path, "--histograms")
    size, last = STEPS[name], EPOCHS * STEPS[name]
    lines = read_history(tmp_path / "history.jsonl")
    steps, epochs = ([x for x in lines if bool(x.epoch) == b] for b in (False, True))
    logged = sorted({*range(3, last + 1, 3), *range(size, last + 1, size)})
    assert [line.step for line in steps] == logged
    curves = CURVES | (PRETRAIN_CURVES if name == "pretrain" else set())
    assert all(line.values.keys() == curves for line in steps)
    assert [(line.step, line.epoch) for line in epochs] == [
        *((size, 1), (2 * size, 2), (3 * size, 3))
    ]
    scores = {"macro_f1/train", "macro_f1/validation"}
    watched = {"macro_f1_test/faces"}  # each second epoch, and the last
    assert [line.values.keys() for line in epochs] == [
        scores,
        scores | watched,
        scores | watched,
    ]
    everything = {event_accumulator.TENSORS: 0}
    events = event_accumulator.EventAccumulator(
        str(tmp_path / "tensorboard" / name), everything
    ).Reload()
    for place in curves | scores | watched:
        points = [
            (event.step, tf.make_ndarray(event.tensor_proto).item())
            for event in events.Tensors(f"{name}/{place}")
        ]
        expected = [(x.step, x.values[place]) for x in lines if place in x.values]
        assert [step for step, _ in points] == [step for step, _ in expected]
        np.testing.assert_allclose(points, expected, rtol=1e-6)
    for line in steps:
        parts = sum(v for k, v in line.values.items() if k.startswith("losses/"))
        parts -= line.values["losses/total"] + 0.5 * line.values["losses/action_unit"]
        assert parts == pytest.approx(line.values["losses/total"], rel=1e-4)
    learned = runs.stage.model.learned_variables
    assert len(events.PluginTagToContent("histograms")) == len(learned)
    assert len(events.PluginTagToContent("pr_curves")) == 6
    views, confusion = (f"{name}/views", f"{name}/confusion_matrix/faces")
    assert set(events.PluginTagToContent("images")) == {views, confusion}
    assert len(events.Tensors(views)) == 1


def test_the_scores_of_an_epoch_are_of_that_epoch_alone(stage_runs, tmp_path):
    """Macro F1 on the training data counts every image of its epoch once."""
    runs, seen = stage_runs("finetune"), []

    def look():
        seen.append(runs.stage.model.macro_f1.confusion.numpy().sum())

    runs(tmp_path, trouble=Trouble(10, look, where="validation"))
    assert seen == [36]


def test_what_is_logged_is_the_mean_since_the_last_time(stage_runs, tmp_path):
    losses = {}
    for every in (1, 3):
        stage_runs("pretrain")(tmp_path / str(every), f"--log_every_steps={every}")
        lines = read_history(tmp_path / str(every) / "history.jsonl")
        found = {x.step: x.values["losses/total"] for x in lines if x.epoch is None}
        losses[every] = found
    each = losses[1]
    assert list(each) == [*range(1, 13)]
    means = {3: (1, 2, 3), 4: (4,), 6: (5, 6), 8: (7, 8), 9: (9,), 12: (10, 11, 12)}
    assert losses[3] == {
        step: pytest.approx(np.mean([each[one] for one in steps]), rel=1e-5)
        for step, steps in means.items()
    }


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_watching_changes_nothing(stage_runs, whole, tmp_path, name):
    runs = stage_runs(name)
    watch = ["--eval_every_epochs=0", "--log_every_steps=99"]
    if name == "pretrain":
        watch += ["--collapse_threshold=1", "--collapse_steps=1"]
    runs(tmp_path, *watch)
    found = fingerprint(tmp_path, name)["arrays"]
    for key, value in whole(name, 1)["arrays"].items():
        if not key.startswith("metrics/"):
            np.testing.assert_array_equal(found[key], value, err_msg=key)


def bad_steps(folder):
    lines = read_history(folder / "history.jsonl")
    return sum(x.values.get("optimization/bad_steps", 0) for x in lines)


@pytest.mark.parametrize(("name", "replicas"), [("pretrain", 2), ("finetune", 1)])
def test_a_few_bad_steps_are_left_out_and_counted(stage_runs, tmp_path, name, replicas):
    runs = stage_runs(name, replicas)
    stage = runs.poisoned(2, 3, 6, 7)  # never three in a row
    state = runs(tmp_path, stage=stage)
    assert bad_steps(tmp_path) == 4
    assert int(runs.stage.model.optimizer.iterations.numpy()) == state.step - 4
    for key, value in state.to_arrays()[0].items():
        assert np.isfinite(value).all(), key


@pytest.mark.parametrize(("name", "replicas"), [("pretrain", 1), ("finetune", 2)])
def test_too_many_bad_steps_end_it_with_the_images_they_began_with(
    stage_runs, whole, tmp_path, name, replicas, monkeypatch
):
    monkeypatch.setattr(loop_module, "_SHOWN_NAMES", 3)
    runs = stage_runs(name, replicas)
    bad, save = range(4, 9), "--checkpoint_steps=3"
    with pytest.raises(RunError) as caught:
        runs(tmp_path, save, "--selection=last", stage=runs.poisoned(*bad))
    assert TroubledLoop.last._state.step == 9  # the look after the third
    assert not (
        tmp_path / "checkpoints" / name / "step-0000000009-epoch-000002"
    ).exists()
    names = stage_file_names(runs, 4)
    error, file = str(caught.value), tmp_path / "bad_step.json"
    assert "\n" not in error
    assert f"{name} stopped at step 7: " in error
    assert (
        f"3 times in a row, first at step 4 with the images {', '.join(names[:3])}"
        in (error)
    )
    number = len(names) - 3
    assert f" and {number} more, listed in {file}; lower --{name}_learning" in error
    newest = tmp_path / "checkpoints" / name / "step-0000000006-epoch-000001"
    assert error.endswith(f"last good checkpoint: {newest}")
    content = json.loads(file.read_text())
    assert content == {"stage": name, "step": 4, "images": names}


def stage_file_names(runs, step):
    """Names of a step's images, by the labels and pixels that its batch has."""
    names = runs.stage.inputs.data.filenames(step)
    batch = list(runs.stage.inputs.batches(step).take(1))[0]
    number = int(np.count_nonzero(batch["weight"]))
    assert len(names) == number
    labels = [int(name.split("/")[1].split(".")[0]) % 6 for name in names]
    assert batch["label"].numpy()[:number].tolist() == labels
    return names


def test_without_bad_data_it_goes_on_from_the_last_good_checkpoint(
    stage_runs, whole, tmp_path
):
    runs = stage_runs("finetune")
    for flags in (["--checkpoint_steps=3"], []):
        with pytest.raises(RunError, match="last good checkpoint: "):
            runs(tmp_path, *flags, stage=runs.poisoned(7, 8, 9, 10))
    newest = Checkpoints(tmp_path / "checkpoints" / "finetune").newest()
    assert newest.numbers["step"] == 9  # two bad steps, which are repeated from 9 on
    runs(tmp_path)
    state = runs.state()
    assert np.isfinite(state.to_arrays()[0]["networks/network/head/kernel"]).all()


def test_bad_steps_are_seen_soon(stage_runs, tmp_path):
    runs = stage_runs("pretrain")
    with pytest.raises(RunError, match="last good checkpoint: none"):
        runs(tmp_path, "--log_every_steps=100", stage=runs.poisoned(1, 2, 3))
    assert TroubledLoop.last._state.step == 6
    assert not list((tmp_path / "checkpoints").rglob("step-*"))


def test_what_was_ended_by_bad_steps_is_not_saved_when_told_to_end(
    stage_runs, tmp_path
):
    runs = stage_runs("pretrain")
    stage = runs.poisoned(1, 2, 3, 4)
    with pytest.raises((RunError, KeyboardInterrupt)) as caught:
        runs(tmp_path, trouble=Trouble(5), stage=stage)
    assert "pretrain stopped at step 4" in str(caught.value)
    assert not list((tmp_path / "checkpoints").rglob("step-*"))


COLLAPSE = ["--collapse_threshold=1", "--collapse_steps=4"]


def test_a_collapse_is_warned_of_once(stage_runs, tmp_path, capsys):
    runs = stage_runs("pretrain")
    with pytest.raises(KeyboardInterrupt):
        runs(tmp_path, *COLLAPSE, trouble=Trouble(5))
    assert "warning" not in capsys.readouterr().err
    state = runs(tmp_path, *COLLAPSE)
    assert (state.step, state.collapsed_since) == (12, 3)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("warning: pretrain: the projections have collapsed")
    assert "--collapse_threshold=1 of an even spread since step 3" in error
    assert " at step 8)" in error


def test_a_collapse_ends_the_run_where_it_is_told_to(stage_runs, tmp_path):
    runs = stage_runs("pretrain")
    with pytest.raises(RunError, match="pretrain: the projections have co.*at step 8"):
        runs(tmp_path, *COLLAPSE, "--stop_on_collapse")
    assert TroubledLoop.last._state.step == 8


def test_without_collapse_nothing_is_said(stage_runs, tmp_path, capsys):
    state = stage_runs("pretrain")(tmp_path, "--collapse_steps=1")
    assert state.collapsed_since is None
    assert capsys.readouterr().err == ""


def test_projections_that_spread_again_have_not_collapsed(stage_runs, tmp_path, capsys):
    runs = stage_runs("pretrain")
    runs(tmp_path, *COLLAPSE, "--max_steps=3")
    loop = TroubledLoop.last
    even = runs.stage.model.projection_deviation.even
    deviations = {3: 0.9, 4: 0.9, 6: 1.1, 8: 0.9, 9: 0.9, 12: 0.9, 15: 0.9, 16: 0.9}
    for step, share in deviations.items():
        loop._state.step = step
        loop._watch_for_collapse(share * even)
    error = capsys.readouterr().err
    assert error.count("warning") == 1 and "since step 8 (" in error
    assert " at step 12)" in error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"),
            "training: no space left on disk (x; No space left on device)",
        ),
        (
            tf.errors.UnknownError(None, None, "x; Disk quota exceeded"),
            "training: no space left on disk (x; Disk quota exceeded)",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\n more"),
            "training: out of memory, give a smaller --batch_size, --image_size or "
            "--encoder (OOM when allocating)",
        ),
        (
            tf.errors.DataLossError(None, None, "corrupted record at 5"),
            "training: a record of the data set is damaged, prepare it again "
            "(corrupted record at 5)",
        ),
        (
            tf.errors.InvalidArgumentError(
                None, None, "Key: x.\n {{node ParseExample}}"
            ),
            "training: a record of the data set is damaged, prepare it again (Key: x.)",
        ),
        (
            tf.errors.InvalidArgumentError(
                None, None, "No PNG\n {{node a/DecodeImage}}"
            ),
            "training: an image of the data set is damaged, prepare it again (No PNG)",
        ),
        (
            tf.errors.NotFoundError(None, None, "/x; No such file or directory"),
            "training: a file is gone, or cannot be read or written "
            "(/x; No such file or directory)",
        ),
        (
            tf.errors.PermissionDeniedError(None, None, "/x"),
            "training: a file is gone, or cannot be read or written (/x)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failures_are_told_apart_in_one_line(error, expected):
    with pytest.raises(RunError) as caught:  # noqa: SIM117
        with failures_explained("training"):
            raise error
    assert str(caught.value) == expected


def test_a_bug_keeps_its_trace():
    with pytest.raises(tf.errors.InvalidArgumentError):  # noqa: SIM117
        with failures_explained("training"):
            tf.linalg.matmul(tf.zeros([2, 3]), tf.zeros([2, 3]))
    with pytest.raises(ZeroDivisionError), failures_explained("training"):
        raise ZeroDivisionError
