"""The bare training step, beside its floor and beside plain PyTorch.

`python -m benchmarks.train_step --output=train_step.json` trains on batches in memory:
no file is read, nothing is decoded. Per objective and precision it times the step with
views made before, the step that makes them, the views alone, and one forward pass of
the same encoder in training mode; they take turns, and ratios are medians over rounds.
The floor is 8 passes for byel and byol, 3 for supervised (a backward pass counted as
two). Where PyTorch is installed, in this Python or in that of `--torch_python`, the
same step in plain PyTorch takes turns with them, in a process of its own. Processor
time is told beside time on the clock: it is what holds on a machine that others use as
well, though PyTorch's threads also count while they wait for one another.
"""

import dataclasses
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.timing import (
    Times,
    describe_machine,
    machine_line,
    shown,
    spread,
    table,
    take_turns,
    timed,
)
from byel_tf.errors import UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_CHOICES = {
    "objectives": ("byel", "byol", "supervised"),
    "precisions": ("float32", "mixed_bfloat16", "mixed_float16"),
    "xla": ("views", "off", "jit", "autocluster"),
    "strategies": ("one_device", "mirrored"),
}
_RECORDS = 2048
_TIMES = ("pass", "views", "step", "step with views")
_TIMES += ("PyTorch", "PyTorch with views")
_RATIOS = ("step / floor", "step with views / (floor + views)")
_RATIOS += ("PyTorch / step", "PyTorch with views / step with views")
_SOURCE_SIZE = 64


@dataclasses.dataclass(frozen=True)
class TrainStepOptions:
    """Time the training step without its input pipeline."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    config: str = option("flags/facekit.cfg", "Flagfile of the run; none: defaults.")
    objectives: str = option("byel,byol,supervised", "Whose steps.")
    precisions: str = option("float32,mixed_bfloat16", "In which precisions.")
    xla: str = option("views", "Of views, off, jit and autocluster.")
    strategies: str = option("one_device", "Of one_device and mirrored (2 devices).")
    batch_size: int | None = option(None, "In place of the flagfile's.", lower=4)
    image_size: int | None = option(None, "In place of the flagfile's.", lower=16)
    encoder: str | None = option(None, "In place of the flagfile's.")
    width: float | None = option(None, "In place of the flagfile's.", lower=0.0625)
    augmentation: str | None = option(None, "In place of the flagfile's.")
    rounds: int = option(9, "Turns of each.", lower=1)
    steps: int = option(4, "Steps of a turn.", lower=1)
    torch: bool = option(True, "Compare with PyTorch where it is installed.")
    torch_python: str = option(
        sys.executable, "The Python that has PyTorch.", path="local"
    )
    torch_threads: int = option(
        0,
        "PyTorch's threads; 0: as many as it chooses. On a busy machine 1, and compare "
        "processor time: its threads wait for one another by spinning.",
        lower=0,
    )


@dataclasses.dataclass(frozen=True)
class _Cell:
    objective: str
    precision: str
    xla: str
    strategy: str


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, TrainStepOptions)
    cells = list(_cells(options))
    from benchmarks.stages import logical_devices

    if any(cell.strategy == "mirrored" for cell in cells):
        logical_devices(2)
    machine = describe_machine()
    print(machine_line(machine))
    is_compared = options.torch and has_torch(options.torch_python)
    if options.torch and not is_compared:
        print(f"PyTorch is not installed for {options.torch_python}: not compared")
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for cell in cells:
            results.append(_measure(cell, options, pathlib.Path(scratch), is_compared))
            print(_line(results[-1]), flush=True)
    print("on the clock:", _table(results, ""), sep="\n")
    print("of processors:", _table(results, "processor_"), sep="\n")
    result = {"machine": machine, **dataclasses.asdict(options), "cells": results}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _cells(options: TrainStepOptions) -> Iterator[_Cell]:
    lists = {name: getattr(options, name).split(",") for name in _CHOICES}
    for name, values in lists.items():
        for value in values:
            if value not in _CHOICES[name]:
                raise UsageError(
                    f"--{name}={getattr(options, name)}: {value!r} is none of "
                    f"{', '.join(_CHOICES[name])}; separate several by commas"
                )
    for strategy in lists["strategies"]:
        for xla in lists["xla"]:
            for precision in lists["precisions"]:
                for objective in lists["objectives"]:
                    yield _Cell(objective, precision, xla, strategy)


def has_torch(python: str, package: str = "torch") -> bool:
    """Whether a Python has PyTorch or a package of it."""
    if python == sys.executable:
        return importlib.util.find_spec(package) is not None
    command = [python, "-c", f"import {package}"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _measure(
    cell: _Cell, options: TrainStepOptions, scratch: pathlib.Path, is_compared: bool
) -> dict:
    """Times the contenders of a cell; returns their spreads and ratios."""
    from benchmarks import stages
    from benchmarks.pictures import make_dataset
    from byel_tf.distribution.strategy import build_strategy, resolve_xla

    flags = {
        name: getattr(options, name)
        for name in ("batch_size", "image_size", "encoder", "width", "augmentation")
    }
    overrides = {**flags, "precision": cell.precision, "xla": cell.xla}
    dataset = make_dataset(scratch, _RECORDS, _SOURCE_SIZE)
    config = stages.stage_config(options.config, dataset, scratch, **overrides)
    is_jit = resolve_xla(cell.xla) == "jit"
    strategy = build_strategy(cell.strategy)
    inputs = stages.stage_inputs(config, dataset, cell.objective)
    first = next(iter(inputs.batches(0)))
    contenders = {}
    for name, made in {
        "step": stages.with_ready_views(inputs),
        "step with views": inputs,
    }.items():
        stage = stages.build_stage(
            config, dataset, cell.objective, made, strategy, is_jit
        )
        batches = stages.kept_batches(made, strategy)
        contenders[name] = timed(stages.bare_step(stage, strategy, batches))
    contenders["views"] = timed(stages.make_views(config, cell.objective, first))
    size = config.run.batch_size
    contenders["pass"] = timed(stages.forward_pass(config, strategy, size, is_jit))
    is_alike = cell.strategy == "one_device" and cell.precision != "mixed_float16"
    other = None
    if is_compared and is_alike:
        other = _start_torch(config, cell.objective, options)
        contenders |= other.contenders()
    try:
        times = take_turns(contenders, options.rounds, options.steps)
    finally:
        if other is not None:
            other.close()
    return _summary(cell, times, other)


def _start_torch(config, objective: str, options: TrainStepOptions):
    from benchmarks.turns import TurnTaker

    sizes = {
        "objective": objective,
        "threads": options.torch_threads,
        "views": config.augmentation.augmentation == "faces",
        "precision": config.run.precision,
        "batch_size": config.run.batch_size,
        "image_size": config.data.image_size,
        "encoder": config.model.encoder,
        "width": config.model.width,
        "stem": config.model.stem,
        "channels": config.model.channels,
        "normalization": config.model.normalization,
        "projection_size": config.model.projection_size,
        "hidden_size": config.model.hidden_size,
        "weight_ema": config.finetune.weight_ema,
    }
    command = [options.torch_python, "-m", "benchmarks.torch_step", json.dumps(sizes)]
    return TurnTaker(command)


def _summary(cell: _Cell, times: Times, other) -> dict:
    from benchmarks.stages import FLOORS

    passes = FLOORS[cell.objective]
    return {
        **dataclasses.asdict(cell),
        "torch": other.ready if other is not None else None,
        "milliseconds": _milliseconds(times.seconds),
        "processor_milliseconds": _milliseconds(times.processor),
        "ratios": _ratios(times.seconds, passes),
        "processor_ratios": _ratios(times.processor, passes),
    }


def _milliseconds(seconds: dict[str, np.ndarray]) -> dict:
    return {name: spread(1e3 * values) for name, values in seconds.items()}


def _ratios(seconds: dict[str, np.ndarray], passes: int) -> dict:
    """Steps over their floors, and how many times as fast as PyTorch they are."""
    floor = passes * seconds["pass"]
    ratios = {
        "step / floor": seconds["step"] / floor,
        "step with views / (floor + views)": seconds["step with views"]
        / (floor + seconds["views"]),
    }
    for name in ("PyTorch", "PyTorch with views"):
        if name in seconds:
            ours = name.replace("PyTorch", "step")
            ratios[f"{name} / {ours}"] = seconds[name] / seconds[ours]
    return {name: spread(values) for name, values in ratios.items()}


def _line(result: dict) -> str:
    parts = [result[name] for name in ("objective", "precision", "xla", "strategy")]
    step = result["milliseconds"]["step with views"]
    return f"{', '.join(parts)}: step with views {shown(step)} ms"


def _table(results: Sequence[dict], prefix: str) -> str:
    rows = []
    for result in results:
        names = [result[name] for name in ("objective", "precision", "xla", "strategy")]
        spent, compared = result[f"{prefix}milliseconds"], result[f"{prefix}ratios"]
        cells = [shown(spent[name], 1) if name in spent else "–" for name in _TIMES]
        cells += [
            shown(compared[name], 2) if name in compared else "–" for name in _RATIOS
        ]
        rows.append([" ".join(names), *cells])
    return table(["median (quartiles), ms", *_TIMES, *_RATIOS], rows)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
