import json
import sys

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import stages
from benchmarks.pictures import make_dataset
from benchmarks.train_step import has_torch, main
from byel_tf.distribution.strategy import build_strategy
from byel_tf.errors import RunError, UsageError
from tests import small_network

TINY = {
    "encoder": small_network.NAME,
    "image_size": 16,
    "batch_size": 8,
    "width": 0.0625,
}


@pytest.fixture(scope="module", autouse=True)
def _small_network():
    with small_network.there():
        yield


def command(tmp_path, *flags):
    tiny = [f"--{name}={value}" for name, value in TINY.items()]
    common = ["--config=flags/facekit.cfg", "--rounds=2", "--steps=1"]
    return ["train_step", f"--output={tmp_path / 'r.json'}", *tiny, *common, *flags]


def test_step_floor_and_views_without_torch(tmp_path, capsys):
    flags = ("--objectives=supervised", "--precisions=float32")
    main(command(tmp_path, *flags, f"--torch_python={tmp_path / 'none'}"))
    (cell,) = json.loads((tmp_path / "r.json").read_text())["cells"]
    spent = cell["milliseconds"]
    assert set(spent) == {"step", "step with views", "views", "pass"}
    assert all(0 < one["low"] <= one["median"] <= one["high"] for one in spent.values())
    assert set(cell["processor_milliseconds"]) == set(spent)
    assert cell["ratios"]["step / floor"]["median"] > 0
    assert cell["torch"] is None
    out = capsys.readouterr().out
    assert "supervised float32 views one_device" in out
    assert "PyTorch is not installed for" in out


@pytest.mark.skipif(not has_torch(sys.executable), reason="PyTorch is not installed")
@pytest.mark.parametrize("objective", ["byel", "byol", "supervised"])
def test_pytorch_takes_turns(tmp_path, objective):
    flags = (f"--objectives={objective}", "--precisions=mixed_bfloat16")
    main(command(tmp_path, "--encoder=resnet18", *flags))
    (cell,) = json.loads((tmp_path / "r.json").read_text())["cells"]
    assert cell["ratios"]["PyTorch / step"]["median"] > 0
    assert cell["ratios"]["PyTorch with views / step with views"]["median"] > 0


def test_an_unknown_value_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="'float8' is none of float32"):
        main(command(tmp_path, "--precisions=float8"))


def test_bare_step_trains_on_kept_batches(tmp_path):
    dataset = make_dataset(tmp_path, 40, 16)
    config = stages.stage_config("flags/facekit.cfg", dataset, tmp_path, **TINY)
    strategy = build_strategy("one_device")
    inputs = stages.stage_inputs(config, dataset, "supervised")
    ready = stages.with_ready_views(inputs)
    stage = stages.build_stage(config, dataset, "supervised", ready, strategy)
    batches = stages.kept_batches(ready, strategy, 3)
    first = next(iter(inputs.batches(0)))
    (expected,) = inputs.make_views(first)
    np.testing.assert_allclose(batches[0]["views"][:, 0], expected, atol=1e-5)
    before = [tf.identity(v) for v in stage.model.learned_variables]
    step = stages.bare_step(stage, strategy, batches)
    step()
    step()
    assert int(stage.model.optimizer.iterations) == 2
    assert any(
        np.any(v.numpy() != old.numpy())
        for v, old in zip(stage.model.learned_variables, before, strict=True)
    )


def test_other_number_of_devices_is_refused():
    tf.config.list_logical_devices()
    with pytest.raises(UsageError, match="in a process of its own"):
        stages.logical_devices(5)


def test_child_that_fails_says_why():
    from benchmarks.turns import TurnTaker

    with pytest.raises(RunError, match=r"benchmarks.nothing: it ended"):
        TurnTaker([sys.executable, "-m", "benchmarks.nothing"])
