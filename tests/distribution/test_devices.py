import subprocess
import sys

import pytest

from byel_tf.distribution import devices as module
from byel_tf.errors import RunError, UsageError

GPUS = ["first", "second", "third"]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ("", GPUS),
        ("gpu", GPUS),
        ("GPU:1", ["second"]),
        ("gpu:2, gpu:0", ["third", "first"]),
        ("cpu", []),
        ("cpu:0", []),
    ],
)
def test_devices_by_name(names, chosen):
    assert module._chosen_gpus(names, GPUS) == chosen


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("gpu:3", "no gpu:3, there are 3"),
        ("gpus", "give cpu, gpu, or"),
        ("0", "give cpu, gpu, or"),
        ("cpu:1", "give cpu, gpu, or"),
        ("gpu:0,", "give cpu, gpu, or"),
        ("cpu,gpu:0", "either the CPU or GPUs"),
        ("gpu:0,gpu:0", "names a GPU twice"),
        ("gpu,gpu:1", "names a GPU twice"),
    ],
)
def test_others_are_one_line(names, message):
    with pytest.raises(UsageError, match=f"--devices={names}.*{message}") as caught:
        module._chosen_gpus(names, GPUS)
    assert "\n" not in str(caught.value)


def test_a_gpu_that_is_not_there():
    with pytest.raises(UsageError, match="TensorFlow sees no GPU here"):
        module.choose_devices("gpu:0", 0)


def test_a_process_that_has_begun_cannot_be_split_anew():
    import tensorflow as tf

    tf.config.list_logical_devices("CPU")
    module.choose_devices("", 2)  # as it is
    with pytest.raises(UsageError, match="start another one"):
        module.choose_devices("", 3)


def test_memory_that_nobody_tells(monkeypatch):
    monkeypatch.setattr(module.subprocess, "run", _missing)
    with pytest.raises(RunError, match="nvidia-smi"):
        module._gpu_memory()


def _missing(*arguments, **options):
    raise FileNotFoundError(2, "No such file or directory", "nvidia-smi")


def test_a_cpu_is_split_and_gpu_memory_grows_as_it_is_needed():
    code = (
        "import os\n"
        "import byel_tf.compat\n"
        "from byel_tf.distribution.strategy import build_strategy\n"
        "strategy = build_strategy('auto', 'cpu', 3)\n"
        "print(type(strategy).__name__, strategy.num_replicas_in_sync)\n"
        "print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["MirroredStrategy", "3", "true"]
