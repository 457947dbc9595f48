"""The program's own training loop on files, as a share of the bare step.

`python -m benchmarks.end_to_end --folder=data/benchmark --output=end_to_end.json`
prepares data sets in the folder where they are missing, and trains on each with the
program's loop: records are read, decoded, resized, augmented, counted, logged; an
epoch's end is part of it. After every so many steps the loop pauses for as many bare
steps of the same network on batches in memory, views included, so that both meet the
same machine; the share is the median over these rounds. The first steps of a turn are
not counted: they use what the pipeline has made in the pause. With decoded images kept,
as `--cache=auto` of train_main.py does where they fit, the rounds begin after the epoch
that decodes them; `--cache=none` shows what that epoch costs.

`--memory_steps=5000` trains a tiny network for so many steps instead and prints how
much memory the process holds on the way. Linux only.
"""

import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.timing import (
    describe_machine,
    machine_line,
    shown,
    spread,
    table,
    timed,
)
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_LOOKS = 20
_TINY = {"image_size": 16, "batch_size": 8, "width": 0.0625, "hidden_size": 16}


@dataclasses.dataclass(frozen=True)
class EndToEndOptions:
    """Time the training loop on files beside the bare step."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    folder: str = option("data/benchmark", "Where data sets are, or are made.")
    config: str = option("flags/facekit.cfg", "Flagfile of the run.")
    objectives: str = option("byel,supervised", "Whose steps.")
    policies: str = option("faces,byol,reference", "Augmentation policies.")
    counts: str = option("1000,10000,100000", "Images, with the first of the sizes.")
    sizes: str = option("64,128,256,512,768", "Pixels, with the first of the counts.")
    image_format: str = option("jpeg", "Of the pictures.", choices=("jpeg", "png"))
    cache: str = option(
        "memory", "As of train_main.py.", choices=("none", "memory", "disk")
    )
    image_size: int | None = option(None, "In place of the flagfile's.", lower=16)
    batch_size: int | None = option(None, "In place of the flagfile's.", lower=2)
    width: float | None = option(None, "In place of the flagfile's.", lower=0.0625)
    precision: str | None = option(None, "In place of the flagfile's.")
    rounds: int = option(5, "Turns of each.", lower=1)
    steps: int = option(20, "Steps of a turn that count.", lower=1)
    skipped: int = option(8, "Steps of a turn before them.", lower=0)
    memory_steps: int = option(0, "Watch memory over so many steps instead.", lower=0)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, EndToEndOptions)
    machine = describe_machine()
    print(machine_line(machine))
    result = {"machine": machine, **dataclasses.asdict(options)}
    if options.memory_steps:
        result["memory"] = _watch_memory(options)
    else:
        result["runs"] = [_measure(options, *case) for case in _cases(options)]
        print(_table(result["runs"]))
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _cases(options: EndToEndOptions) -> Sequence[tuple[str, str, int, int]]:
    """Objective, policy, images and pixels: each list is walked from the first case."""
    objectives, policies = options.objectives.split(","), options.policies.split(",")
    counts = [int(text) for text in options.counts.split(",")]
    sizes = [int(text) for text in options.sizes.split(",")]
    return [
        (objective, policy, count, size)
        for objective in objectives
        for policy in policies
        for count, size in dict.fromkeys(
            [(count, sizes[0]) for count in counts]
            + [(counts[0], size) for size in sizes]
        )
        if policy == policies[0] or count == counts[0]
    ]


def _measure(
    options: EndToEndOptions, objective: str, policy: str, count: int, size: int
) -> dict:
    from benchmarks import stages
    from benchmarks.pictures import make_dataset
    from byel_tf.distribution.strategy import build_strategy

    folder = pathlib.Path(options.folder)
    dataset = make_dataset(folder, count, size, options.image_format)
    with tempfile.TemporaryDirectory() as scratch:
        config = stages.stage_config(
            options.config,
            dataset,
            scratch,
            augmentation=policy,
            cache=options.cache,
            image_size=options.image_size,
            batch_size=options.batch_size,
            width=options.width,
            precision=options.precision,
        )
        strategy = build_strategy("one_device")
        inputs = stages.stage_inputs(config, dataset, objective)
        bare = stages.build_stage(config, dataset, objective, inputs, strategy)
        batches = stages.kept_batches(inputs, strategy)
        step = timed(stages.bare_step(bare, strategy, batches))
        first_epoch = inputs.steps_per_epoch if options.cache != "none" else 0
        turns = _Turns(step, options, first_epoch)
        trained = stages.build_stage(config, dataset, objective, inputs, strategy)
        _run_loop(trained, config, turns.callback(), turns.total, scratch)
    shares = np.array(turns.bare) / np.array(turns.looped)
    result = {
        "objective": objective,
        "policy": policy,
        "images": count,
        "pixels": size,
        "loop_ms": spread(1e3 * np.array(turns.looped)),
        "bare_ms": spread(1e3 * np.array(turns.bare)),
        "share": spread(shares),
    }
    print(
        f"{objective}, {policy}, {count:,} images of {size} px: share of the bare step "
        f"{shown(result['share'], 3)}",
        flush=True,
    )
    return result


class _Turns:
    """Lets loop and bare step take turns, from within the loop."""

    def __init__(self, step, options: EndToEndOptions, before: int):
        self._step = step
        self._skipped, self._counted = options.skipped, options.steps
        self.total = before + (options.rounds + 1) * (options.skipped + options.steps)
        self.looped: list[float] = []
        self.bare: list[float] = []
        self._done = -before
        self._begun = 0.0

    def callback(self):
        """What the loop calls after each of its steps."""
        from byel_tf.compat import keras

        class Callback(keras.callbacks.Callback):
            def on_train_batch_end(_, batch, logs=None):
                del batch, logs
                self._after_step()

        return Callback()

    def _after_step(self) -> None:
        self._done += 1
        if self._done <= 0:
            return
        turn, position = divmod(self._done, self._skipped + self._counted)
        if position == self._skipped:
            self._begun = time.perf_counter()
        if position == 0:
            seconds = time.perf_counter() - self._begun
            self._step(self._skipped)
            bare, _ = self._step(self._counted)
            if turn > 1:  # the first turn is where all begins to run
                self.looped.append(seconds / self._counted)
                self.bare.append(bare / self._counted)
            if self._skipped == 0:
                self._begun = time.perf_counter()


def _run_loop(stage, config, callback, steps: int, scratch: str) -> None:
    """Trains a stage for so many steps in the program's loop."""
    from byel_tf.evaluation.report.figures import confusion_matrix_png
    from byel_tf.monitoring.stage_log import StageLog
    from byel_tf.training.interruption import Interruption
    from byel_tf.training.loop import StageLoop
    from byel_tf.training.run_directory import RunDirectory
    from byel_tf.training.state import TrainingState

    directory = RunDirectory(scratch)
    events = directory.tensorboard(stage.name)
    loop = StageLoop(
        dataclasses.replace(stage, total_steps=steps),
        TrainingState(stage.model),
        directory,
        StageLog(stage.name, events, directory.history, {"history": 0}),
        config.run,
        config.monitoring,
        Interruption(),
        confusion_matrix_png,
        [callback],
    )
    loop.run()


def _watch_memory(options: EndToEndOptions) -> list[dict]:
    """Resident memory of a training of a tiny network, from time to time."""
    from benchmarks import stages
    from benchmarks.pictures import make_dataset
    from byel_tf.compat import keras
    from byel_tf.distribution.strategy import build_strategy

    dataset = make_dataset(pathlib.Path(options.folder), 1000, 64)
    every = max(1, options.memory_steps // _LOOKS)
    looks: list[dict] = []

    class Callback(keras.callbacks.Callback):
        done = 0

        def on_train_batch_end(self, batch, logs=None):
            del batch, logs
            self.done += 1
            if self.done % every == 0:
                looks.append({"step": self.done, "megabytes": _resident() / 2**20})

    with tempfile.TemporaryDirectory() as scratch:
        config = stages.stage_config(options.config, dataset, scratch, **_TINY)
        strategy = build_strategy("one_device")
        objective = options.objectives.split(",")[0]
        inputs = stages.stage_inputs(config, dataset, objective)
        stage = stages.build_stage(config, dataset, objective, inputs, strategy)
        _run_loop(stage, config, Callback(), options.memory_steps, scratch)
    rows = [[f"{one['step']:,}", f"{one['megabytes']:,.0f}"] for one in looks]
    print(table(["step", "resident, MB"], rows))
    half = [one["megabytes"] for one in looks[len(looks) // 2 :]]
    print(f"over the second half: {half[-1] - half[0]:+.1f} MB", flush=True)
    return looks


def _resident() -> int:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _table(runs: Sequence[dict]) -> str:
    rows = [
        [
            run["objective"],
            run["policy"],
            f"{run['images']:,}",
            f"{run['pixels']}",
            shown(run["bare_ms"], 1),
            shown(run["loop_ms"], 1),
            shown(run["share"], 3),
        ]
        for run in runs
    ]
    header = ["objective", "policy", "images", "pixels", "bare, ms", "loop, ms"]
    return table([*header, "bare / loop"], rows)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
