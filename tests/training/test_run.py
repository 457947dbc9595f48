"""What a command does in a run's folder: begin, continue, refuse. No step is taken."""

import json
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

import train_main
from byel_tf.errors import RunError
from byel_tf.history import read_history
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.program import run_program
from byel_tf.serving import networks
from byel_tf.training import building
from byel_tf.training import run as module
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.run import train
from tests.training.stage_runs import FLAGS, configure

#: Both schedules are constant: the epochs may change.
SIMPLE = [
    "--pretrain_schedule=constant",
    "--target_momentum_schedule=constant",
    "--finetune_schedule=constant",
    "--pretrain_epochs=1",
    "--finetune_epochs=1",
]


class CountingLoop:
    """In place of the loop: a step counts, and adds 1 to what is learned."""

    began = []

    def __init__(self, stage, state, directory, log, run, *others):
        self._stage, self._state, self._log = stage, state, log
        self._checkpoints = directory.checkpoints(stage.name, run.keep_checkpoints)
        self.began.append((stage.name, state.step, state.to_arrays()[0]))

    def run(self):
        state = self._state
        while state.step < self._stage.total_steps:
            state.step += 1
            for variable in self._stage.model.learned_variables:
                variable.assign_add(tf.ones_like(variable))
            self._log.scalars(state.step, {"loss": state.step})
            if state.has_unended_epoch(self._stage.inputs.steps_per_epoch):
                state.epochs += 1
                if self._stage.select_best:
                    state.offer(1.0 / state.epochs)  # the first one is the best
            arrays, numbers = state.to_arrays()
            self._checkpoints.save(arrays, {**numbers, "logs": self._log.sizes()})
        self._log.close()


@pytest.fixture
def began(monkeypatch, tiny_encoder):
    """Name, step and arrays of each stage that began to train, since last cleared."""
    began = []
    monkeypatch.setattr(CountingLoop, "began", began)
    monkeypatch.setattr(module, "StageLoop", CountingLoop)
    monkeypatch.setattr(building, "encoder_builder", lambda *_: tiny_encoder)
    return began


@pytest.fixture
def finished(monkeypatch):
    """Stage, step and emotion vectors of each run that came to its end."""
    finished = []

    def finish(self, stage, step, emotion_vectors, stages):
        finished.append((stage, step, emotion_vectors))

    monkeypatch.setattr(module._Run, "_finish", finish)
    return finished


@pytest.fixture
def run(began, finished, faces, tmp_path):
    """A function that trains with some flags; the names and steps that it began at."""

    def run(*flags, folder="run"):
        del began[:]
        train(configure(faces, tmp_path / folder, *SIMPLE, *flags))
        return [(name, step) for name, step, _ in began]

    return run


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def newest(folder, stage="finetune"):
    return Checkpoints(folder / "checkpoints" / stage).newest(read_only=True)


def facts(folder):
    return json.loads((folder / "run.json").read_text())


def test_stage_2_begins_where_stage_1_ended(run, began, finished, folder):
    assert run() == [("pretrain", 0), ("finetune", 0)]
    (_, _, start), first = began[1], newest(folder, "pretrain").arrays
    encoder = taken_from(first, "networks/online/encoder/")
    assert len(encoder) == 5
    for name, value in encoder.items():
        np.testing.assert_array_equal(start[f"networks/network/encoder/{name}"], value)
    ((stage, step, vectors),) = finished
    assert (stage.name, step) == ("finetune", 5)
    learned = first["networks/emotion_classifier/emotion_vectors"]
    np.testing.assert_array_equal(vectors, learned)
    saved = newest(folder).arrays
    assert saved["carried/pretrain_steps"] == 4
    np.testing.assert_array_equal(saved["carried/emotion_vectors"], learned)


@pytest.mark.parametrize(
    ("flags", "stages"),
    [
        (["--objective=supervised"], ["finetune"]),
        (["--pretrain_epochs=0"], ["finetune"]),
        (["--objective=byol"], ["pretrain", "finetune"]),
    ],
)
def test_stages_that_there_are(run, finished, folder, flags, stages):
    assert run(*flags) == [(name, 0) for name in stages]
    assert finished[0][2] is None
    lines = read_history(folder / "history.jsonl")
    assert list(dict.fromkeys(line.stage for line in lines)) == stages


def test_max_steps_is_of_each_stage(run, finished, folder):
    run("--max_steps=2")
    assert [step for _, step, _ in finished] == [2]
    assert newest(folder, "pretrain").numbers["step"] == 2
    assert newest(folder).numbers["best"] is None


def test_the_best_epoch_is_shipped_and_the_last_is_gone_on_from(run, finished, folder):
    flags = ["--pretrain_epochs=0", "--finetune_epochs=2", "--weight_ema=0"]
    run(*flags)
    ((stage, step, _),) = finished
    assert step == 5  # of the first epoch
    kernel = stage.model.network.head.kernel.numpy()
    saved = newest(folder)
    assert (saved.numbers["step"], saved.numbers["best"]["step"]) == (10, 5)
    name = "networks/network/head/kernel"
    np.testing.assert_array_equal(kernel, saved.arrays[f"best/{name}"])
    np.testing.assert_allclose(kernel + 5, saved.arrays[name], atol=1e-5)
    assert run(*flags, "--finetune_epochs=3") == [("finetune", 10)]
    np.testing.assert_array_equal(
        finished[1][0].model.network.head.kernel.numpy(), kernel
    )
    assert finished[1][1] == 5


def test_the_last_epoch_is_shipped_where_it_is_selected(run, finished):
    run("--pretrain_epochs=0", "--finetune_epochs=2", "--selection=last")
    assert finished[0][1] == 10


def tree(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_finished_run_is_not_trained_again_and_keeps_its_notes(run, finished, folder):
    run()
    before = tree(folder)
    assert run("--xla=jit", "--log_every_steps=7") == []
    assert tree(folder) == before
    assert [step for _, step, _ in finished] == [5, 5]
    first, second = (stage.model.network.head.kernel for stage, *_ in finished)
    np.testing.assert_array_equal(first.numpy(), second.numpy())
    np.testing.assert_array_equal(finished[0][2], finished[1][2])


def test_more_epochs_go_on(run, began, finished, folder):
    run()
    before = newest(folder).arrays
    assert run("--finetune_epochs=2") == [("finetune", 5)]
    for name, value in began[0][2].items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert newest(folder).numbers["epochs"] == 2
    lines = read_history(folder / "history.jsonl")
    assert [line.step for line in lines if line.stage == "finetune"] == [*range(1, 11)]
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], ["--max_steps=3"], "has done 4 steps of pretrain, more than the 3 asked"),
        (["--max_steps=4"], ["--pretrain_epochs=0"], "has done 4 steps of pretrain"),
        (
            ["--pretrain_epochs=0", "--finetune_epochs=2"],
            ["--pretrain_epochs=0"],
            "has done 10 steps of finetune, more than the 5 asked for",
        ),
        ([], ["--pretrain_epochs=2"], "a fine-tuning that began after 4 steps of pre"),
        (["--pretrain_epochs=0"], [], "began after 0 steps of .*would now go on to 4"),
    ],
)
def test_what_a_stage_was_begun_with_stays(run, folder, before, now, expected):
    run(*before)
    was = tree(folder)
    with pytest.raises(RunError, match=expected) as caught:
        run(*now)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    assert tree(folder) == was


def test_a_pre_training_is_not_passed_over(run, folder):
    run("--max_steps=2")
    shutil.rmtree(folder / "checkpoints" / "finetune")
    was = tree(folder)
    with pytest.raises(RunError, match="holds a pre-training, of which none is asked"):
        run("--pretrain_epochs=0")
    assert tree(folder) == was


def test_a_stage_begun_anew_forgets_its_own_numbers_only(run, folder):
    run("--finetune_epochs=2")
    before = read_history(folder / "history.jsonl")
    shutil.rmtree(folder / "checkpoints" / "finetune")
    assert run("--max_steps=4") == [("finetune", 0)]
    lines = read_history(folder / "history.jsonl")
    assert lines == [
        line for line in before if line.stage == "pretrain" or line.step < 5
    ]
    assert len(list((folder / "tensorboard" / "finetune").iterdir())) == 1


def test_all_flags_that_differ_stand_in_a_table(run, folder, capsys):
    run("--objective=supervised")
    was = tree(folder)
    capsys.readouterr()
    with pytest.raises(RunError) as caught:
        run("--objective=byol", "--seed=2", "--dropout=0.125")
    assert capsys.readouterr().err.splitlines() == [
        "flag         the run has  now it is",
        "--dropout    0.3          0.125",
        "--objective  supervised   byol",
        "--seed       1            2",
    ]
    assert str(caught.value) == (
        f"--model_dir={folder} holds a run with other flags (--dropout, --objective, "
        "--seed; see the table above): choose another --model_dir, or give those it has"
    )
    assert tree(folder) == was


def test_a_flag_that_the_runs_release_did_not_have_had_its_default(run, folder):
    run("--pretrain_epochs=0")
    file = folder / "flags.cfg"
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("--class_balance=")]
    assert len(kept) == len(lines) - 1
    file.write_text("".join(kept))
    more = ["--pretrain_epochs=0", "--finetune_epochs=2"]
    with pytest.raises(RunError, match=r"other flags \(--class_balance; "):
        run(*more, "--class_balance=weights")
    assert run(*more) == [("finetune", 5)]
    assert "--class_balance=none\n" in file.read_text()


def test_a_flag_that_this_release_no_longer_has(run, folder, capsys):
    run("--pretrain_epochs=0")
    with open(folder / "flags.cfg", "a") as file:
        file.write("--mixup=0.2\n")
    with pytest.raises(RunError, match=r"other flags \(--mixup; "):
        run("--pretrain_epochs=0")
    assert "--mixup  0.2          not set\n" in capsys.readouterr().err


def test_what_may_change_last_digits_is_said_and_kept(run, folder, capsys):
    only = ["--pretrain_epochs=0"]
    run(*only)
    assert "continued" not in facts(folder)
    capsys.readouterr()
    run(*only, "--finetune_epochs=2", "--augment_in=step", "--xla=jit")
    (note,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("note")]
    changes = ["--augment_in=step (was pipeline)", "--xla=jit (was auto)"]
    assert note == (
        f"note: continued with {', '.join(changes)}: numbers may differ from those of "
        "a run without this change by rounding"
    )
    assert facts(folder)["continued"] == [changes]
    file = folder / "run.json"
    content = facts(folder)
    content["packages"]["tensorflow"] = "1.0"
    file.write_text(json.dumps(content))
    run(*only, "--finetune_epochs=3", "--augment_in=step", "--xla=jit")
    assert facts(folder)["continued"] == [
        changes,
        [f"tensorflow {tf.__version__} (was 1.0)"],
    ]
    assert facts(folder)["packages"]["tensorflow"] == tf.__version__


def test_another_number_of_replicas_goes_on_with_the_means(run, began, folder):
    flags = ["--objective=supervised", "--finetune_epochs=2"]
    run(*flags, "--strategy=mirrored", "--max_steps=3")
    assert run(*flags, "--strategy=one_device") == [("finetune", 3)]
    assert any("--strategy=one_device (was" in c for c in facts(folder)["continued"][0])
    name = next(n for n in began[0][2] if n.endswith("moving_mean"))
    assert began[0][2][name].shape[0] == 1


@pytest.mark.parametrize("missing", ["flags.cfg", "run.json"])
def test_checkpoints_of_an_unknown_run_are_refused(run, folder, missing):
    run("--objective=supervised", "--max_steps=1")
    (folder / missing).unlink()
    with pytest.raises(RunError, match="holds checkpoints, but no flags.cfg and run"):
        run("--objective=supervised", "--max_steps=2")


def test_other_data_are_refused(run, folder, faces, tmp_path, prepare_pictures):
    run("--objective=supervised", "--max_steps=1")
    shutil.copytree(faces, tmp_path / "moved")
    moved = f"--train_data={tmp_path}/moved"
    assert run("--objective=supervised", "--max_steps=2", moved) == [("finetune", 1)]
    other = prepare_pictures(tmp_path / "other", train=36, validation=6)
    for use in ("train_data", "selection_data"):
        with pytest.raises(RunError, match=rf"other flags \(.*--{use}"):
            run("--objective=supervised", "--max_steps=3", f"--{use}={other}")


def test_the_checkpoint_before_a_damaged_one_is_gone_on_from(run, folder, capsys):
    run("--objective=supervised", "--keep_checkpoints=3")
    (newest(folder).path / "arrays.npz").write_bytes(b"")
    assert run("--objective=supervised") == [("finetune", 4)]
    assert "step-0000000005-epoch-000001 is damaged" in capsys.readouterr().err
    steps = [line.step for line in read_history(folder / "history.jsonl")]
    assert steps == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_without_a_whole_checkpoint_it_does_not_begin_anew(run, began, folder, stage):
    run()
    if stage == "pretrain":
        shutil.rmtree(folder / "checkpoints" / "finetune")
    for file in (folder / "checkpoints" / stage).glob("*/manifest.json"):
        file.write_bytes(b"{}")
    with pytest.raises(RunError, match="all are damaged"):
        run()
    assert not began


def test_a_checkpoint_that_does_not_fit_the_model_is_refused(run, folder):
    run("--objective=supervised", "--max_steps=1")
    saved = newest(folder)
    arrays = {k: v for k, v in saved.arrays.items() if k != "metrics/loss/total"}
    shutil.rmtree(saved.path)
    Checkpoints(saved.path.parent).save(arrays, saved.numbers)
    expected = "is that of another model .metrics/loss/total has nothing"
    with pytest.raises(RunError, match=expected):
        run("--objective=supervised", "--max_steps=2")


def test_what_cannot_be_continued_bit_for_bit_is_said(run, folder, monkeypatch, capsys):
    monkeypatch.setattr(module, "draws_by_itself", lambda model: True)
    run("--objective=supervised", "--max_steps=1")
    assert "draws from a generator whose state" in capsys.readouterr().out
    assert facts(folder)["continues_exactly"] is False
    run("--objective=supervised", "--max_steps=2")
    assert facts(folder)["continues_exactly"] is False


def test_classes_are_weighted_where_asked_for(run, monkeypatch):
    seen = []
    build = building.build_finetuning
    monkeypatch.setattr(
        building,
        "build_finetuning",
        lambda *a, **k: (seen.append(k["class_weights"]), build(*a, **k))[1],
    )
    for balance in ("none", "weights"):
        flags = [
            "--objective=supervised",
            "--max_steps=1",
            f"--class_balance={balance}",
        ]
        run(*flags, folder=balance)
    assert seen[0] is None
    np.testing.assert_allclose(seen[1], np.ones(6))


# --init_from


def start_of(began, name):
    return next(arrays for stage, step, arrays in began if (stage, step) == (name, 0))


def taken_from(arrays, prefix):
    return {
        k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)
    }


@pytest.mark.parametrize("source", ["source", "source/checkpoints/pretrain"])
def test_a_pre_training_begins_with_another_ones_networks(
    run, began, tmp_path, source, capsys
):
    run(folder="source")
    saved = newest(tmp_path / "source", "pretrain")
    capsys.readouterr()
    run(f"--init_from={tmp_path / source}", "--max_steps=1", "--seed=9")
    start = start_of(began, "pretrain")
    for name, value in taken_from(saved.arrays, "networks/").items():
        np.testing.assert_array_equal(start[f"networks/{name}"], value, err_msg=name)
    text = capsys.readouterr().out
    _, found, table = text.partition(f"init_from: {tmp_path / source} (pre-training, ")
    rows = [row for row in table.splitlines()[1:] if " taken, " in row]
    assert found and len(rows) == 9 and all(row.endswith(" 0 not") for row in rows)
    assert facts(tmp_path / "run")["init_from"] == {
        "path": str(tmp_path / source),
        "what": "pre-training, step 4",
        "sha256": saved.sha256,
    }


def test_only_the_first_stage_begins_with_them(run, began, tmp_path):
    run(folder="source")
    run(f"--init_from={tmp_path}/source", "--max_steps=1")
    start = start_of(began, "finetune")
    head = newest(tmp_path / "source").arrays["networks/network/head/kernel"]
    assert not np.array_equal(start["networks/network/head/kernel"], head)
    first = newest(tmp_path / "run", "pretrain").arrays
    for name, value in taken_from(first, "networks/online/encoder/").items():
        np.testing.assert_array_equal(start[f"networks/network/encoder/{name}"], value)


def test_changed_weights_are_refused_and_gone_ones_not_needed(run, began, tmp_path):
    run(folder="source")
    flags = [f"--init_from={tmp_path}/source", "--objective=supervised"]
    run(*flags, "--max_steps=1")
    shutil.rmtree(tmp_path / "run" / "checkpoints")  # killed before it was saved
    before = facts(tmp_path / "run")["init_from"]
    assert run(*flags, "--max_steps=1") == [("finetune", 0)]
    assert facts(tmp_path / "run")["init_from"] == before
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    saved = newest(tmp_path / "source", "pretrain")
    shutil.rmtree(saved.path)
    Checkpoints(saved.path.parent).save(
        {**saved.arrays, "x": np.zeros(1)}, saved.numbers
    )
    with pytest.raises(RunError, match="have changed since this run began with them"):
        run(*flags, "--max_steps=1")
    run(*flags, "--max_steps=1", folder="another")
    shutil.rmtree(tmp_path / "source")
    assert run(*flags, "--max_steps=2", folder="another") == [("finetune", 1)]
    assert facts(tmp_path / "another")["init_from"]["what"] == "pre-training, step 4"


def test_stage_2_begins_alike_whether_stage_1_was_continued_or_not(
    run, began, finished, tmp_path, tiny_encoder, monkeypatch
):
    """Of an export, too, for which a network is built when the run begins only."""
    export = tmp_path / "export" / "1"
    network = ExpressionNetwork(tiny_encoder(), 6)
    root = tf.train.Checkpoint(classifier=network)
    root.write(str(export / "variables" / "variables"))
    facts = {"encoder": "tiny", "image_size": 16, "width": 1, "stem": "small"}
    facts |= {"channels": 3, "normalization": "imagenet", "classes": ["x"] * 6}
    (export / "byel.json").write_text(json.dumps(facts))
    build = lambda name, **options: tiny_encoder()  # noqa: E731
    monkeypatch.setattr(networks, "build_encoder", build)
    whole = [f"--init_from={export}", "--max_steps=3"]
    run(*whole, folder="whole")
    expected = start_of(began, "finetune")

    def interrupted(self):
        arrays, numbers = self._state.to_arrays()
        self._checkpoints.save(arrays, {**numbers, "logs": self._log.sizes()})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CountingLoop, "run", interrupted)
        run(*whole)
    assert run(*whole) == [("pretrain", 0), ("finetune", 0)]
    found = start_of(began, "finetune")
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_told_to_end_the_program_says_to_try_again(run, faces, folder, monkeypatch):
    def finish(self, *arguments):
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("not reached")

    monkeypatch.setattr(module._Run, "_finish", finish)
    argv = ["train_main.py", f"--train_data={faces}", f"--model_dir={folder}"]
    argv += [*FLAGS, *SIMPLE, "--objective=supervised", "--max_steps=1"]
    assert run_program(train_main.main, argv, train_main.INTERRUPTED) == 75
    with module.RunDirectory(str(folder)).locked():  # and it was let go
        pass


def test_a_run_in_use_is_left_alone(run, folder):
    run("--objective=supervised", "--max_steps=1")
    before = tree(folder)
    with (
        module.RunDirectory(str(folder)).locked(),
        pytest.raises(RunError, match="is in use by process"),
    ):
        run("--objective=supervised", "--max_steps=2")
    assert tree(folder) == before
