"""Filter gradients of a ResNet's convolutions, by TensorFlow's kernel and two others.

`python -m benchmarks.convolutions --output=convolutions.json` times, for each distinct
convolution of ResNet-18 or 34, its forward pass, TensorFlow's gradient of its filter,
and two ways to write that gradient with other operations: as a forward convolution of
the images with the output's gradient, batch and channels exchanged, and as one matrix
product a tap. All give the same numbers up to the precision's rounding, which is
checked. They take turns; processor time is what holds on a busy machine.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.timing import (
    describe_machine,
    machine_line,
    shown,
    spread,
    table,
    take_turns,
    timed,
)
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_GROUPS = 4
_TOLERANCE = 0.02  # of the largest entry; bfloat16 has 8 bits


@dataclasses.dataclass(frozen=True)
class ConvolutionsOptions:
    """Time filter gradients of a ResNet's 3×3 and 1×1 convolutions."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    precision: str = option(
        "bfloat16", "Of images, gradients, filters.", choices=("bfloat16", "float32")
    )
    batch_size: int = option(128, "Images.", lower=2)
    size: int = option(24, "Pixels of the first group's maps.", lower=4)
    channels: int = option(32, "Channels of the first group.", lower=1)
    rounds: int = option(7, "Turns of each.", lower=1)
    calls: int = option(5, "Calls of a turn.", lower=1)


@dataclasses.dataclass(frozen=True)
class _Shape:
    size: int
    inputs: int
    outputs: int
    taps: int
    stride: int

    @property
    def output_size(self) -> int:
        return -(-self.size // self.stride)

    @property
    def padding(self) -> tuple[int, int]:
        """Before and after, as "SAME" pads."""
        covered = (self.output_size - 1) * self.stride + self.taps
        missing = max(covered - self.size, 0)
        return missing // 2, missing - missing // 2


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, ConvolutionsOptions)
    machine = describe_machine()
    print(machine_line(machine))
    results = [_measure(shape, options) for shape in _shapes(options)]
    names = list(results[0]["processor_milliseconds"])
    rows = [
        [
            result["convolution"],
            *(shown(result["processor_milliseconds"][name], 2) for name in names),
        ]
        for result in results
    ]
    print("of processors:")
    print(table(["ms, median (quartiles)", *names], rows), flush=True)
    result = {"machine": machine, **dataclasses.asdict(options)}
    result["convolutions"] = results
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _shapes(options: ConvolutionsOptions) -> Sequence[_Shape]:
    shapes, size, channels = [], options.size, options.channels
    for group in range(_GROUPS):
        shapes.append(_Shape(size, channels, channels, 3, 1))
        if group < _GROUPS - 1:
            shapes += [_Shape(size, channels, 2 * channels, taps, 2) for taps in (3, 1)]
        size, channels = -(-size // 2), 2 * channels
    return shapes


def _measure(shape: _Shape, options: ConvolutionsOptions) -> dict:
    import tensorflow as tf

    random = np.random.default_rng(1)

    def draw(*dimensions: int) -> tf.Tensor:
        return tf.cast(tf.constant(random.normal(size=dimensions)), options.precision)

    count, out = options.batch_size, shape.output_size
    images = draw(count, shape.size, shape.size, shape.inputs)
    gradient = draw(count, out, out, shape.outputs)
    filters = draw(shape.taps, shape.taps, shape.inputs, shape.outputs)

    def forward():
        return tf.nn.conv2d(images, filters, shape.stride, "SAME")

    ways: dict[str, Callable] = {
        "TensorFlow's": _by_kernel,
        "exchanged": _by_convolution,
        "products": _by_products,
    }
    functions = {"forward pass": tf.function(forward)}
    expected = None
    for name, way in ways.items():
        functions[name] = tf.function(lambda way=way: way(images, gradient, shape))
        found = tf.cast(functions[name](), tf.float32).numpy()
        expected = found if expected is None else expected
        if np.abs(found - expected).max() > _TOLERANCE * np.abs(expected).max():
            raise RunError(f"the filter gradient '{name}' of {shape} is wrong")
    contenders = {name: timed(function) for name, function in functions.items()}
    times = take_turns(contenders, options.rounds, options.calls)
    return {
        "convolution": f"{shape.taps}×{shape.taps}, {shape.size} → {out} px, "
        f"{shape.inputs} → {shape.outputs}",
        "milliseconds": {k: spread(1e3 * v) for k, v in times.seconds.items()},
        "processor_milliseconds": {
            k: spread(1e3 * v) for k, v in times.processor.items()
        },
    }


def _by_kernel(images, gradient, shape: _Shape):
    import tensorflow as tf

    return tf.raw_ops.Conv2DBackpropFilter(
        input=images,
        filter_sizes=[shape.taps, shape.taps, shape.inputs, shape.outputs],
        out_backprop=gradient,
        strides=[1, shape.stride, shape.stride, 1],
        padding="SAME",
    )


def _by_convolution(images, gradient, shape: _Shape):
    """The batch is what is summed over, so it takes the place of the channels."""
    import tensorflow as tf

    padding = [[0, 0], shape.padding, shape.padding, [0, 0]]
    sums = tf.nn.conv2d(
        tf.transpose(images, [3, 1, 2, 0]),
        tf.transpose(gradient, [1, 2, 0, 3]),
        1,
        padding,
        dilations=shape.stride,
    )
    return tf.transpose(sums[:, : shape.taps, : shape.taps], [1, 2, 0, 3])


def _by_products(images, gradient, shape: _Shape):
    """One matrix product for each tap, of the pixels that it meets."""
    import tensorflow as tf

    padded = tf.pad(images, [[0, 0], shape.padding, shape.padding, [0, 0]])
    reach = (shape.output_size - 1) * shape.stride + 1
    columns = tf.reshape(gradient, [-1, shape.outputs])
    products = []
    for row in range(shape.taps):
        for column in range(shape.taps):
            met = padded[
                :,
                row : row + reach : shape.stride,
                column : column + reach : shape.stride,
            ]
            met = tf.reshape(met, [-1, shape.inputs])
            products.append(tf.matmul(met, columns, transpose_a=True))
    return tf.reshape(
        tf.stack(products), [shape.taps, shape.taps, shape.inputs, shape.outputs]
    )


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
