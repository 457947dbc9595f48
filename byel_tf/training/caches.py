"""Where decoded images are kept between epochs: decided once, by size, and said."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.errors import RunError

# Of the memory or disk that is free, for the images of all processes.
_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Caches:
    """Where decoded images are kept.

    Attributes:
      training: Those of the train split: "memory", "disk" or "none".
      evaluation: Those of the splits that epochs are scored on: the same.
      reason: One line, for people.
    """

    training: str
    evaluation: str
    reason: str


def plan_caches(
    asked: str,
    train: PreparedDataset | None,
    evaluated: Sequence[tuple[PreparedDataset, str]],
    image_size: int,
    processes: int = 1,
    pictures: int = 1,
) -> Caches:
    """Decides for a run.

    Args:
      asked: `--cache`.
      train: Its train split is learned from; None where each epoch learns from images
        of its own.
      evaluated: Data sets and splits that are scored epoch by epoch.
      image_size: Side of the decoded images in pixels.
      processes: Trainings of this machine that each keep their own.
      pictures: Those of each training record that are read.

    Raises:
      RunError: If what is asked for is more than this machine has.
    """
    if asked == "none":
        return Caches(
            "none", "none", "images are decoded in every epoch (--cache=none)"
        )
    each = image_size**2 * 3 * processes
    counts = {
        (data.path, split): data.manifest.splits[split].count
        for data, split in evaluated
        if split in data.manifest.splits
    }
    scored = each * sum(counts.values())
    free = _free_memory()
    if train is None:
        kept = "memory" if scored <= _SHARE * free else "none"
        other = "stay in memory" if kept == "memory" else "are decoded each time"
        return Caches(
            "none", kept, f"images of an epoch are decoded once; those scored {other}"
        )
    learned = each * train.manifest.splits["train"].count * pictures
    fits = learned <= _SHARE * free
    folder = pathlib.Path(tempfile.gettempdir())
    place = "memory" if asked == "memory" or (asked == "auto" and fits) else "disk"
    if place == "memory":
        if learned > _memory():
            raise RunError(
                f"--cache=memory needs {learned / 1e9:.1f} GB for the images of "
                f"{image_size} px, and this machine has {_memory() / 1e9:.1f} GB: give "
                "--cache=auto"
            )
        both = learned + scored <= _SHARE * free
        why = f"{learned / 1e9:.2f} GB of {free / 1e9:.1f} GB that are free"
        other = f"; those scored {'too' if both else 'are decoded each time'}"
        return Caches(
            "memory",
            "memory" if both else "none",
            f"decoded images stay in memory ({why}){other * bool(scored)}",
        )
    room = shutil.disk_usage(folder).free
    if learned <= _SHARE * room:
        why = f"{learned / 1e9:.2f} GB; {free / 1e9:.1f} GB of memory are free"
        return Caches(
            "disk", "none", f"decoded images go to a file in {folder} ({why})"
        )
    if asked == "disk":
        raise RunError(
            f"--cache=disk needs {learned / 1e9:.1f} GB in {folder}, of which half of "
            f"{room / 1e9:.1f} GB may be taken: set TMPDIR to a larger disk, or give "
            "--cache=none"
        )
    return Caches(
        "none",
        "none",
        f"images are decoded in every epoch ({learned / 1e9:.1f} GB would not fit into "
        f"half of the {free / 1e9:.1f} GB of memory or {room / 1e9:.1f} GB of {folder} "
        "that are free)",
    )


def _memory() -> float:
    """Bytes of this machine; infinite where nobody tells, as on Windows."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _free_memory() -> float:
    """Bytes that new work can take, as far as the system tells."""
    with contextlib.suppress(OSError, ValueError):
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return 1024.0 * int(value.split()[0])
    return _memory()
