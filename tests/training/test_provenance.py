import json

import pytest

from byel_tf import __version__
from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError
from byel_tf.flagging import parse, to_flagfile
from byel_tf.training.provenance import (
    config_groups,
    default_flags,
    describe_run,
    numeric_changes,
    require_same_run,
)

FLAGS = ["--train_data=a", "--model_dir=run", "--seed=1", "--eval_data=x=y"]
USED = {"sha256": "1", "path": "a"}
RUN = {"datasets": {"train_data": USED, "selection_data": USED}}


@pytest.fixture
def dataset(tmp_path, tiny_png):
    with write_dataset(tmp_path / "set", ("a", "b"), {"kind": "test"}) as writer:
        writer.add("train", Record(tiny_png, "png", 1, 1, 0, "a", "x.png"))
    return open_dataset(f"mine={tmp_path / 'set'}")


def test_description(dataset):
    content = describe_run("one CPU", "float32", {"train_data": dataset}, "none")
    assert json.loads(json.dumps(content)) == content
    assert content["byel_tf"] == __version__
    assert (content["devices"], content["precision"]) == ("one CPU", "float32")
    assert content["packages"]["tensorflow"]
    assert content["datasets"] == {
        "train_data": {
            "name": "mine",
            "path": str(dataset.path),
            "sha256": dataset.manifest_sha256,
            "source": {"kind": "test"},
        }
    }


def same(flags, before=FLAGS, defaults=(), previous=RUN, run=RUN):
    require_same_run("run", before, flags, defaults, previous, run)


@pytest.mark.parametrize(
    ("before", "now"), [("float32", "mixed_bfloat16"), ("mixed_bfloat16", "float32")]
)
def test_another_precision_of_the_same_state_is_no_other_run(before, now):
    flags = [f"--precision={before}", "--precision=auto"]
    same([*FLAGS, flags[1]], [*FLAGS, flags[0]], run={**RUN, "precision": now})
    changes = numeric_changes(
        [*FLAGS, flags[0]], [*FLAGS, flags[1]], (), RUN, {**RUN, "precision": now}
    )
    assert changes == [f"precision {now} (was {before})"]


@pytest.mark.parametrize("others", [["auto", "mixed_float16"], ["mixed_float16"] * 2])
def test_a_scaled_loss_is_another_state(others):
    flags = [f"--precision={name}" for name in others]
    runs = [{**RUN, "precision": name} for name in ("float32", "mixed_float16")]
    for order in (1, -1):
        before, now = runs[::order]
        with pytest.raises(RunError, match=r"other flags \(--precision; "):
            same([*FLAGS, flags[1]], [*FLAGS, flags[0]], previous=before, run=now)


def test_same_run():
    same(FLAGS)


@pytest.mark.parametrize(
    "change", ["--train_data=b", "--eval_data=z", "--max_steps=5", "--xla=jit"]
)
def test_what_may_change(change):
    same([*FLAGS[1:], change])


@pytest.mark.parametrize(
    ("flags", "row"),
    [
        ([*FLAGS[:2], "--seed=2"], "--seed  1            2"),
        ([*FLAGS, "--dropout=0.1"], "--dropout  not set      0.1"),
        (FLAGS[:2], "--seed  1            not set"),
        ([*FLAGS, "--encoder=a=b"], "--encoder  not set      a=b"),
    ],
)
def test_what_may_not(flags, row, capsys):
    with pytest.raises(RunError, match=f"with other flags .{row.split()[0]}; see the"):
        same(flags)
    header, line = capsys.readouterr().err.splitlines()
    assert header.split("  ")[0] == "flag" and line == row


def test_all_that_differs_is_named(capsys):
    other = {
        "datasets": {**RUN["datasets"], "train_data": {"sha256": "2", "path": "b"}}
    }
    with pytest.raises(RunError) as caught:
        same([*FLAGS[:2], "--seed=2", "--dropout=0.1"], run=other)
    assert str(caught.value) == (
        "--model_dir=run holds a run with other flags (--dropout, --seed, "
        "--train_data; see the table above): choose another --model_dir, or give "
        "those it has"
    )
    assert capsys.readouterr().err.splitlines() == [
        "flag          the run has  now it is",
        "--dropout     not set      0.1",
        "--seed        1            2",
        "--train_data  a (1)        b (2)",
    ]


def test_a_flag_that_was_not_known_had_its_default():
    same([*FLAGS, "--new=1"], defaults=["--new=1", "--seed=9"])
    same(FLAGS, before=[*FLAGS, "--old=1"], defaults=["--old=1"])
    with pytest.raises(RunError, match="--new"):
        same([*FLAGS, "--new=2"], defaults=["--new=1"])


def test_defaults_are_those_of_every_flag_that_has_one():
    defaults = dict(line[2:].split("=", 1) for line in default_flags())
    assert defaults["dropout"] == "0.3" and defaults["emotion_subtraction"] == "true"
    assert not {"train_data", "model_dir"} & defaults.keys()
    argv = ["p", "--train_data=x", "--model_dir=y"]
    config = TrainingConfig(*parse(argv, *TRAINING_OPTIONS))
    flags = to_flagfile(*config_groups(config)).splitlines()
    assert set(default_flags()) == set(flags) - {"--train_data=x", "--model_dir=y"}


def test_other_training_data():
    for use in ("train_data", "selection_data"):
        other = {"datasets": {**RUN["datasets"], use: {"sha256": "2", "path": "b"}}}
        with pytest.raises(RunError, match=rf"other flags \(--{use}; see"):
            same(FLAGS, run=other)


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        ("pretrain_schedule=warmup_cosine", "pretrain_epochs"),
        ("target_momentum_schedule=cosine", "pretrain_epochs"),
        ("finetune_schedule=one_cycle", "finetune_epochs"),
    ],
)
def test_epochs_that_a_schedule_runs_over_may_not_change(schedule, epochs):
    before, now = ([*FLAGS, f"--{epochs}={number}"] for number in (1, 2))
    same(now, before)
    with pytest.raises(RunError, match=f"--{epochs}"):
        same([*now, f"--{schedule}"], [*before, f"--{schedule}"])


@pytest.mark.parametrize("damaged", [{}, [], {"datasets": {}}, {"datasets": None}])
def test_damaged_description(damaged):
    with pytest.raises(RunError, match=r"run\.json in --model_dir=run is damaged"):
        same(FLAGS, previous=damaged)


def test_what_may_change_the_last_digits():
    before = {"byel_tf": "1", "packages": {"numpy": "1", "keras": None}, "devices": "x"}
    now = {"byel_tf": "2", "packages": {"numpy": "2", "keras": None}, "devices": "y"}
    flags = ([*FLAGS, "--strategy=auto"], [*FLAGS, "--deterministic=true", "--cache=x"])
    defaults = ["--deterministic=false", "--strategy=auto"]
    assert numeric_changes(*flags, defaults, before, now) == [
        "--deterministic=true (was false)",
        "byel_tf 2 (was 1)",
        "numpy 2 (was 1)",
        "devices y (was x)",
    ]
    assert numeric_changes(FLAGS, FLAGS, (), before, before) == []
    # Of a run.json that others have changed.
    assert numeric_changes(FLAGS, FLAGS, (), {}, {"packages": None}) == []
