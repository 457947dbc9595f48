"""Whether a training computes the same on any number of replicas and machines.

`python -m benchmarks.equality --output=equality.json` trains, both stages, 20 steps
each, on unlike data for each replica: in one process, on 2 and 4 logical devices, and
as 2 and 3 workers, with XLA off, auto-clustering and compiling, with synchronised batch
norm and with frozen statistics. Of every step's losses and gradient's norm, and of the
last step's weights, it prints the largest relative difference from the one-process run
with the same global batch.

What float32 itself makes of a sum in another order is the last row of each group: one
process whose batches have their rows in reverse. Where a ReLU's input is near zero, the
last bit decides whether a gradient passes, so that a ResNet-18's steps soon differ
there as well; a small network without kinks, which is there too, shows the rest.

Batch norm that each replica has for itself computes something else, by its nature: its
difference is printed as well, for comparison.
"""

import dataclasses
import functools
import json
import os
import pathlib
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.survive import make_data
from benchmarks.workers import Layout, start, wait
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.history import read_history
from byel_tf.program import run_program

#: One process, replicas, workers; beside it the global batch, which three can share.
LAYOUTS = (
    (Layout(), 32),
    (Layout(replicas=2), 32),
    (Layout(replicas=4), 32),
    (Layout(workers=2), 32),
    (Layout(), 33),
    (Layout(workers=3), 33),
)
_REVERSED = "1, rows reversed"
#: Of batch norm: of all replicas, of none, of each replica.
STATISTICS = ("synchronised", "frozen", "each replica's")
XLA = ("off", "autocluster", "jit")
_LOSSES = "losses/"
_COMPARED = ("losses", "gradient norms", "weights")
#: Of every training here.
FLAGS = (
    "--image_size=16",
    "--encoder=resnet18",
    "--width=0.125",
    "--stem=strided",
    "--augmentation=faces",
    "--projection_size=16",
    "--hidden_size=32",
    "--pretrain_epochs=20",
    "--finetune_epochs=20",
    "--finetune_optimizer=sgd",
    "--finetune_learning_rate=0.001",
    "--weight_ema=0.9",
    "--log_every_steps=1",
    "--eval_every_epochs=0",
    "--selection=last",
)

# What each process runs.
_TRAIN = """
import sys
from benchmarks.equality import train_here
train_here(*sys.argv[1:])
"""


def train_here(network: str, statistics: str, rows: str, end: str, *flags: str) -> None:
    """Trains in this process, with what no flag of the program can ask for.

    Args:
      network: "resnet18", or "smooth" for one without kinks.
      statistics: One of `STATISTICS`.
      rows: "reversed", or "as drawn".
      end: "whole", or "trained" to leave out export and report, which take longer.
      *flags: Those of `train_main.py`.
    """
    if "--xla=autocluster" in flags:  # which the program asks for before its imports
        os.environ["TF_XLA_FLAGS"] = "--tf_xla_cpu_global_jit"
    import byel_tf
    import byel_tf.compat  # before whatever else imports TensorFlow
    from byel_tf.training import building, loop, run

    if statistics == "frozen":  # in the one place that makes batch norm
        plain = run.batch_norm

        def frozen(name: str, dtype: str | None = None):
            layer = plain(name, dtype)
            layer.trainable = False
            return layer

        run.batch_norm = frozen
    if network == "smooth":
        building.encoder_builder = lambda *options: functools.partial(
            smooth, *options[2:]
        )
    if rows == "reversed":
        distribute = loop.distribute
        loop.distribute = lambda strategy, batches, is_endless: distribute(
            strategy, batches.map(_reverse), is_endless
        )
    if end == "trained":
        run._Run._finish = lambda self, *_: json.loads(self._cluster.from_chief("{}"))
    named = dict(flag[2:].split("=", 1) for flag in flags)
    byel_tf.train(byel_tf.training_config(**named))


def smooth(make_norm: Callable | None = None):
    """A small encoder whose gradient has no jumps."""
    from byel_tf.compat import keras
    from byel_tf.models.encoders import Encoder, normalize
    from byel_tf.models.normalization import batch_norm

    make_norm = make_norm or batch_norm
    layers = []
    for number, channels in enumerate((8, 16, 32)):
        layers += [
            keras.layers.Conv2D(channels, 3, 2, "same", use_bias=False),
            make_norm(f"norm_{number}"),
            keras.layers.Activation("swish"),
        ]
    backbone = keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D()])
    encoder = Encoder(lambda images: normalize(images, "imagenet"), backbone, 32)
    encoder.build((None, 16, 16, 3))
    return encoder


def _reverse(batch):
    import tensorflow as tf

    return tf.nest.map_structure(lambda values: tf.reverse(values, [0]), batch)


@dataclasses.dataclass(frozen=True)
class EqualityOptions:
    """Compare trainings on replicas and workers with one process."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    steps: int = option(20, "Steps of each stage.", lower=1)
    only: str = option(
        "", "Only groups with this in their name, such as 'smooth, frozen, jit'."
    )
    folder: str = option("", "Where the runs go; by default a temporary one.")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training computed.

    Attributes:
      losses: Each step's losses, by stage and name, (steps,).
      norms: Each step's gradient norm, by stage, (steps,).
      weights: The networks of each stage's last step, by stage and name.
    """

    losses: dict[str, np.ndarray]
    norms: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]


def main(argv: Sequence[str]) -> None:
    """Parses the command line, trains, compares and prints."""
    (options,) = parse(argv, EqualityOptions)
    made = options.folder or tempfile.mkdtemp(prefix="equality-")
    folder = pathlib.Path(made).resolve()
    data = folder / "data"
    if not data.exists():
        make_data(data)
    rows = []
    for row in compare_all(folder, data, options):
        rows.append(row)
        print(to_line(row), flush=True)
    print(to_table(rows))
    content = {
        "python": platform.python_version(),
        "steps": options.steps,
        "rows": rows,
    }
    write_atomically(options.output, json.dumps(content, indent=2) + "\n")
    if not options.folder:
        shutil.rmtree(folder)


def groups() -> Iterator[tuple[str, str, str]]:
    """Network, statistics and mode of XLA of each group of rows."""
    for statistics in STATISTICS[:2]:
        for xla in XLA:
            if (statistics, xla) != ("synchronised", "jit"):  # which is refused
                yield "smooth", statistics, xla
    yield "smooth", "each replica's", "off"
    yield "resnet18", "synchronised", "off"
    yield "resnet18", "frozen", "off"


def compare_all(
    folder: pathlib.Path, data: pathlib.Path, options: EqualityOptions
) -> Iterator[dict]:
    """Differences of each layout from one process, group by group."""
    for group in groups():
        if options.only not in ", ".join(group):
            continue
        alone: dict[int, Trained] = {}
        for layout, batch, rows in (
            *((layout, batch, "as drawn") for layout, batch in LAYOUTS),
            (Layout(), 32, "reversed"),
        ):
            name = "-".join((*group, str(batch), str(layout), rows)).replace(" ", "_")
            run = folder / name
            train(run, data, layout, batch, group, rows, options.steps)
            if layout.total == 1 and rows == "as drawn":
                alone[batch] = read(run)
                continue
            yield {
                **dict(zip(("network", "statistics", "xla"), group, strict=True)),
                "layout": _REVERSED if layout.total == 1 else str(layout),
                "batch": f"{layout.total} × {batch // layout.total}",
                **differences(read(run), alone[batch]),
            }


def train(
    folder: pathlib.Path,
    data: pathlib.Path,
    layout: Layout,
    batch_size: int,
    group: tuple[str, str, str],
    rows: str,
    steps: int,
) -> None:
    """Trains in processes of their own.

    Raises:
      RunError: If one fails.
    """
    network, statistics, xla = group
    flags = [
        f"--train_data={data}",
        f"--model_dir={folder}",
        f"--batch_size={batch_size}",
        f"--max_steps={steps}",
        f"--xla={xla}",
        *FLAGS,
        *layout.flags,
    ]
    if layout.total > 1:
        flags.append(f"--sync_batch_norm={statistics == STATISTICS[0]}")
    arguments = [network, statistics, rows, "trained", *flags]
    codes = wait(start(layout, _TRAIN, arguments, folder / "output"))
    if any(codes):
        raise RunError(f"exit codes {codes}: see {folder}/output.*.log")


def read(folder: pathlib.Path) -> Trained:
    """Reads a run's folder."""
    losses, norms, weights = {}, {}, {}
    for line in read_history(folder / "history.jsonl"):
        if line.epoch is not None:
            continue
        for name, value in line.values.items():
            place = f"{line.stage}/{name}"
            if name == "optimization/gradient_norm":
                norms.setdefault(place, []).append(value)
            elif name.startswith(_LOSSES):
                losses.setdefault(place, []).append(value)
    for stage in ("pretrain", "finetune"):
        *_, file = sorted((folder / "checkpoints" / stage).glob("step-*/arrays.npz"))
        with np.load(file) as arrays:
            for name in arrays.files:
                if name.startswith("networks/"):
                    weights[f"{stage}/{name}"] = arrays[name]
    if not losses or not norms:
        raise RunError(f"{folder}: no losses in history.jsonl")
    return Trained(
        {name: np.array(v) for name, v in losses.items()},
        {name: np.array(v) for name, v in norms.items()},
        weights,
    )


def differences(found: Trained, expected: Trained) -> dict[str, float]:
    """The largest relative differences, of any step and of any network."""
    return {
        "losses": _largest(found.losses, expected.losses),
        "gradient norms": _largest(found.norms, expected.norms),
        "weights": _of_weights(found.weights, expected.weights),
    }


def _largest(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    if found.keys() != expected.keys():
        raise RunError(f"{sorted(found)} are not {sorted(expected)}")
    # A loss that is nearly 0 beside the others has no digits of its own.
    largest = max(float(np.abs(value).max()) for value in expected.values())
    return max(
        float(np.abs(found[name] - value).max()) / largest
        for name, value in expected.items()
    )


def _of_weights(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    """Norm of a network's difference over the network's norm, the largest of all."""
    squares: dict[str, np.ndarray] = {}
    for name, value in expected.items():
        # Statistics are there once a replica.
        is_many = name.endswith(("moving_mean", "moving_variance"))
        ours, theirs = (a.mean(0) if is_many else a for a in (found[name], value))
        network = "/".join(name.split("/")[:3])
        sums = np.array([np.sum((ours - theirs) ** 2.0), np.sum(theirs**2.0)])
        squares[network] = squares.get(network, 0) + sums
    return max(float(np.sqrt(a / b)) for a, b in squares.values())


def to_table(rows: Sequence[dict]) -> str:
    """The README's table: of each group the largest difference of any layout."""
    lines = [
        "| network | batch norm | XLA | layouts | losses | gradient norms | weights |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    groups: dict[tuple[str, ...], list[dict]] = {}
    for row in rows:
        kind = _REVERSED if row["layout"] == _REVERSED else "replicas and workers"
        key = (row["network"], row["statistics"], row["xla"], kind)
        groups.setdefault(key, []).append(row)
    for key, found in groups.items():
        layouts = ", ".join(row["layout"] for row in found)
        largest = [f"{max(row[name] for row in found):.0e}" for name in _COMPARED]
        lines.append(f"| {' | '.join([*key[:3], layouts, *largest])} |")
    return "\n".join(lines)


def to_line(row: dict) -> str:
    """A row as it is found."""
    numbers = [f"{row[name]:.1e}" for name in _COMPARED]
    names = ("network", "statistics", "xla", "layout", "batch")
    cells = [*(row[name] for name in names), *numbers]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(run_program(main, sys.argv))
