"""What several workers cost beside one process, and what many would.

`python -m benchmarks.distribution --output=distribution.json` trains a ResNet-18 of
half width on 48-px images, global batch 64, in one process and as two workers of the
same machine, in turns, and prints the images a second of the program's own loop (median
of the rounds), their ratio, and the bytes that a step moves over the loopback
interface.

From the step's time and the bytes that its all-reduces carry, it then models more
replicas, each with its own 64 images: a ring all-reduce sends 2·(n−1)/n of the bytes
and takes 2·(n−1) turns of the network's latency, nothing overlaps with computing, and
all links have the stated bandwidth. Linux only, for the count of bytes.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.survive import make_data
from benchmarks.workers import Layout, start, wait
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_LAYOUTS = (Layout(), Layout(workers=2))
_FLAGS = (
    "--image_size=48",
    "--encoder=resnet18",
    "--width=0.5",
    "--stem=strided",
    "--augmentation=faces",
    "--finetune_augmentation=faces",
    "--hidden_size=512",
    "--projection_size=128",
    "--batch_size=64",
    "--eval_every_epochs=0",
    "--selection=last",
    "--log_every_steps=1000",
)
_NETWORKS = (
    ("10 Gbit/s, 50 µs", 10e9 / 8, 50e-6),
    ("100 Gbit/s, 5 µs", 100e9 / 8, 5e-6),
)
_REPLICAS = (8, 64, 512)

_TRAIN = """
import sys
from benchmarks.distribution import train_here
train_here(*sys.argv[1:])
"""


@dataclasses.dataclass(frozen=True)
class DistributionOptions:
    """Time a training in one process and as two workers."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    objective: str = option(
        "supervised", "Whose step is timed.", choices=("supervised", "byel")
    )
    precision: str = option(
        "float32",
        "As of training.",
        choices=("float32", "mixed_bfloat16"),
    )
    sync_batch_norm: bool = option(True, "As of training.")
    rounds: int = option(3, "Times that each is run.", lower=1)
    steps: int = option(20, "Steps that are timed in a round.", lower=2)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, times and prints."""
    (options,) = parse(argv, DistributionOptions)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="distribution-"))
    try:
        make_data(folder / "data")
        found = measure(folder, options)
    finally:
        shutil.rmtree(folder)
    summary = summarize(found)
    for line in to_lines(summary):
        print(line)
    content = {**dataclasses.asdict(options), **summary}
    write_atomically(options.output, json.dumps(content, indent=2) + "\n")


def measure(
    folder: pathlib.Path, options: DistributionOptions
) -> dict[str, list[dict]]:
    """What each round of each layout measured.

    Raises:
      RunError: If a process fails.
    """
    found: dict[str, list[dict]] = {str(layout): [] for layout in _LAYOUTS}
    for number in range(options.rounds):
        for layout in _LAYOUTS:
            run = folder / f"{number}-{layout.workers}"
            flags = [
                f"--train_data={folder / 'data'}",
                f"--model_dir={run}",
                f"--objective={options.objective}",
                f"--precision={options.precision}",
                f"--sync_batch_norm={options.sync_batch_norm and layout.total > 1}",
                *_FLAGS,
                *layout.flags,
            ]
            arguments = [str(run / "times.json"), str(options.steps), *flags]
            codes = wait(start(layout, _TRAIN, arguments, run / "output"))
            if any(codes):
                log = (run / "output.0.log").read_text()[-2000:]
                raise RunError(f"exit codes {codes} of {layout}: {log}")
            found[str(layout)].append(json.loads((run / "times.json").read_text()))
            print(f"round {number + 1}, {layout}: {found[str(layout)][-1]}", flush=True)
    return found


def train_here(output: str, steps: str, *flags: str) -> None:
    """Trains in this process, measures the last steps, and ends."""
    import byel_tf
    from byel_tf.compat import keras

    count = int(steps)

    class Watch(keras.callbacks.Callback):
        done = 0

        def on_train_batch_end(self, batch, logs=None):
            self.done += 1
            if self.done == count:  # as many before it are not counted
                self.started = time.monotonic(), time.process_time(), _loopback_bytes()
            elif self.done == 2 * count:
                now = time.monotonic(), time.process_time(), _loopback_bytes()
                took = [b - a for a, b in zip(self.started, now, strict=True)]
                replicas = self.model.distribute_strategy.num_replicas_in_sync
                learned = self.model.learned_variables
                content = {
                    "seconds a step": took[0] / count,
                    "processor seconds a step, of one worker": took[1] / count,
                    "loopback bytes a step": took[2] / count,
                    "gradient bytes": sum(4 * v.shape.num_elements() for v in learned),
                    "images": 64,
                    "replicas": replicas,
                }
                write_atomically(output, json.dumps(content))
                os._exit(0)

    named = dict(flag[2:].split("=", 1) for flag in flags)
    byel_tf.train(byel_tf.training_config(**named), callbacks=[Watch()])


def _loopback_bytes() -> int:
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[0])
    return 0


def summarize(found: dict[str, list[dict]]) -> dict:
    """Medians, ratio and model of what was measured."""
    rates = {
        name: [one["images"] / one["seconds a step"] for one in rounds]
        for name, rounds in found.items()
    }
    alone, together = (rates[str(layout)] for layout in _LAYOUTS)
    ratios = [b / a for a, b in zip(alone, together, strict=True)]
    step = statistics.median(one["seconds a step"] for one in found[str(_LAYOUTS[0])])
    of_two = found[str(_LAYOUTS[1])]
    gradient = of_two[0]["gradient bytes"]
    return {
        "images a second": {name: statistics.median(r) for name, r in rates.items()},
        "ratios": ratios,
        "ratio": statistics.median(ratios),
        "gradient bytes": gradient,
        "loopback bytes a step": statistics.median(
            one["loopback bytes a step"] for one in of_two
        ),
        "rounds": found,
        "model": [
            {
                "network": name,
                "replicas": count,
                "efficiency": step / (step + ring_seconds(gradient, count, *network)),
            }
            for name, *network in _NETWORKS
            for count in _REPLICAS
        ],
    }


def ring_seconds(size: float, replicas: int, bandwidth: float, latency: float) -> float:
    """Seconds of a ring all-reduce.

    Args:
      size: Bytes that each replica has.
      replicas: How many there are.
      bandwidth: Bytes a second of each link.
      latency: Seconds that a message takes besides.
    """
    turns = 2 * (replicas - 1)
    return turns / replicas * size / bandwidth + turns * latency


def to_lines(summary: dict) -> list[str]:
    """For people."""
    lines = [
        f"{name}: {rate:.1f} images/s"
        for name, rate in summary["images a second"].items()
    ]
    spread = ", ".join(f"{ratio:.2f}" for ratio in summary["ratios"])
    lines += [
        f"two workers beside one process: {summary['ratio']:.2f} ({spread})",
        f"gradient: {summary['gradient bytes'] / 1e6:.2f} MB; over the loopback "
        f"interface: {summary['loopback bytes a step'] / 1e6:.2f} MB a step",
    ]
    lines += [
        f"{row['replicas']} replicas at {row['network']}: {row['efficiency']:.2f}"
        for row in summary["model"]
    ]
    return lines


if __name__ == "__main__":
    sys.exit(run_program(main, sys.argv))
