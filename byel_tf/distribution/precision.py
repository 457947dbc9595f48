"""In which arithmetic the networks of a run compute."""

import pathlib

import tensorflow as tf

_BFLOAT16 = {"amx_bf16", "avx512_bf16"}
_CPUINFO = pathlib.Path("/proc/cpuinfo")
# The first NVIDIA GPUs that multiply bfloat16, as their compute capability.
_AMPERE = (8, 0)


def resolve_precision(precision: str) -> str:
    """What `--precision` means on the visible devices.

    Args:
      precision: "auto": mixed_bfloat16 where the devices multiply it faster than
        float32, else float32; or a policy of Keras.

    Returns:
      "float32", "mixed_bfloat16" or "mixed_float16".
    """
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if is_bfloat16_fast() else "float32"


def is_bfloat16_fast() -> bool:
    """Whether all visible devices multiply bfloat16 faster than float32.

    These are GPUs from Ampere on, and on Linux CPUs with AMX or AVX-512's bfloat16. All
    others take several times as long.
    """
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return not _BFLOAT16.isdisjoint(processor_flags())
    details = map(tf.config.experimental.get_device_details, gpus)
    return all(d.get("compute_capability", (0, 0)) >= _AMPERE for d in details)


def slow_precision_warning(precision: str) -> str | None:
    """What to say of a resolved precision that costs time here."""
    if precision != "mixed_bfloat16" or is_bfloat16_fast():
        return None
    return (
        "warning: nothing here multiplies bfloat16 fast, --precision=float32 may take "
        "a small part of the time; --precision=auto chooses"
    )


def processor_flags() -> frozenset[str]:
    """What the CPU can do, by Linux's names such as "avx2"; empty elsewhere."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((x.split() for x in lines if x.startswith("flags")), ()))
