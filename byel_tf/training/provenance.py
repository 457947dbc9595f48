"""What a run was made of: versions, devices, data, code; and whether it changed."""

import pathlib
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from byel_tf import __version__
from byel_tf.data.manifest import PreparedDataset
from byel_tf.errors import RunError

_PACKAGES = ("tensorflow", "keras", "tf-keras", "tensorflow-addons", "numpy")

# Flags that may change between two starts of one run; the epochs of a stage only as
# long as nothing is scheduled over them.
_FREE_FLAGS = frozenset(
    {
        "augment_in",
        "cache",
        "eval_data",
        "eval_every_epochs",
        "finetune_epochs",
        "histograms",
        "keep_checkpoints",
        "log_every_steps",
        "max_steps",
        "pretrain_epochs",
        "report_examples",
        "selection_data",  # compared by its hash
        "strategy",
        "synthesize_eval",
        "synthesize_train",
        "synthesize_size",
        "head",
        "train_data",  # compared by its hash
        "xla",
    }
)


def describe_run(
    devices: str, datasets: Mapping[str, PreparedDataset], encoder_weights: str
) -> dict[str, Any]:
    """The content of `run.json`.

    Args:
      devices: One line on what it computes on.
      datasets: Data sets by their use, such as "train_data".
      encoder_weights: "none", or what the encoder was trained on before.
    """
    return {
        "byel_tf": __version__,
        "git_commit": _git_commit(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: _package_version(name) for name in _PACKAGES},
        "devices": devices,
        "encoder_weights": encoder_weights,
        "datasets": {
            use: {
                "name": dataset.name,
                "path": str(dataset.path),
                "sha256": dataset.manifest_sha256,
                "source": dataset.manifest.source,
            }
            for use, dataset in datasets.items()
        },
    }


def require_same_run(
    path: str,
    previous_flags: Sequence[str],
    flags: Sequence[str],
    previous_run: Mapping[str, Any],
    run: Mapping[str, Any],
) -> None:
    """Refuses to continue a run under flags or data it did not begin with.

    Args:
      path: The run's folder.
      previous_flags: Lines of its `flags.cfg`.
      flags: Lines of the present one.
      previous_run: Its `run.json`.
      run: The present one.

    Raises:
      RunError: If something that decides the result differs, or `previous_run` does
        not tell it.
    """

    def parse(lines: Sequence[str]) -> dict[str, str]:
        return dict(line[2:].partition("=")[::2] for line in lines)

    before, now = parse(previous_flags), parse(flags)
    free = {*_FREE_FLAGS, "model_dir"}
    for stage in ("pretrain", "finetune"):
        schedules = {now.get(f"{stage}_schedule", "constant")}
        if stage == "pretrain":
            schedules.add(now.get("target_momentum_schedule", "constant"))
        if schedules != {"constant"}:
            free.remove(f"{stage}_epochs")
    for name in sorted({*before, *now} - free):
        if before.get(name) != now.get(name):
            raise RunError(
                f"--model_dir={path} holds a run with --{name}={before.get(name)}, "
                f"now it is {now.get(name)}: choose another --model_dir"
            )
    for use in ("train_data", "selection_data"):
        try:
            previous = previous_run["datasets"][use]
            is_same = previous["sha256"] == run["datasets"][use]["sha256"]
            where = previous["path"]
        except (KeyError, TypeError) as error:
            raise RunError(
                f"run.json in --model_dir={path} is damaged, it does not tell the "
                f"{use}: choose another --model_dir"
            ) from error
        if not is_same:
            raise RunError(
                f"--model_dir={path} holds a run with another --{use} ({where}): "
                "choose another --model_dir"
            )


def _package_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """The commit of the checkout this code runs from, if it is one."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None  # installed, perhaps within somebody else's checkout
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() or None
