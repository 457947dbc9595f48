"""The real program, with networks that learn for a few steps only."""

import json

import numpy as np
import pytest
from PIL import Image

from byel_tf.cli import train_detector
from byel_tf.detection.own import OwnDetector
from byel_tf.detection.weights import parse_weights
from byel_tf.program import run_program

FEW = (
    "--heads_each=6",
    "--scenes=16",
    "--faceless=6",
    "--mend_rounds=1",
    "--mend_scenes=4",
    "--propose_steps=4",
    "--look_steps=3",
    "--final_steps=2",
    "--batch_size=4",
    "--workers=1",
    "--seed=3",
)


def run(*arguments):
    return run_program(train_detector.main, ["train_detector", *map(str, arguments)])


def test_a_small_training(tmp_path, capsys):
    folder = tmp_path / "detector"
    assert run(f"--output={folder}", *FEW) == 0, capsys.readouterr().err
    assert f"the weights are in {folder}" in capsys.readouterr().out
    weights = parse_weights((folder / "weights.npz").read_bytes(), "weights.npz")
    for name, array in weights.items():
        assert np.isfinite(array).all(), name
        assert np.ptp(array) > 0, name
    picture = Image.new("RGB", (120, 90), (90, 90, 90))
    assert OwnDetector(0.99, weights).largest(picture) is None
    record = json.loads((folder / "training.json").read_text())
    assert record["heads"] == ["built-in"]
    assert (record["scenes"], record["seed"]) == (16, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        "training.json",
        "weights.npz",
    ]

    assert run(f"--output={folder}", *FEW) == 1
    assert "holds the weights of another training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--output is missing"),
        (("--output=x", "--head=built-in", "--head=built-in"), "is given twice"),
        (("--output=x", "--scenes=0"), "--scenes=0: expected an integer of at least 1"),
        (("--output=x", "--heads=a"), "did you mean --head=VALUE?"),
        (("--output=x", "--head=nobody"), "--head=nobody: expected built-in"),
    ],
)
def test_wrong_usage(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
