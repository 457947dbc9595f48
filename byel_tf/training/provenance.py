"""What a run was made of: flags, versions, devices, data; and whether it changed."""

import dataclasses
import pathlib
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from byel_tf import __version__
from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.errors import RunError
from byel_tf.flagging import parse, to_flagfile
from byel_tf.training.run_directory import RunDirectory, to_json

_PACKAGES = ("tensorflow", "keras", "tf-keras", "tensorflow-addons", "numpy")

# Flags that change what is shown or how a run is kept, not what it learns.
_FREE_FLAGS = frozenset(
    {
        "cache",
        "checkpoint_minutes",
        "checkpoint_steps",
        "collapse_steps",
        "collapse_threshold",
        "eval_data",
        "eval_every_epochs",
        "head",
        "histograms",
        "keep_checkpoints",
        "log_every_steps",
        "max_bad_steps",
        "max_steps",
        "model_dir",
        "profile_steps",
        "report_examples",
        "selection_data",  # compared by its hash
        "stop_on_collapse",
        "synthesize_eval",
        "synthesize_pairs",
        "synthesize_size",
        "synthesize_train",
        "train_data",  # compared by its hash
    }
)
# Those that may change the rounding.
_NUMERIC_FLAGS = frozenset(
    {
        "augment_in",
        "deterministic",
        "devices",
        "logical_devices",
        "strategy",
        "sync_batch_norm",
        "xla",
    }
)
# Those of which each worker may have its own: what it has, and where.
_OWN_FLAGS = frozenset(
    {
        "cache",
        "devices",
        "eval_data",  # compared by its hash
        "head",
        "keep_checkpoints",
        "logical_devices",
        "model_dir",
        "report_examples",
        "selection_data",  # compared by its hash
        "synthesize_eval",
        "synthesize_pairs",
        "synthesize_size",
        "synthesize_train",
        "train_data",  # compared by its hash
    }
)


@dataclasses.dataclass(frozen=True)
class Notes:
    """What a run's folder says of how it was made.

    Attributes:
      flags: Text of `flags.cfg`.
      run: Content of `run.json`.
      present: Those of the present command, where the folder has those of the command
        that began the run.
    """

    flags: str
    run: dict[str, Any]
    present: "Notes | None" = None

    def settled(self, directory: RunDirectory) -> "Notes":
        """The notes to go by in a folder: its own, as long as nothing is trained.

        Raises:
          RunError: If the folder holds another run, or one that nothing is known of.
        """
        had_flags, had_run = (
            directory.read("flags.cfg"),
            directory.read_json("run.json"),
        )
        if had_flags and had_run:
            had = Notes(had_flags, had_run, self)
            require_same_run(
                str(directory.path),
                had_flags.splitlines(),
                self.flags.splitlines(),
                default_flags(),
                had_run,
                self.run,
            )
            return had
        if directory.is_written and (directory.path / "checkpoints").exists():
            raise RunError(
                f"--model_dir={directory.path} holds checkpoints, but no flags.cfg and "
                "run.json that tell what they are of: choose another --model_dir"
            )
        return self

    def written(self, directory: RunDirectory) -> "Notes":
        """The present notes, written, since training goes on under them.

        What changed since the run began, and may round otherwise, is said, and kept in
        `run.json`.
        """
        now = self.present or self
        if self.present:
            flags = (self.flags.splitlines(), now.flags.splitlines(), default_flags())
            changes = numeric_changes(*flags, self.run, now.run)
            kept = ("init_from", "continued", "continues_exactly")
            run = now.run | {k: v for k, v in self.run.items() if k in kept}
            if changes:
                print(
                    f"note: continued with {', '.join(changes)}: numbers may differ "
                    "from those of a run without this change by rounding",
                    flush=True,
                )
                run["continued"] = [*run.get("continued", []), changes]
            now = Notes(now.flags, run)
        directory.write("flags.cfg", now.flags)
        directory.write("run.json", to_json(now.run))
        return now


def config_groups(config: TrainingConfig) -> list[Any]:
    """The options of a run, in the order of `flags.cfg`."""
    return [getattr(config, field.name) for field in dataclasses.fields(config)]


def default_flags() -> list[str]:
    """Lines of a `flags.cfg` with the default of every flag that has one."""
    required = tuple(
        f"--{field.name}="
        for options in TRAINING_OPTIONS
        for field in dataclasses.fields(options)
        if field.default is dataclasses.MISSING
    )
    # Parsed, so that a number is written as it is in every other flags.cfg.
    argv = ["train_main.py", *(f"{flag}none" for flag in required)]
    config = TrainingConfig(*parse(argv, *TRAINING_OPTIONS))
    lines = to_flagfile(*config_groups(config)).splitlines()
    return [line for line in lines if not line.startswith(required)]


def describe_run(
    devices: str,
    precision: str,
    datasets: Mapping[str, PreparedDataset],
    encoder_weights: str,
) -> dict[str, Any]:
    """The content of `run.json`.

    Args:
      devices: One line on what it computes on.
      precision: As `resolve_precision` gives it.
      datasets: Data sets by their use, such as "train_data".
      encoder_weights: "none", or what the encoder was trained on before.
    """
    return {
        "byel_tf": __version__,
        "git_commit": _git_commit(),
        "python": sys.version.split()[0],
        "platform": f"{platform.system()}-{platform.machine()}",
        "packages": {name: _package_version(name) for name in _PACKAGES},
        "devices": devices,
        "precision": precision,
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


def facts_of_worker(flags: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be the same on all workers of a run, by name.

    Args:
      flags: Text of its `flags.cfg`.
      described: As `describe_run` gave it.
    """
    return {
        **{
            f"--{name}": value
            for name, value in _by_name(flags.splitlines()).items()
            if name not in _OWN_FLAGS
        },
        "byel_tf": described["byel_tf"],
        **described["packages"],
        "precision": described["precision"],
        **{use: data["sha256"] for use, data in described["datasets"].items()},
        "callbacks": described.get("callbacks", []),
    }


def require_same_run(
    path: str,
    previous_flags: Sequence[str],
    flags: Sequence[str],
    defaults: Sequence[str],
    previous_run: Mapping[str, Any],
    run: Mapping[str, Any],
) -> None:
    """Refuses to continue a run under flags or data it did not begin with.

    Args:
      path: The run's folder.
      previous_flags: Lines of its `flags.cfg`.
      flags: Lines of the present one.
      defaults: Lines of the flags' defaults, which a flag has that its release did
        not know.
      previous_run: Its `run.json`.
      run: The present one.

    Raises:
      RunError: If something that decides the result differs, after a table of all
        that does; or if `previous_run` does not tell it.
    """
    free = _FREE_FLAGS | _NUMERIC_FLAGS | {"precision"}
    now = _by_name(flags)
    for stage in ("pretrain", "finetune"):
        schedules = {now.get(f"{stage}_schedule", "constant")}
        if stage == "pretrain" or now.get("objective") == "joint":
            schedules.add(now.get("target_momentum_schedule", "constant"))
        if schedules == {"constant"}:  # nothing is scheduled over the epochs
            free |= {f"{stage}_epochs"}
    rows = [
        (f"--{name}", before, after)
        for name, before, after in _differences(previous_flags, flags, defaults)
        if name not in free
    ]
    for use in ("train_data", "selection_data"):
        try:
            previous = previous_run["datasets"][use]
            before = f"{previous['path']} ({previous['sha256'][:12]})"
            is_same = previous["sha256"] == run["datasets"][use]["sha256"]
        except (KeyError, TypeError) as error:
            raise RunError(
                f"run.json in --model_dir={path} is damaged, it does not tell the "
                f"{use}: choose another --model_dir"
            ) from error
        if not is_same:
            present = run["datasets"][use]
            after = f"{present['path']} ({present['sha256'][:12]})"
            rows.append((f"--{use}", before, after))
    before = _precision(previous_flags, defaults, previous_run)
    after = _precision(flags, defaults, run)
    # The state has the scale of the loss with float16, and only then.
    if before != after and "mixed_float16" in (before, after):
        rows.append(("--precision", before, after))
    if rows:
        print(_table([("flag", "the run has", "now it is"), *rows]), file=sys.stderr)
        flags_named = ", ".join(name for name, *_ in rows)
        raise RunError(
            f"--model_dir={path} holds a run with other flags ({flags_named}; see the "
            "table above): choose another --model_dir, or give those it has"
        )


def numeric_changes(
    previous_flags: Sequence[str],
    flags: Sequence[str],
    defaults: Sequence[str],
    previous_run: Mapping[str, Any],
    run: Mapping[str, Any],
) -> list[str]:
    """What differs that may change the rounding of a run that is continued.

    Args:
      previous_flags: As of `require_same_run`, as are the others.
      flags: Lines of the present one.
      defaults: Lines of the flags' defaults.
      previous_run: Its `run.json`.
      run: The present one.

    Returns:
      One text each, such as "--xla=jit (was off)".
    """
    changes = [
        f"--{name}={after} (was {before})"
        for name, before, after in _differences(previous_flags, flags, defaults)
        if name in _NUMERIC_FLAGS
    ]
    facts = [
        {"byel_tf": described.get("byel_tf"), **(described.get("packages") or {})}
        | {"devices": described.get("devices")}
        | {"precision": _precision(lines, defaults, described)}
        for lines, described in ((previous_flags, previous_run), (flags, run))
    ]
    changes += [
        f"{name} {facts[1].get(name)} (was {facts[0].get(name)})"
        for name in facts[1]
        if facts[0].get(name) != facts[1].get(name)
    ]
    return changes


def _precision(
    flags: Sequence[str], defaults: Sequence[str], run: Mapping[str, Any]
) -> str | None:
    """What a run computes in; of older ones the flags alone tell it."""
    by_flag = {**_by_name(defaults), **_by_name(flags)}.get("precision")
    return run.get("precision", by_flag)


def _differences(
    before: Sequence[str], now: Sequence[str], defaults: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Names and both values of the flags that differ."""
    before, now, defaults = map(_by_name, (before, now, defaults))
    pairs = [
        (name, before.get(name, defaults.get(name)), now.get(name, defaults.get(name)))
        for name in sorted({*before, *now})
    ]
    return [(n, _shown(a), _shown(b)) for n, a, b in pairs if a != b]


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    return dict(line[2:].partition("=")[::2] for line in lines)


def _shown(value: str | None) -> str:
    return "not set" if value is None else value


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


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
