import dataclasses

import pytest

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError, UsageError
from byel_tf.flagging import parse
from byel_tf.training.datasets import open_datasets, require_distinct_names


@pytest.fixture
def make(tmp_path, tiny_png):
    """Prepares a data set with the given numbers of records by split."""

    def prepare(name, classes=("a", "b"), label=0, source=(), units=(), **counts):
        source = {"kind": "test", **dict(source)}
        with write_dataset(tmp_path / name, classes, source, units) as writer:
            for split, count in counts.items():
                for _ in range(count):
                    writer.add(split, Record(tiny_png, "png", 1, 1, label, "", "x"))
        return str(tmp_path / name)

    return prepare


def configured(train_data, *arguments):
    argv = ["p", f"--train_data={train_data}", "--model_dir=run", "--batch_size=4"]
    return TrainingConfig(*parse([*argv, *arguments], *TRAINING_OPTIONS))


def test_opened(make):
    train = make("faces", train=4, validation=1, test=1)
    other = make("other", test=2)
    chosen = make("chosen", validation=1)
    opened = open_datasets(
        configured(train, f"--eval_data=real={other}", f"--selection_data={chosen}")
    )
    assert opened.classes == ("a", "b")
    assert opened.selection.name == "chosen"
    assert list(opened.reported) == ["faces", "real"]
    assert {use: d.name for use, d in opened.by_use.items()} == {
        "train_data": "faces",
        "selection_data": "chosen",
        "eval_data faces": "faces",
        "eval_data real": "real",
    }


def test_votes_are_counted(make, tmp_path, tiny_png):
    train = make("faces", train=4, validation=1)
    assert open_datasets(configured(train)).voted is None
    with pytest.raises(UsageError, match="no training image of data set faces .* has"):
        open_datasets(configured(train, "--soft_labels"))
    voted = tmp_path / "voted"
    with write_dataset(voted, ("a", "b"), {"kind": "test"}) as writer:
        for votes in (None, (3.0, 1.0), (1.0, 1.0), (0.0, 2.0)):
            record = Record(tiny_png, "png", 1, 1, 0, "", "x", votes=votes)
            writer.add("train", record)
        writer.add("validation", record)
    assert open_datasets(configured(voted, "--soft_labels")).voted == 3


def test_training_set_without_a_test_split(make):
    opened = open_datasets(configured(make("faces", train=4, validation=1)))
    assert opened.reported == {}
    assert opened.selection is opened.train


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"test": 4}, "has no train split to learn from"),
        ({"train": 3, "validation": 1}, "3 training images, fewer than --batch_size=4"),
        ({"train": 4, "test": 1}, "no validation split to select .*--selection=last"),
        ({"train": 4, "validation": 1, "label": -1}, "no train split to learn from"),
    ],
)
def test_training_set_that_cannot_be_used(make, counts, expected):
    with pytest.raises(RunError, match=expected):
        open_datasets(configured(make("faces", **counts)))


def test_last_epoch_needs_no_validation_split(make):
    open_datasets(configured(make("faces", train=4), "--selection=last"))


def test_action_units_that_are_not_there(make):
    train = make("faces", train=4, validation=1)
    expected = "--action_unit_weight=0.5, but data set faces .* has no action units"
    with pytest.raises(UsageError, match=expected):
        open_datasets(configured(train, "--action_unit_weight=0.5"))


@pytest.mark.parametrize(
    ("said", "flags", "expected"),
    [
        ("expression", [], "expression"),
        ("neutral", ["--subtraction=action_units"], "neutral"),
        ("neutral", ["--pairs=none"], "none"),
        ("neutral", ["--pairs=label"], "label"),
        ("none", [], "none"),
        # What the objective looks at.
        ("neutral", ["--objective=supervised"], "none"),
        ("expression", ["--objective=supervised"], "expression"),
        ("expression", ["--objective=fixmatch"], "none"),
    ],
)
def test_pairs_are_those_of_the_data_set_unless_told(make, said, flags, expected):
    options = {"source": {"pairs": said}, "units": ("brow",)}
    train = make("faces", train=4, validation=1, **options)
    assert open_datasets(configured(train, *flags)).pairs == expected


@pytest.mark.parametrize(
    ("said", "flags", "expected"),
    [
        ("sisters", [], "kind 'sisters', which .* give --pairs=none"),
        ("expression", ["--subtraction=action_units"], "synthesize --pairs=neutral"),
        (
            "neutral",
            ["--subtraction=action_units", "--objective=byol"],
            "is for --objective=byel or joint",
        ),
        (
            "neutral",
            ["--subtraction=action_units", "--noemotion_subtraction"],
            "with --emotion_subtraction",
        ),
        (
            "neutral",
            ["--subtraction=action_units", "--label_share=0.5"],
            "--label_share=0.5 hides most",
        ),
        (
            "none",
            ["--pairs=label", "--objective=supervised"],
            "bootstraps, which --objective=supervised does not",
        ),
        ("none", ["--pairs=label", "--objective=fixmatch"], "fixmatch does not"),
    ],
)
def test_pairs_and_labels_that_cannot_be_used(make, said, flags, expected):
    train = make(
        "faces", train=4, validation=1, source={"pairs": said}, units=("brow",)
    )
    with pytest.raises((RunError, UsageError), match=expected):
        open_datasets(configured(train, *flags))


@pytest.mark.parametrize("flag", ["eval_data", "selection_data"])
def test_other_classes(make, flag):
    train = make("faces", train=4, validation=1)
    other = make("other", classes=("b", "c"), validation=1, test=1)
    with pytest.raises(RunError, match="data set other .* has the classes b, c"):
        open_datasets(configured(train, f"--{flag}={other}"))


def test_reported_set_without_a_test_split(make):
    train, other = make("faces", train=4, validation=1), make("other", train=1)
    with pytest.raises(RunError, match="data set other .* no test split to report on"):
        open_datasets(configured(train, f"--eval_data={other}"))


@pytest.mark.parametrize(
    ("train", "evaluated"),
    [("a/x", ["b/x"]), ("x", ["y=a", "y=b"]), ("x=a", ["b/x"]), ("x", ["x"])],
)
def test_name_that_stands_twice(train, evaluated):
    data = configured(train, *(f"--eval_data={text}" for text in evaluated)).data
    with pytest.raises(UsageError, match="two data sets are named '[xy]', those"):
        require_distinct_names(data)


def test_distinct_names():
    data = configured("a/x", "--eval_data=b/y", "--eval_data=z=b/y").data
    require_distinct_names(data)
    assert dataclasses.is_dataclass(data)
