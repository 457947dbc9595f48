import json
import pathlib

import pytest
import tensorflow as tf

from byel_tf.distribution import strategy
from byel_tf.errors import UsageError


def test_without_gpu_auto_is_one_device():
    assert strategy.build_strategy("auto").num_replicas_in_sync == 1


def test_mirrored_takes_every_logical_cpu():
    assert strategy.build_strategy("mirrored").num_replicas_in_sync == 2


def test_unknown_strategy_is_refused():
    with pytest.raises(UsageError, match="--strategy=other"):
        strategy.build_strategy("other")


def test_device_line_names_hardware_and_replicas():
    line = strategy.describe_devices(strategy.build_strategy("mirrored"))
    assert "no GPU" in line and "2 replica" in line


def test_an_idle_nvidia_driver_is_warned_about(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(strategy.shutil, "which", lambda name: None)
    monkeypatch.setattr(strategy, "_NVIDIA_DRIVER", tmp_path / "missing")
    assert strategy.idle_gpu_warning() is None
    monkeypatch.setattr(strategy, "_NVIDIA_DRIVER", pathlib.Path(__file__))
    assert "requirements-gpu.txt" in strategy.idle_gpu_warning()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert strategy.idle_gpu_warning() is None


@pytest.mark.parametrize(
    ("batch_size", "advice"), [(7, "give 6 or 8"), (2, "give 4"), (3, "give 4")]
)
def test_batches_that_do_not_fit_the_replicas_are_refused(
    batch_size, advice, two_replicas
):
    message = f"--batch_size={batch_size} is the sum .*{advice}$"
    with pytest.raises(UsageError, match=message):
        strategy.require_even_batches(two_replicas, batch_size)
    strategy.require_even_batches(two_replicas, 8)


def test_workers_that_nobody_names(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UsageError, match="byel launch --workers=2"):
        strategy.build_strategy("multi_worker")


def test_several_workers_split_no_cpu(monkeypatch):
    task = {"type": "worker", "index": 0}
    cluster = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    with pytest.raises(UsageError, match="start more workers"):
        strategy.build_strategy("auto", logical_devices=2)


@pytest.mark.parametrize(
    ("sync", "xla", "expected"),
    [
        (None, "auto", True),
        (None, "autocluster", True),
        (None, "jit", False),
        (True, "off", True),
        (False, "off", False),
        (False, "jit", False),
    ],
)
def test_batch_norm_is_synchronised_over_several_replicas(
    two_replicas, sync, xla, expected
):
    assert strategy.resolve_sync(sync, xla, two_replicas) == expected
    one = strategy.build_strategy("one_device")
    assert not strategy.resolve_sync(sync, xla, one)


def test_compiled_and_synchronised_is_refused(two_replicas):
    with pytest.raises(UsageError, match="--xla=autocluster, or --nosync_batch_norm"):
        strategy.resolve_sync(True, "jit", two_replicas)


@pytest.mark.parametrize(
    ("flag", "resolved", "clustering"),
    [
        ("auto", "views", ""),
        ("views", "views", ""),
        ("off", "off", ""),
        ("jit", "jit", ""),
        ("autocluster", "autocluster", "autoclustering"),
    ],
)
def test_xla_modes(flag, resolved, clustering):
    try:
        assert strategy.resolve_xla(flag) == resolved
        assert tf.config.optimizer.get_jit() == clustering
    finally:
        tf.config.optimizer.set_jit(False)
