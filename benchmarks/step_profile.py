"""Where the milliseconds of a training step go, by operation.

`python -m benchmarks.step_profile --objective=supervised --output=profile.json` traces
some steps of a flagfile's configuration on batches in memory with TensorFlow's
profiler, and adds up each kind of operation: its calls a step, its milliseconds a step
(a thread's own time, which exceeds the step's where threads work at once), and its
share. `--views` traces the step with its views, as the program runs it.
"""

import collections
import dataclasses
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.timing import describe_machine, machine_line, table
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_WARMUP = 5
_RECORDS = 2048


@dataclasses.dataclass(frozen=True)
class StepProfileOptions:
    """Add up the time of a training step's operations."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    config: str = option("flags/facekit.cfg", "Flagfile of the run.")
    objective: str = option(
        "byel", "Whose step.", choices=("byel", "byol", "supervised")
    )
    precision: str = option("auto", "As of train_main.py.")
    batch_size: int | None = option(None, "In place of the flagfile's.", lower=2)
    image_size: int | None = option(None, "In place of the flagfile's.", lower=16)
    width: float | None = option(None, "In place of the flagfile's.")
    views: bool = option(False, "Let the step make its views.")
    steps: int = option(10, "Steps traced.", lower=1)
    rows: int = option(30, "Kinds of operations printed.", lower=1)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, traces and prints."""
    (options,) = parse(argv, StepProfileOptions)
    from benchmarks import stages
    from benchmarks.pictures import make_dataset
    from byel_tf.distribution.strategy import build_strategy

    machine = describe_machine()
    with tempfile.TemporaryDirectory() as scratch:
        dataset = make_dataset(pathlib.Path(scratch), _RECORDS, 64)
        config = stages.stage_config(
            options.config,
            dataset,
            scratch,
            precision=options.precision,
            batch_size=options.batch_size,
            image_size=options.image_size,
            width=options.width,
        )
        strategy = build_strategy("one_device")
        inputs = stages.stage_inputs(config, dataset, options.objective)
        if not options.views:
            inputs = stages.with_ready_views(inputs)
        stage = stages.build_stage(config, dataset, options.objective, inputs, strategy)
        batches = stages.kept_batches(inputs, strategy)
        step = stages.bare_step(stage, strategy, batches)
        milliseconds, operations = _trace(step, options.steps, scratch)
    total = sum(one["ms"] for one in operations.values())
    rows = [
        [kind, f"{one['calls']:.0f}", f"{one['ms']:.1f}", f"{one['ms'] / total:.1%}"]
        for kind, one in list(operations.items())[: options.rows]
    ]
    print(machine_line(machine))
    print(f"step {milliseconds:.0f} ms, operations {total:.0f} ms over all threads")
    print(table(["operation", "calls", "ms", "share"], rows), flush=True)
    result = {"machine": machine, **dataclasses.asdict(options)}
    result |= {"step_ms": milliseconds, "operations": operations}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _trace(step, steps: int, scratch: str) -> tuple[float, dict[str, dict]]:
    """Milliseconds of a step and, by kind of operation, its calls and milliseconds."""
    import tensorflow as tf

    for _ in range(_WARMUP):
        step()
    tf.profiler.experimental.start(scratch)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    seconds = time.perf_counter() - start
    tf.profiler.experimental.stop()
    files = list(pathlib.Path(scratch).rglob("*.xplane.pb"))
    if not files:
        raise RunError("TensorFlow's profiler left no trace: install another release")
    totals = self_times(events_of(files[0].read_bytes()))
    operations = {
        kind: {"calls": calls / steps, "ms": nanoseconds / 1e6 / steps}
        for kind, (calls, nanoseconds) in totals.items()
    }
    by_time = sorted(operations.items(), key=lambda item: -item[1]["ms"])
    return 1e3 * seconds / steps, dict(by_time)


def events_of(content: bytes) -> Iterable[list[tuple[str, int, int]]]:
    """Operations of each thread of a trace: kind, start and length in picoseconds."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(content)
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        names = {key: meta.name for key, meta in plane.event_metadata.items()}
        for line in plane.lines:
            events = [
                (names[event.metadata_id], event.offset_ps, event.duration_ps)
                for event in line.events
            ]
            # TensorFlow calls an operation "name:Kind"; other events are no operations.
            yield [
                (name.rpartition(":")[2], start, length)
                for name, start, length in events
                if ":" in name
                and "::" not in name
                and name.rpartition(":")[2].isidentifier()
            ]


def self_times(
    threads: Iterable[Sequence[tuple[str, int, int]]],
) -> Mapping[str, tuple[int, float]]:
    """Adds up events by kind, without the time of events inside of them.

    Args:
      threads: Events of each thread: kind, start and length in picoseconds.

    Returns:
      Calls and nanoseconds by kind.
    """
    calls: collections.Counter[str] = collections.Counter()
    spent: collections.Counter[str] = collections.Counter()
    for events in threads:
        around: list[tuple[str, int]] = []  # kinds that are open, with their ends
        for kind, start, length in sorted(events, key=lambda e: (e[1], -e[2])):
            while around and around[-1][1] <= start:
                around.pop()
            if around:
                spent[around[-1][0]] -= length
            calls[kind] += 1
            spent[kind] += length
            around.append((kind, start + length))
    return {kind: (calls[kind], spent[kind] / 1e3) for kind in calls}


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
