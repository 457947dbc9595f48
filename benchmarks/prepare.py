"""Rate and memory of `byel_tf.cli.prepare`.

`python -m benchmarks.prepare --folder=data/benchmark --output=prepare.json` makes JPEG
files in the folder where they are missing, and prepares 10,000 of them and all of them,
each in a process of its own. It prints images a second beside the rate of merely
reading the files, and the most memory that all processes held together. Linux only.
"""

import dataclasses
import functools
import io
import json
import pathlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmarks.memory import measure
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.worker_pool import run_tasks

_FEW = 10_000
_FILES_A_FOLDER = 1000


@dataclasses.dataclass(frozen=True)
class PrepareBenchmarkOptions:
    """Time the import of a folder of small JPEG files."""

    output: str = option(dataclasses.MISSING, "JSON file to write.")
    folder: str = option(dataclasses.MISSING, "Where the images are, or are made.")
    count: int = option(100_000, "Images.", lower=1)
    size: int = option(112, "Side in pixels.", lower=8)
    workers: int = option(2, "Processes.", lower=1)
    repeats: int = option(3, "Runs, of which the median counts.", lower=1)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, PrepareBenchmarkOptions)
    counts = sorted({min(_FEW, options.count), options.count})
    folders = {
        count: pathlib.Path(options.folder, str(count)) / str(options.size)
        for count in counts
    }
    for count, folder in folders.items():
        make_images(folder, count, options.size, options.workers)
    result = {"workers": options.workers, "size": options.size, "counts": {}}
    for count, folder in folders.items():
        runs = []
        for _ in range(options.repeats):  # in turns, so that noise hits both alike
            reading = _read_all(folder, options.workers)
            seconds, memory = _prepare(folder, options.workers)
            runs.append((count / seconds, count / reading, reading / seconds, memory))
        rate, read, ratio, memory = (
            float(np.median(v)) for v in zip(*runs, strict=True)
        )
        result["counts"][count] = {
            "images_per_second": rate,
            "read_files_per_second": read,
            "ratio": ratio,
            "peak_memory_mb": memory,
        }
        print(
            f"{count:7,d} images: {rate:6,.0f} images/s, {ratio:.2f} of merely reading "
            f"({read:,.0f} files/s); at most {memory:.0f} MB in all processes",
            flush=True,
        )
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def make_images(folder: pathlib.Path, count: int, size: int, workers: int) -> None:
    """Makes those JPEG files that are not there, in class folders of some folders.

    Args:
      folder: Where.
      count: How many.
      size: Their side in pixels.
      workers: Processes.
    """
    tasks = [
        (
            folder / name / f"{start:08d}",
            range(start, min(start + _FILES_A_FOLDER, end)),
        )
        for k, name in enumerate(DEFAULT_CLASSES)
        for end in [count * (k + 1) // len(DEFAULT_CLASSES)]
        for start in range(count * k // len(DEFAULT_CLASSES), end, _FILES_A_FOLDER)
    ]
    missing = [task for task in tasks if not task[0].exists()]
    for _ in run_tasks(functools.partial(_make_folder, size=size), missing, workers):
        pass


def _make_folder(task: tuple[pathlib.Path, range], size: int) -> None:
    """Smooth pictures with some noise, about 4 kB each at 112 px as faces are."""
    folder, numbers = task
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for number in numbers:
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 256, (9, 9, 3), np.uint8)
        image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        noise = generator.integers(0, 12, (size, size, 1), np.uint8)
        pixels = np.asarray(image) // 16 * 15 + noise
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
        (partial / f"{number:08d}.jpg").write_bytes(buffer.getvalue())
    partial.rename(folder)


def _read_all(folder: pathlib.Path, workers: int) -> float:
    """Seconds that processes take to read the files, and do nothing with them."""
    start = time.perf_counter()
    tasks = sorted(path for path in folder.glob("*/*") if path.is_dir())
    for _ in run_tasks(_read_folder, tasks, workers):
        pass
    return time.perf_counter() - start


def _read_folder(folder: pathlib.Path) -> int:
    return sum(len(path.read_bytes()) for path in sorted(folder.iterdir()))


def _prepare(folder: pathlib.Path, workers: int) -> tuple[float, float]:
    """Seconds and peak memory in MB of one run, starts of processes included."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [
            *(sys.executable, "-m", "byel_tf.cli.prepare", f"--source={folder}"),
            *(f"--output={scratch}/out", f"--workers={workers}"),
        ]
        return measure(command)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
