"""How long a run takes to its first step: import, building, first step.

`python -m benchmarks.startup --output=startup.json` starts a fresh Python for each
measurement and each flagfile. The seconds are those since that process began: until
the program's training is imported; until the first stage is built, with its data set of
few images opened; until its first step is done, for which TensorFlow traces the step;
and until that of the second stage, built after it. Run once before, so that the disk's
cache holds the libraries, or take the first of the repeats for a cold start.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.timing import describe_machine, machine_line, shown, spread, table
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_PHASES = ("import", "build", "first step", "second stage's first step")
_IMAGES = 1024


@dataclasses.dataclass(frozen=True)
class StartupOptions:
    """Time the start of a run in fresh processes."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    configs: str = option(
        "flags/quickstart.cfg,flags/facekit.cfg", "Flagfiles of the runs."
    )
    repeats: int = option(3, "Starts of each.", lower=1)
    image_size: int | None = option(None, "In place of the flagfile's.", lower=16)
    batch_size: int | None = option(None, "In place of the flagfile's.", lower=2)
    width: float | None = option(None, "In place of the flagfile's.", lower=0.0625)
    begun: float | None = option(None, "For the process that is measured: its start.")


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, StartupOptions)
    if options.begun is not None:
        _start(options)
        return
    machine = describe_machine()
    print(machine_line(machine))
    configs = options.configs.split(",")
    runs: dict[str, list[dict]] = {config: [] for config in configs}
    for _ in range(options.repeats):
        for config in configs:
            runs[config].append(_in_fresh_process(options, config))
    spreads = {
        config: {phase: spread([run[phase] for run in found]) for phase in found[0]}
        for config, found in runs.items()
    }
    rows = [
        [config, *(shown(found[p], 1) if p in found else "–" for p in _PHASES)]
        for config, found in spreads.items()
    ]
    print(table(["seconds until, median (quartiles)", *_PHASES], rows), flush=True)
    result = {"machine": machine, **dataclasses.asdict(options), "seconds": spreads}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _in_fresh_process(options: StartupOptions, config: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "seconds.json"
        given = {
            "configs": config,
            "output": output,
            "image_size": options.image_size,
            "batch_size": options.batch_size,
            "width": options.width,
            "begun": time.time(),
        }
        flags = [f"--{name}={value}" for name, value in given.items() if value]
        command = [sys.executable, "-m", "benchmarks.startup", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines()  # the libraries' remarks first
            raise RunError(said[-1] if said else f"{config} did not start")
        return json.loads(output.read_text())


def _start(options: StartupOptions) -> None:
    """In the fresh process: starts a run, and writes when it got how far."""
    import byel_tf.training.run  # noqa: F401

    reached = [time.time()]
    from benchmarks import stages
    from benchmarks.pictures import make_dataset
    from byel_tf.distribution.strategy import build_strategy, resolve_xla

    with tempfile.TemporaryDirectory() as scratch:
        drawing = time.time()
        dataset = make_dataset(pathlib.Path(scratch), _IMAGES, 64)
        drawn = time.time() - drawing
        config = stages.stage_config(
            options.configs,
            dataset,
            scratch,
            image_size=options.image_size,
            batch_size=options.batch_size,
            width=options.width,
        )
        is_jit = resolve_xla(config.run.xla) == "jit"
        strategy = build_strategy(config.run.strategy)
        objective = config.model.objective
        objectives = dict.fromkeys([objective, "supervised"])
        for number, one in enumerate(objectives):
            inputs = stages.stage_inputs(config, dataset, one)
            stage = stages.build_stage(config, dataset, one, inputs, strategy, is_jit)
            if number == 0:
                reached.append(time.time())
            stages.stepping(stage, inputs, strategy)()
            reached.append(time.time())
    seconds = [moment - options.begun for moment in reached]
    # Pictures for the measurement are not part of what is measured.
    seconds = [seconds[0], *(moment - drawn for moment in seconds[1:])]
    pairs = dict(zip(_PHASES[: len(seconds)], seconds, strict=True))
    pathlib.Path(options.output).write_text(json.dumps(pairs))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
