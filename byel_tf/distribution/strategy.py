"""How a run is spread over devices and machines."""

import functools
import os
import pathlib
import shutil
import sys

import tensorflow as tf

from byel_tf.compat import without_remarks
from byel_tf.distribution.devices import choose_devices
from byel_tf.distribution.members import Members, read_members
from byel_tf.distribution.patience import patiently
from byel_tf.errors import UsageError

_NVIDIA_DRIVER = pathlib.Path("/proc/driver/nvidia/version")


def build_strategy(
    name: str, devices: str = "", logical_devices: int = 0
) -> tf.distribute.Strategy:
    """Makes a distribution strategy by name; with other workers, waits for them.

    Args:
      name: "one_device"; "mirrored": all GPUs, or all logical CPU devices where
        there is no GPU; "multi_worker": all GPUs, or the CPU, of all workers that
        `TF_CONFIG` or SLURM's variables name; "auto": the last where they name more
        than one, mirrored for several GPUs or logical devices, else one device.
      devices: As of `choose_devices`.
      logical_devices: As of `choose_devices`.

    Raises:
      UsageError: If there is no such strategy or device, or none but this worker.
    """
    if name not in ("auto", "one_device", "mirrored", "multi_worker"):
        raise UsageError(f"--strategy={name} is unknown")
    choose_devices(devices, logical_devices)
    members = read_members(os.environ) if name in ("auto", "multi_worker") else None
    if members:
        if logical_devices and not tf.config.list_physical_devices("GPU"):
            raise UsageError(
                "--logical_devices splits no CPU among several workers, each of which "
                "has one: start more workers"
            )
        return _multi_worker(members)
    if name == "multi_worker":
        raise UsageError(
            "--strategy=multi_worker: neither TF_CONFIG nor SLURM's variables name two "
            "workers; on one machine, byel launch --workers=2 -- train … sets it"
        )
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 or logical_devices > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    found = gpus or tf.config.list_logical_devices("CPU")
    return _mirrored(tuple(device.name for device in found))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy a process: each numbers its collectives from the same start.

    Two of them would take one another's all-reduce for their own.
    """
    return tf.distribute.MirroredStrategy(list(devices))


@functools.cache
def _multi_worker(members: Members) -> tf.distribute.Strategy:
    """As of `_mirrored`; its coordination service tells each of the others' end."""
    own = members.workers[members.index]
    print(
        f"worker {members.index} of {len(members.workers)} ({own}): waiting for the "
        f"others ({', '.join(w for w in members.workers if w != own)})",
        flush=True,
    )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(members.workers)}),
        task_type="worker",
        task_id=members.index,
        rpc_layer="grpc",
    )
    try:
        return patiently(lambda: tf.distribute.MultiWorkerMirroredStrategy(resolver))
    except RuntimeError as error:
        raise UsageError(
            "several workers have to be joined before TensorFlow does anything else in "
            "this process: start another one"
        ) from error
    except tf.errors.OpError as error:
        reason = " ".join(error.message.strip().splitlines()[0].split())
        raise UsageError(
            f"worker {members.index} cannot serve at {own}: {reason}"
        ) from (error)


def describe_devices(strategy: tf.distribute.Strategy) -> str:
    """One line: what the run computes on."""
    gpus = tf.config.get_visible_devices("GPU")
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
        below = max(batch_size // replicas, 2) * replicas
        above = below + replicas
        nearest = f"{below} or {above}" if below <= batch_size else str(below)
        raise UsageError(
            f"--batch_size={batch_size} is the sum over {replicas} replicas, each of "
            f"which takes the same number, at least 2: give {nearest}"
        )


def resolve_sync(sync: bool | None, xla: str, strategy: tf.distribute.Strategy) -> bool:
    """Whether batch norm's statistics are those of the global batch.

    Args:
      sync: `--sync_batch_norm`; None for what fits: synchronised over several replicas,
        unless XLA is to compile the step.
      xla: `--xla`.
      strategy: The run's.

    Raises:
      UsageError: If both are asked for.
    """
    if strategy.num_replicas_in_sync == 1:
        return False  # the whole batch is here
    if sync and xla == "jit":
        raise UsageError(
            "--xla=jit compiles the passes, within which no replica can hear of the "
            "others' statistics: give --xla=autocluster, or --nosync_batch_norm"
        )
    return xla != "jit" if sync is None else sync


def resolve_xla(xla: str, is_synchronized: bool = False) -> str:
    """What XLA does in this run; switches auto-clustering on or off.

    Args:
      xla: "auto" (compile on GPUs; on CPUs the views alone, since XLA is about ten
        times slower for these networks there; Apple's GPUs have none, nor has
        TensorFlow on Windows), "off", "views", "autocluster" or "jit".
      is_synchronized: Whether replicas speak to each other within the passes, so that
        these cannot be compiled as a whole.

    Returns:
      "off", "views", "autocluster" or "jit".

    Raises:
      UsageError: If it is asked for on an Apple GPU.
    """
    gpus = tf.config.get_visible_devices("GPU")
    is_apple = bool(gpus) and sys.platform == "darwin"
    if is_apple and xla not in ("auto", "off"):
        raise UsageError(
            f"--xla={xla}: Apple's GPU plugin cannot run XLA, give --xla=off"
        )
    if xla == "auto":
        if is_apple or sys.platform == "win32":
            xla = "off"
        elif gpus:
            xla = "autocluster" if is_synchronized else "jit"
        else:
            xla = "views"
    if xla == "views":
        with without_remarks():  # TensorFlow 2.15 has some on its first compilation
            tf.function(lambda: tf.constant(0), jit_compile=True, autograph=False)()
    tf.config.optimizer.set_jit("autoclustering" if xla == "autocluster" else False)
    return xla


def make_deterministic(deterministic: bool) -> None:
    """Makes operations give the same bits each time, on GPUs too, if asked for.

    TensorFlow then refuses those that cannot.
    """
    if deterministic:
        tf.config.experimental.enable_op_determinism()
