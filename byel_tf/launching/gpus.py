"""Which GPUs each worker of one machine gets."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from byel_tf.errors import UsageError

#: What CUDA reads; if it is set, the choice is the user's.
VARIABLE = "CUDA_VISIBLE_DEVICES"

# The driver answers in a second, or is broken.
_PATIENCE_SECONDS = 20


def count_gpus() -> int:
    """How many GPUs of NVIDIA's the driver shows; 0 without a driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listed = subprocess.run(
            [program, "--list-gpus"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith(b"GPU ") for line in listed.splitlines())


def share_gpus(
    workers: int, environment: Mapping[str, str] = os.environ
) -> list[dict[str, str]]:
    """What each worker's environment has besides, so that no two share a GPU.

    Args:
      workers: How many there are.
      environment: In which they are started.

    Returns:
      For each worker `VARIABLE` with its part; nothing without GPUs, or where the
      variable is set.

    Raises:
      UsageError: If the GPUs cannot be shared out evenly.
    """
    gpus = 0 if VARIABLE in environment else count_gpus()
    if gpus % workers:
        noun = "1 GPU" if gpus == 1 else f"{gpus} GPUs"
        raise UsageError(
            f"{noun} cannot be shared out evenly among {workers} workers: choose "
            f"another --workers, or set {VARIABLE} for all (empty: CPUs alone)"
        )
    each = gpus // workers
    if not each:
        return [{} for _ in range(workers)]
    return [
        {VARIABLE: ",".join(map(str, range(index * each, (index + 1) * each)))}
        for index in range(workers)
    ]
