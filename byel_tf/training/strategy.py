"""Devices: which there are, and how a run is spread over them."""

import functools
import os
import pathlib
import shutil
import sys

import tensorflow as tf

from byel_tf.errors import UsageError

_NVIDIA_DRIVER = pathlib.Path("/proc/driver/nvidia/version")


def build_strategy(name: str) -> tf.distribute.Strategy:
    """Makes a distribution strategy by name.

    Args:
      name: "one_device"; "mirrored": all GPUs, or all logical CPU devices where
        there is no GPU; "auto": mirrored for several GPUs, else one device.

    Raises:
      UsageError: If there is no such strategy.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return _mirrored(tuple(device.name for device in devices))
    raise UsageError(f"--strategy={name} is unknown")


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy a process: each numbers its collectives from the same start.

    Two of them would take one another's all-reduce for their own.
    """
    return tf.distribute.MirroredStrategy(list(devices))


def describe_devices(strategy: tf.distribute.Strategy) -> str:
    """One line: what the run computes on."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        hardware = f"{len(gpus)} × GPU {details.get('device_name', '')}".strip()
    else:
        hardware = f"CPU, {os.cpu_count()} cores, no GPU"
    replicas = strategy.num_replicas_in_sync
    return f"{hardware}; {type(strategy).__name__}, {replicas} replica(s)"


def idle_gpu_warning() -> str | None:
    """What to say if this machine has an NVIDIA GPU that TensorFlow does not see."""
    if tf.config.list_physical_devices("GPU"):
        return None
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None  # hidden on purpose
    if not _NVIDIA_DRIVER.exists() and not shutil.which("nvidia-smi"):
        return None
    return (
        "warning: an NVIDIA driver is installed, but TensorFlow sees no GPU; for its "
        "CUDA libraries run: pip install -r requirements-gpu.txt"
    )


def require_even_batches(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Refuses a batch that does not give every replica the same two or more images.

    Collectives of unlike shares end in a crash, and batch norm over one image in
    nothing at all.

    Raises:
      UsageError: If the global batch size does not fit the replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas or batch_size < 2 * replicas:
        raise UsageError(
            f"--batch_size={batch_size} is the sum over {replicas} replicas: give a "
            f"multiple of {replicas} that is at least {2 * replicas}"
        )


def resolve_xla(xla: str) -> str:
    """What XLA does in this run; switches auto-clustering on or off.

    Args:
      xla: "auto" (compile on GPUs; on CPUs XLA is about ten times slower for these
        networks, and Apple's GPUs have none), "off", "autocluster" or "jit".

    Returns:
      "off", "autocluster" or "jit".

    Raises:
      UsageError: If it is asked for on an Apple GPU.
    """
    gpus = tf.config.list_physical_devices("GPU")
    is_apple = bool(gpus) and sys.platform == "darwin"
    if is_apple and xla in ("jit", "autocluster"):
        raise UsageError(
            f"--xla={xla}: Apple's GPU plugin cannot run XLA, give --xla=off"
        )
    tf.config.optimizer.set_jit("autoclustering" if xla == "autocluster" else False)
    if xla == "auto":
        return "jit" if gpus and not is_apple else "off"
    return xla


def make_deterministic(deterministic: bool) -> None:
    """Makes operations give the same bits each time, on GPUs too, if asked for.

    TensorFlow then refuses those that cannot.
    """
    if deterministic:
        tf.config.experimental.enable_op_determinism()
