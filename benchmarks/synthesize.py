"""Time and memory of drawing a face.

`python -m benchmarks.synthesize --output=synthesize.json` prints the median
milliseconds for each size, and how memory grows from the first faces to the last.
`--head=` given several times times heads beside each other, and prints ratios to the
first and each one's memory in a process of its own. With `--prototype=FOLDER
--head=CHECKOUT` the renderer that this one follows (a folder
with its `convert.py`, `protos.py` and `render.py`) is timed in turns with it, at its
own size, and ratios are printed; the checkout is one of ICT-FaceKit.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import threadpoolctl

from byel_tf.errors import UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.drawing import Drawing, encode_png
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.renderer import Renderer

_CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
_WARM_UP, _GROUP = 12, 6
# The prototype makes identities this many at a time.
_PROTOTYPE_PEOPLE = 60


@dataclasses.dataclass(frozen=True)
class SynthesizeBenchmarkOptions:
    """Time drawing, from a face's number to its PNG, on one core."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    head: tuple[str, ...] = option(
        ("built-in",), "One head as for byel_tf.cli.synthesize; may be given again."
    )
    domain: str = option("synthetic", "As for byel_tf.cli.synthesize.")
    count: int = option(240, "Faces of each size.", lower=6)
    prototype: str = option("", "Folder of the renderer to compare with.")


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, SynthesizeBenchmarkOptions)
    cv2.setNumThreads(1)
    sizes = (
        ("64 px grey", 64, True),
        ("64 px RGB", 64, False),
        ("112 px RGB", 112, False),
    )
    several = len(options.head) > 1
    # First: a process begins with its parent's largest size.
    alone = {head: _memory_alone(head) for head in options.head} if several else {}
    draw = {}
    for head in options.head:
        own = Renderer(load_head(head))
        for name, size, grey in sizes:
            drawing = Drawing(head, options.domain, _CLASSES, size, 1, grey)
            label = f"{name} {own.head.name}" if several else name
            draw[label] = _drawer(own, drawing)
    with contextlib.ExitStack() as stack:
        stack.enter_context(threadpoolctl.threadpool_limits(1))
        if options.prototype:
            head = ", ".join(options.head)
            if not pathlib.Path(head, "FaceXModel").is_dir():
                raise UsageError(
                    f"--head={head}: --prototype needs the path of a checkout of "
                    "ICT-FaceKit"
                )
            folder = pathlib.Path(options.prototype).resolve()
            checkout = pathlib.Path(head).resolve()
            prototype = stack.enter_context(_prototype(folder, checkout))
            draw["prototype"], identities = prototype
        for one in draw.values():
            for index in range(_WARM_UP):
                one(index)
        before = _memory()
        seconds: dict[str, list[float]] = {name: [] for name in draw}
        # In turns, so that noise hits all alike; whole people, who cost more at first.
        for first in range(0, options.count, _GROUP):
            for name, one in draw.items():
                start = time.perf_counter()
                for index in range(first, first + _GROUP):
                    one(index)
                seconds[name].append((time.perf_counter() - start) / _GROUP)
    medians = {name: 1000 * statistics.median(s) for name, s in seconds.items()}
    if options.prototype:
        medians["prototype"] += 1000 * identities
    result = {
        "heads": list(options.head),
        "process_mb": alone,
        "faces": options.count,
        "milliseconds": medians,
        "memory_mb": {"first": before, "last": _memory()},
    }
    width = max(map(len, medians))
    first = dict(zip(draw, list(draw)[: len(sizes)] * len(options.head), strict=False))
    for name, value in medians.items():
        ratio = ""
        if options.prototype:
            ratio = f"  {value / medians['prototype']:.2f} of the prototype"
        elif several:
            ratio = f"  {value / medians[first[name]]:.2f} of the first head"
        print(f"{name:{width}s} {value:6.1f} ms{ratio}")
    for head, megabytes in alone.items():
        print(f"memory       {megabytes:.0f} MB in a process with {head} alone")
    print(f"memory       {before:.0f} MB after {_WARM_UP} faces each, "
          f"{_memory():.0f} MB after {options.count} more")  # fmt: skip
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _drawer(own: Renderer, drawing: Drawing) -> Callable[[int], object]:
    def draw(index: int) -> bytes:
        pixels = own.render(drawing.face(index), drawing.size)
        return encode_png(pixels, drawing.grey)

    return draw


def _memory_alone(head: str) -> float:
    """The largest resident size of a process that draws with one head, MB."""
    code = (
        "import sys; from benchmarks import synthesize as s;"
        "draw = s._drawer(s.Renderer(s.load_head(sys.argv[1])),"
        "s.Drawing(sys.argv[1], 'synthetic', s._CLASSES, 112, 1, False));"
        "[draw(i) for i in range(60)]; print(s._memory())"
    )
    command = [sys.executable, "-c", code, head]
    root = pathlib.Path(__file__).resolve().parents[1]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return float(done.stdout)


def _memory() -> float:
    """The process's largest resident size so far, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


@contextlib.contextmanager
def _prototype(
    folder: pathlib.Path, checkout: pathlib.Path
) -> Iterator[tuple[Callable[[int], object], float]]:
    """Draws a face with the prototype, and the seconds of its share of identities.

    Its modules read files of the working directory.
    """
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("convert.py", "protos.py", "render.py"):
            shutil.copy(folder / name, scratch)
        os.symlink(checkout, pathlib.Path(scratch, "ICT-FaceKit"))
        command = [sys.executable, "convert.py"]
        subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        os.chdir(scratch)
        sys.path.insert(0, scratch)
        try:
            module = importlib.import_module("render")
            generator = np.random.default_rng(0)
            start = time.perf_counter()
            people = module.bases(generator, _PROTOTYPE_PEOPLE)
            share = (time.perf_counter() - start) / _PROTOTYPE_PEOPLE

            def draw(index: int) -> object:
                expression = module.EMO[index % len(module.EMO)]
                base = people[index % _PROTOTYPE_PEOPLE]
                return module.render(expression, generator, base)

            yield draw, share
        finally:
            os.chdir(before)
            sys.path.remove(scratch)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
