"""How fast images in files are predicted, beside the model alone, and in what memory.

`python -m benchmarks.predict --model=RUN/export/1 --folder=data/benchmark
--output=predict.json` makes JPEG files in the folder where they are missing. The model
alone is given their content, read before, in batches of the same size. Both are
measured in turns, and the median of their ratios counts; that of processor time, of all
processes, holds on a machine that others use as well. Then the program predicts whole
folders, and its memory is watched. Linux only.
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

from benchmarks.memory import measure
from benchmarks.prepare import make_images
from byel_tf.data.image_files import ImageLimits
from byel_tf.data.preparation.convert import Conversion
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.prediction.inputs import find_input
from byel_tf.prediction.reading import read_images
from byel_tf.program import run_program


@dataclasses.dataclass(frozen=True)
class PredictBenchmarkOptions:
    """Time predictions from files, beside the exported model alone."""

    model: str = option(dataclasses.MISSING, "Version folder of an exported model.")
    output: str = option(dataclasses.MISSING, "JSON file to write.")
    folder: str = option(dataclasses.MISSING, "Where the images are, or are made.")
    counts: str = option("10000,100000", "Images of the whole runs; none: 0.")
    compared: int = option(4096, "Images of the comparison.", lower=1)
    size: int = option(112, "Side in pixels.", lower=8)
    batch_size: int = option(128, "Images at a time.", lower=1)
    workers: int = option(2, "Processes that read images.", lower=1)
    repeats: int = option(5, "Comparisons, of which the median counts.", lower=1)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, PredictBenchmarkOptions)
    counts = sorted(int(text) for text in options.counts.split(",") if int(text))
    folders = {
        count: pathlib.Path(options.folder, str(count), str(options.size))
        for count in (options.compared, *counts)
    }
    for count, folder in folders.items():
        make_images(folder, count, options.size, options.workers)
    result = dataclasses.asdict(options)
    result["comparison"] = _compare(options, folders[options.compared])
    result["runs"] = {}
    for count in counts:
        seconds, memory = _run_program(options, folders[count])
        print(
            f"{count:7,d} images: {count / seconds:6,.0f} images/s, start included; "
            f"at most {memory:.0f} MB in all processes",
            flush=True,
        )
        result["runs"][count] = {"seconds": seconds, "peak_memory_mb": memory}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _compare(options: PredictBenchmarkOptions, folder: pathlib.Path) -> dict:
    """Images a second of the model alone and of predictions from files, in turns."""
    from byel_tf.compat import keras  # noqa: F401  (TensorFlow without its remarks)
    from byel_tf.serving.load import load_export

    model = load_export(options.model)
    entries = list(find_input(str(folder)).entries())
    contents = [pathlib.Path(entry.path).read_bytes() for entry in entries]
    _model_alone(model, contents[: options.batch_size], options.batch_size)
    runs = []
    for turn in range(options.repeats):
        # Which comes first changes, so that a machine that slows down hits both.
        order = (_alone, _from_files) if turn % 2 == 0 else (_from_files, _alone)
        spent = {f: f(model, options, entries, contents) for f in order}
        runs.append((*spent[_alone], *spent[_from_files]))
    alone, alone_cpu, files, files_cpu = np.transpose(runs)
    count, ratios = len(entries), alone / files
    cpu_ratio = np.median(alone_cpu / files_cpu)
    print(
        f"{count:7,d} images: the model alone {count / np.median(alone):,.0f} "
        f"images/s, from files {count / np.median(files):,.0f}; ratio "
        f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}), of "
        f"processor time {cpu_ratio:.2f}",
        flush=True,
    )
    return {
        "model_seconds": alone.tolist(),
        "files_seconds": files.tolist(),
        "ratio": float(np.median(ratios)),
        "processor_time_ratio": float(cpu_ratio),
    }


def _times() -> tuple[float, float]:
    """Seconds on the clock and of processors, by children that have ended too."""
    children = os.times()
    processors = time.process_time() + children.children_user + children.children_system
    return time.perf_counter(), processors


def _since(start: tuple[float, float]) -> tuple[float, float]:
    return tuple(now - then for now, then in zip(_times(), start, strict=True))


def _alone(model, options, entries, contents) -> tuple[float, float]:
    del entries
    start = _times()
    _model_alone(model, contents, options.batch_size)
    return _since(start)


def _model_alone(model, contents, batch_size: int) -> None:
    import tensorflow as tf

    for begin in range(0, len(contents), batch_size):
        batch = tf.constant(contents[begin : begin + batch_size])
        model.signature(image_bytes=batch)["probabilities"].numpy()


def _from_files(model, options, entries, contents) -> tuple[float, float]:
    from byel_tf.prediction.predict import predict
    from byel_tf.prediction.tables import CsvWriter

    del contents
    conversion = Conversion((), ImageLimits())
    start = _times()
    with tempfile.TemporaryFile() as file:
        writer = CsvWriter(file, model.classes)
        images = read_images(entries, conversion, workers=options.workers)
        for table in predict(model, images, options.batch_size, conversion.limits):
            writer.write(table)
    return _since(start)


def _run_program(
    options: PredictBenchmarkOptions, folder: pathlib.Path
) -> tuple[float, float]:
    """Seconds and peak memory in MB of one run, starts of processes included."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, "-m", "byel_tf.cli.predict", f"--model={options.model}"),
            *(f"--input={folder}", f"--output={scratch}/predictions.csv"),
            *(f"--batch_size={options.batch_size}", f"--workers={options.workers}"),
            "--crop=none",
        ]
        return measure(command)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
