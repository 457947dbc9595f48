"""Which devices TensorFlow sees, and how they are split; before it looks at them."""

import re
import subprocess

import tensorflow as tf

from byel_tf.errors import RunError, UsageError

_NAME = re.compile(r"(cpu|gpu)(?::(\d+))?")
# Of a GPU's memory, for what the driver and other programs take.
_SHARE_OF_MEMORY = 0.9


def choose_devices(names: str, logical_devices: int) -> None:
    """Shows TensorFlow the chosen devices only, and splits them.

    Args:
      names: `--devices`: "cpu", "gpu" for every GPU, or some, as "gpu:0,gpu:2"; empty
        for what there is.
      logical_devices: `--logical_devices`: how many each of them becomes; 0 leaves them
        as they are.

    Raises:
      UsageError: If there is no such device, or TensorFlow has already begun with
        others.
      RunError: If the size of a GPU's memory, which is to be split, cannot be read.
    """
    gpus = _chosen_gpus(names, tf.config.list_physical_devices("GPU"))
    try:
        if names:
            tf.config.set_visible_devices(gpus, "GPU")
        if logical_devices:
            split = gpus or tf.config.list_physical_devices("CPU")[:1]
            memory = _gpu_memory() if gpus else []
            for number, device in enumerate(split):
                limit = memory[number] // logical_devices if gpus else None
                one = tf.config.LogicalDeviceConfiguration(memory_limit=limit)
                before = tf.config.get_logical_device_configuration(device)
                if len(before or ()) != logical_devices:
                    tf.config.set_logical_device_configuration(
                        device, [one] * logical_devices
                    )
    except RuntimeError as error:
        raise UsageError(
            "--devices and --logical_devices cannot change what TensorFlow has already "
            "begun with in this process: start another one"
        ) from error


def _chosen_gpus(names: str, gpus: list) -> list:
    if not names:
        return gpus
    chosen, kinds = [], set()
    for name in names.lower().replace(" ", "").split(","):
        match = _NAME.fullmatch(name)
        if not match or (match[1] == "cpu" and match[2] not in (None, "0")):
            raise UsageError(f"--devices={names}: give cpu, gpu, or gpu:0,gpu:1")
        kind, number = match.groups()
        kinds.add(kind)
        if kind == "gpu" and (not gpus or int(number or 0) >= len(gpus)):
            there = f"there are {len(gpus)}" if gpus else "TensorFlow sees no GPU here"
            raise UsageError(f"--devices={names}: no {name}, {there}")
        if kind == "gpu":
            chosen += gpus if number is None else [gpus[int(number)]]
    if len(kinds) > 1:
        raise UsageError(f"--devices={names}: either the CPU or GPUs")
    if len(set(chosen)) < len(chosen):
        raise UsageError(f"--devices={names} names a GPU twice")
    return chosen


def _gpu_memory() -> list[int]:
    """MB of each GPU that may be taken, as NVIDIA's own tool tells.

    Raises:
      RunError: If it does not.
    """
    command = [
        "nvidia-smi",
        "--query-gpu=memory.total",
        "--format=csv,noheader,nounits",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [int(_SHARE_OF_MEMORY * int(line)) for line in done.stdout.split()]
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise RunError(
            "--logical_devices needs nvidia-smi to tell the GPUs' memory, and it "
            f"failed: {error}"
        ) from error
