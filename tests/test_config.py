import dataclasses
import pathlib
import re

import pytest

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig, training_config
from byel_tf.errors import UsageError
from byel_tf.flagging import parse, to_flagfile

REQUIRED = ("--train_data=faces", "--model_dir=run")

FIELDS = [
    field for options in TRAINING_OPTIONS for field in dataclasses.fields(options)
]


def parsed(*arguments):
    return TrainingConfig(
        *parse(["train_main.py", *REQUIRED, *arguments], *TRAINING_OPTIONS)
    )


def test_every_option_is_documented_and_named_once():
    names = [field.name for field in FIELDS]
    assert len(set(names)) == len(names)
    for field in FIELDS:
        assert field.metadata["help"].endswith("."), field.name


def test_defaults_keep_their_own_limits():
    for field in FIELDS:
        default = field.default
        choices = field.metadata["choices"]
        lower, upper = field.metadata["lower"], field.metadata["upper"]
        if choices:
            assert default in choices, field.name
        if default not in (None, dataclasses.MISSING) and lower is not None:
            assert default >= lower, field.name
        if default not in (None, dataclasses.MISSING) and upper is not None:
            assert default <= upper, field.name


def test_defaults_are_the_reference_run():
    config = parsed()
    assert (config.data.image_size, config.run.batch_size) == (128, 256)
    assert (config.model.objective, config.model.encoder) == ("byel", "resnet50")
    assert (config.model.projection_size, config.model.hidden_size) == (256, 4096)
    stage1, stage2 = config.pretrain, config.finetune
    assert (stage1.pretrain_epochs, stage2.finetune_epochs) == (100, 100)
    assert (stage1.pretrain_optimizer, stage1.pretrain_learning_rate) == ("lars", 0.2)
    assert (stage1.pretrain_momentum, stage1.pretrain_weight_decay) == (0, 1.5e-6)
    assert (stage1.lars_trust_ratio, stage1.target_momentum) == ("sum_of_norms", 0.99)
    assert (stage2.finetune_optimizer, stage2.finetune_learning_rate) == ("adam", 1e-4)
    assert stage2.dropout == 0.3


def test_recipe_switches_are_off_by_default():
    config = parsed()
    model, stage2 = config.model, config.finetune
    assert model.channels == 3
    assert (model.label_smoothing, model.action_unit_weight) == (0, 0)
    assert (stage2.weight_ema, stage2.flip_average) == (0, False)
    assert {config.pretrain.pretrain_schedule, stage2.finetune_schedule} == {"constant"}


def test_eval_data_is_repeatable():
    config = parsed("--eval_data=a=x", "--eval_data=y,z")
    assert config.data.eval_data == ("a=x", "y,z")


def test_effective_flags_reload(tmp_path):
    config = parsed("--eval_data=a=x", "--max_steps=3", "--objective=byol", "--seed=0")
    groups = [getattr(config, field.name) for field in dataclasses.fields(config)]
    file = tmp_path / "flags.cfg"
    file.write_text(to_flagfile(*groups))
    again = parse(["train_main.py", f"--flagfile={file}"], *TRAINING_OPTIONS)
    assert TrainingConfig(*again) == config


def test_effective_flags_hold_whole_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    config = parsed(
        "--train_data=~/faces",
        "--eval_data=real=~/rafdb",
        "--eval_data=~/shifted",
        "--selection_data=own=~/own",
        "--head=~/ICT-FaceKit",
        "--model_dir=~/runs/1",
    )
    lines = to_flagfile(config.data, config.run).splitlines()
    assert [line for line in lines if "/" in line] == [
        "--train_data=/home/ann/faces",
        "--eval_data=real=/home/ann/rafdb",
        "--eval_data=/home/ann/shifted",
        "--selection_data=own=/home/ann/own",
        "--head=/home/ann/ICT-FaceKit",
        "--model_dir=/home/ann/runs/1",
    ]


@pytest.mark.parametrize(
    "argument",
    [
        "--train_data=gs://bucket/x",
        "--eval_data=real=s3://bucket/x",
        "--selection_data=hdfs://host/x",
        "--head=https://host/x",
        "--model_dir=gs://bucket/x",
    ],
)
def test_addresses(argument):
    with pytest.raises(UsageError, match=f"^{argument} is an address: "):
        parsed(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "--objective=simclr",
        "--batch_size=1",
        "--image_size=8",
        "--seed=-1",
        "--seed=2147483648",
        "--dropout=1",
        "--target_momentum=1.5",
        "--pretrain_learning_rate=nan",
        "--max_steps=0",
        "--channels=2",
        "--weight_ema=1",
        "--action_unit_weight=-1",
        "--precision=float16",
    ],
)
def test_limits(argument):
    with pytest.raises(UsageError, match=argument.partition("=")[0]):
        parsed(argument)


FLAGS = pathlib.Path(__file__).resolve().parents[1] / "flags"


def test_recipes_on_drawn_faces_say_how_these_are_drawn():
    texts = [path.read_text(encoding="utf-8") for path in FLAGS.glob("*.cfg")]
    headers = "".join(re.findall(r"^#.*$", "".join(texts), re.M))
    found = [
        (folder, f"--output={folder}" in headers or "\n--synthesize_train=" in text)
        for text in texts
        for folder in re.findall(r"^--train_data=(?:\w+=)?(.+)$", text, re.M)
    ]
    assert len(found) >= 7
    assert all(told for _, told in found), found


def test_the_recipe_for_own_images_asks_for_nothing_that_only_drawn_faces_have():
    own = training_config(FLAGS / "own.cfg", train_data="mine", model_dir="run")
    assert own.model.action_unit_weight == 0
    assert own.data == dataclasses.replace(
        own.data, eval_data=(), selection_data="", synthesize_train=0
    )


def test_options_from_a_program():
    config = training_config(
        FLAGS / "own.cfg",
        train_data="mine",
        model_dir="run",
        eval_data=["a=x", "b=y"],
        emotion_subtraction=False,
        max_steps=None,
        finetune_learning_rate=3e-4,
    )
    assert config.data.eval_data == ("a=x", "b=y")
    assert config.model.emotion_subtraction is False
    assert config.run.max_steps is None
    assert config.finetune.finetune_learning_rate == 3e-4
    assert config.model.width == 0.5  # of the file


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"train_data": "x", "model_dir": "y", "epochs": 3}, "unknown flag --epochs"),
        ({"train_data": "x"}, "--model_dir is missing"),
        ({"train_data": "x", "model_dir": "y", "seed": "one"}, "--seed=one"),
        ({"flagfile": "nowhere.cfg"}, "--flagfile=nowhere.cfg cannot be read"),
    ],
)
def test_options_from_a_program_that_cannot_be_meant(flags, message):
    with pytest.raises(UsageError, match=message):
        training_config(**flags)
