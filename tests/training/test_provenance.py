import json

import pytest

from byel_tf import __version__
from byel_tf.data.manifest import open_dataset
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError
from byel_tf.training.provenance import describe_run, require_same_run

FLAGS = ["--train_data=a", "--model_dir=run", "--seed=1", "--eval_data=x=y"]
USED = {"sha256": "1", "path": "a"}
RUN = {"datasets": {"train_data": USED, "selection_data": USED}}


@pytest.fixture
def dataset(tmp_path, tiny_png):
    with write_dataset(tmp_path / "set", ("a", "b"), {"kind": "test"}) as writer:
        writer.add("train", Record(tiny_png, "png", 1, 1, 0, "a", "x.png"))
    return open_dataset(f"mine={tmp_path / 'set'}")


def test_description(dataset):
    content = describe_run("one CPU", {"train_data": dataset}, "none")
    assert json.loads(json.dumps(content)) == content
    assert content["byel_tf"] == __version__
    assert content["devices"] == "one CPU"
    assert content["packages"]["tensorflow"]
    assert content["datasets"] == {
        "train_data": {
            "name": "mine",
            "path": str(dataset.path),
            "sha256": dataset.manifest_sha256,
            "source": {"kind": "test"},
        }
    }


def test_same_run():
    require_same_run("run", FLAGS, FLAGS, RUN, RUN)


@pytest.mark.parametrize(
    "change", ["--train_data=b", "--eval_data=z", "--max_steps=5", "--xla=jit"]
)
def test_what_may_change(change):
    require_same_run("run", FLAGS, [*FLAGS[1:], change], RUN, RUN)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([*FLAGS[:2], "--seed=2"], "holds a run with --seed=1, now it is 2"),
        ([*FLAGS, "--dropout=0.1"], "with --dropout=None, now it is 0.1"),
        (FLAGS[:2], "with --seed=1, now it is None"),
    ],
)
def test_what_may_not(flags, expected):
    with pytest.raises(RunError, match=expected):
        require_same_run("run", FLAGS, flags, RUN, RUN)


def test_other_training_data():
    for use in ("train_data", "selection_data"):
        other = {"datasets": {**RUN["datasets"], use: {"sha256": "2", "path": "b"}}}
        with pytest.raises(RunError, match=rf"another --{use} \(a\): choose another"):
            require_same_run("run", FLAGS, FLAGS, RUN, other)


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        ("pretrain_schedule=warmup_cosine", "pretrain_epochs"),
        ("target_momentum_schedule=cosine", "pretrain_epochs"),
        ("finetune_schedule=one_cycle", "finetune_epochs"),
    ],
)
def test_epochs_that_a_schedule_runs_over_may_not_change(schedule, epochs):
    before = [*FLAGS, f"--{epochs}=1"]
    now = [*FLAGS, f"--{epochs}=2"]
    require_same_run("run", before, now, RUN, RUN)
    with pytest.raises(RunError, match=f"with --{epochs}=1, now it is 2"):
        require_same_run(
            "run", [*before, f"--{schedule}"], [*now, f"--{schedule}"], RUN, RUN
        )


@pytest.mark.parametrize("damaged", [{}, [], {"datasets": {}}, {"datasets": None}])
def test_damaged_description(damaged):
    with pytest.raises(RunError, match=r"run\.json in --model_dir=run is damaged"):
        require_same_run("run", FLAGS, FLAGS, damaged, RUN)
