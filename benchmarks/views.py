"""How fast views are made, beside per-image pipelines of `tf.image` and torchvision.

`python -m benchmarks.views --output=views.json` times each policy's second view for
whole batches of decoded images in memory, compiled by XLA, as the training step makes
them; a `tf.data` pipeline that applies the like of it to one image after the other,
with as many calls at once as tf.data chooses, and then batches; and, where PyTorch is
installed in this Python or in that of `--torch_python`, torchvision's transforms of
single images in a `DataLoader` with worker processes. The other two are what their
users write first, not the same arithmetic: they have no per-image order of colour
steps, and theirs of `faces` neither adds noise with a deviation of its own nor corrects
gamma for less than a batch.
With `--random_convolution` or `--spectrum_jitter` ours of `faces` has them, and takes
turns with itself without them, `plain`.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.timing import (
    Contender,
    describe_machine,
    machine_line,
    shown,
    spread,
    table,
    take_turns,
    timed,
)
from benchmarks.train_step import has_torch
from byel_tf.augment.names import POLICY_NAMES
from byel_tf.errors import UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_IMAGES = 1024


@dataclasses.dataclass(frozen=True)
class ViewsOptions:
    """Time the augmentation policies."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    policies: str = option("faces,byol,reference", "Which ones.")
    image_size: int = option(48, "Side in pixels.", lower=16)
    batch_size: int = option(128, "Images of a batch.", lower=2)
    random_convolution: float = option(
        0.0, "faces: share of random convolutions, as of train.", lower=0, upper=1
    )
    spectrum_jitter: float = option(
        0.0, "faces: share of jittered spectra, as of train.", lower=0, upper=1
    )
    rounds: int = option(7, "Turns of each.", lower=1)
    batches: int = option(8, "Batches of a turn.", lower=1)
    workers: int = option(2, "Worker processes of PyTorch's loader.", lower=0)
    torch: bool = option(True, "Compare with torchvision where it is installed.")
    torch_python: str = option(
        sys.executable, "The Python that has torchvision.", path="local"
    )


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, ViewsOptions)
    policies = options.policies.split(",")
    for name in policies:
        if name not in POLICY_NAMES:
            raise UsageError(
                f"--policies={options.policies}: {name!r} is none of "
                f"{', '.join(POLICY_NAMES)}"
            )
    machine = describe_machine()
    print(machine_line(machine))
    is_compared = options.torch and has_torch(options.torch_python, "torchvision")
    if options.torch and not is_compared:
        print(f"torchvision is not installed for {options.torch_python}: not compared")
    results = {name: _measure(name, options, is_compared) for name in policies}
    print(_table(results))
    result = {"machine": machine, **dataclasses.asdict(options), "views": results}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _measure(name: str, options: ViewsOptions, is_compared: bool) -> dict:
    """Views a second of each contender, and ratios to ours."""
    from benchmarks.turns import TurnTaker

    size = options.image_size
    images = np.random.default_rng(1).integers(
        0, 256, (_IMAGES, size, size, 3), np.uint8
    )
    first = images[: options.batch_size]
    textures = {}
    if name == "faces":
        textures = {key: getattr(options, key) for key in _TEXTURES}
    contenders = {
        "byel_tf": timed(_ours(name, first, **textures)),
        "tf.image": _per_image(name, images, options.batch_size),
    }
    if any(textures.values()):
        contenders["plain"] = timed(_ours(name, first))
    other = None
    if is_compared:
        arguments = [name, size, options.batch_size, options.workers]
        command = [options.torch_python, "-m", "benchmarks.torch_loader"]
        other = TurnTaker([*command, json.dumps(arguments)])
        contenders |= other.contenders()
    try:
        times = take_turns(contenders, options.rounds, options.batches)
    finally:
        if other is not None:
            other.close()
    seconds = times.seconds
    return {
        "views_per_second": {
            key: spread(options.batch_size / value) for key, value in seconds.items()
        },
        "times_as_fast_as": _ratios(seconds),
        "processor_times_as_fast_as": _ratios(times.processor),
    }


def _ratios(seconds: dict[str, np.ndarray]) -> dict:
    """How many times as fast as each other one ours is, where that is known."""
    ours = seconds["byel_tf"]
    others = {
        key: value
        for key, value in seconds.items()
        if key != "byel_tf" and np.isfinite(value).all()
    }
    return {key: spread(value / ours) for key, value in others.items()}


def _ours(name: str, images: np.ndarray, **textures: float) -> Callable[[], None]:
    import tensorflow as tf

    from byel_tf import stateless
    from byel_tf.augment.policies import policy
    from byel_tf.batch import VIEWS

    chosen, batch = policy(name, **textures).compiled(), tf.constant(images)
    keys = tf.random.uniform([len(images), 2], maxval=2**31 - 1, dtype=tf.int32)
    keys = tf.cast(keys, tf.uint32)

    @tf.function
    def view():
        uniforms = stateless.uniform(keys, chosen.num_uniforms, VIEWS)
        return chosen.augmentations[1](batch, uniforms)

    return lambda: view()[0, 0, 0, 0].numpy()


def _per_image(name: str, images: np.ndarray, batch_size: int) -> Contender:
    """A pipeline of single images; its batches go on from turn to turn."""
    import tensorflow as tf

    from benchmarks.image_transforms import TRANSFORMS

    dataset = tf.data.Dataset.from_tensor_slices(images).repeat()
    dataset = dataset.map(TRANSFORMS[name], num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size, drop_remainder=True).prefetch(1)

    def run(calls: int) -> tuple[float, float]:
        # Anew each turn, so that nothing is made while others have theirs.
        batches = iter(dataset)
        next(batches)
        return timed(lambda: next(batches))(calls)

    return run


def _table(results: dict) -> str:
    rows = []
    for name, result in results.items():
        rates, ratios = result["views_per_second"], result["times_as_fast_as"]
        processor = result["processor_times_as_fast_as"]["tf.image"]
        cells = [shown(rates[key]) if key in rates else "–" for key in _COLUMNS]
        cells += [
            shown(ratios[key], 1) if key in ratios else "–" for key in _COLUMNS[1:]
        ]
        rows.append([name, *cells, shown(processor, 1)])
    header = ["views/s, median (quartiles)", *_COLUMNS]
    header += [f"byel_tf / {key}" for key in _COLUMNS[1:]]
    return table([*header, "by processor time / tf.image"], rows)


_COLUMNS = ("byel_tf", "tf.image", "torchvision", "plain")
_TEXTURES = ("random_convolution", "spectrum_jitter")


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
