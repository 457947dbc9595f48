"""What damaged image files do to a model, to the import and to predictions.

`python -m benchmarks.fuzz --output=fuzz.json` makes files of all formats, damages them
in ways that know their format and in ways that do not (`benchmarks.mutants`), and gives
them

- to a SavedModel's signature, in batches with sound files between them, and to the
  import beside it, in a process whose memory is watched: which of the two takes a file,
  how far the pixels and probabilities of those that both take are apart, whether a
  sound file's probabilities are others than without its neighbours;
- to `prepare`, and what was taken to `inspect --verify`;
- to `predict`.

A process that ends, a stack trace, a file that takes more than a second of processor
time or 300 MB, and a sound file that is read otherwise are findings; there have to be
none. Linux only. `mutant(seed, number)` makes a file of the report again.
"""

import collections
import csv
import dataclasses
import json
import multiprocessing
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.memory import PeakMemory
from benchmarks.mutants import mutant, originals
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_WAYS = ("model", "prepare", "predict", "inspect")
_ROUND = 2000
_BATCH = 16
_SIZE = 48
_CLASSES = ("anger", "fear", "happiness", "sadness")
_MOST_SECONDS = 1.0
_MOST_MB = 300.0
# Of 255, and of probability: what the model and the import may differ by.
_NEAR_PIXELS, _NEAR = 8, 0.02
_EQUAL = 1e-5
# What files begin with that a model may take.
_MODELS = (b"\xff\xd8", b"\x89PNG")
_FIRST = 50
_OTHER = "the import alone, as another format"
_DEADLY = "ended unexpectedly"


@dataclasses.dataclass(frozen=True)
class FuzzOptions:
    """Give damaged files to a model, prepare, predict and inspect."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    count: int = option(200_000, "Damaged files.", lower=1)
    seed: int = option(1, "Decides all of them.", lower=0)
    through: str = option("all", "What they go through, with commas: model, …")
    minutes: float = option(0, "End after the round that this is over in; 0: never.")
    workers: int = option(1, "Processes of prepare and predict.", lower=1)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, makes the trials and prints.

    Raises:
      RunError: If something was found that may not be.
    """
    (options,) = parse(argv, FuzzOptions)
    ways = _WAYS if options.through == "all" else options.through.split(",")
    if unknown := set(ways) - set(_WAYS):
        raise RunError(f"--through={','.join(sorted(unknown))}: there is no such way")
    start = time.monotonic()
    report = Report()
    done = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        place = pathlib.Path(scratch)
        export = place / "export" / "1"
        _apart(_export, export)
        while done < options.count:
            numbers = range(done, min(done + _ROUND, options.count))
            _round(options, ways, numbers, place, export, report)
            done = numbers.stop
            minutes = (time.monotonic() - start) / 60
            result = {**dataclasses.asdict(options), "files": done, "minutes": minutes}
            result.update(report.to_json())
            write_atomically(options.output, json.dumps(result, indent=2) + "\n")
            print(f"{done} files, {minutes:.1f} min: {report}", flush=True)
            if options.minutes and minutes > options.minutes:
                break
    print(report.table())
    if report.findings:
        raise RunError(
            f"{len(report.findings)} findings, listed in {options.output}; the first: "
            f"{report.findings[0]}"
        )


@dataclasses.dataclass
class Report:
    """What has come of it.

    Attributes:
      counts: Numbers of files, by what happened to them.
      most: The largest of each measure, and the file.
      findings: What may not be, a line each.
      apart: Files that model and import read differently.
      one_sided: The first files that only one of the two takes, by which.
    """

    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    most: dict[str, tuple[float, str]] = dataclasses.field(default_factory=dict)
    findings: list[str] = dataclasses.field(default_factory=list)
    apart: list[str] = dataclasses.field(default_factory=list)
    one_sided: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def measure(self, what: str, value: float, file: str) -> None:
        """Keeps the largest."""
        if value > self.most.get(what, (-1.0, ""))[0]:
            self.most[what] = (float(value), file)

    def to_json(self) -> dict:
        """All of it."""
        return {**dataclasses.asdict(self), "counts": dict(self.counts)}

    def __str__(self) -> str:
        return f"{len(self.findings)} findings, {len(self.apart)} read differently"

    def table(self) -> str:
        """Lines for the screen."""
        rows = [f"{count:9,d}  {what}" for what, count in sorted(self.counts.items())]
        rows += [
            f"{value:9.3g}  {what} ({file})"
            for what, (value, file) in self.most.items()
        ]
        return "\n".join([*rows, str(self)])


def _round(
    options: FuzzOptions,
    ways: Sequence[str],
    numbers: range,
    place: pathlib.Path,
    export: pathlib.Path,
    report: Report,
) -> None:
    """Makes some files and sends them all ways."""
    files = {n: mutant(options.seed, n) for n in numbers}
    names = {n: f"{n} ({what})" for n, (what, _) in files.items()}
    report.counts["files"] += len(files)
    if "model" in ways:
        _through_model({n: c for n, (_, c) in files.items()}, names, export, report)
    if not set(ways) & {"prepare", "predict", "inspect"}:
        return
    folder = place / "files"
    for n, (_, content) in files.items():
        path = folder / _CLASSES[n % len(_CLASSES)] / f"{n}.img"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    prepared = place / "prepared"
    workers = f"--workers={options.workers}"
    if "prepare" in ways or "inspect" in ways:
        flags = (f"--source={folder}", f"--output={prepared}", workers)
        classes = f"--classes={','.join(_CLASSES)}"
        _program("prepare", [*flags, classes, "--crop=none"], numbers, report)
        rejected = prepared / "rejected.csv"
        _count_rows("prepare", rejected, names, report)
    if "inspect" in ways and (prepared / "dataset.json").exists():
        _program("inspect", [str(prepared), "--verify"], numbers, report)
    if "predict" in ways:
        table = place / "predictions.csv"
        flags = (f"--model={export}", f"--input={folder}", f"--output={table}")
        _program("predict", [*flags, workers, "--overwrite"], numbers, report)
        _count_rows("predict", table, names, report)
    for made in (folder, prepared):
        shutil.rmtree(made, ignore_errors=True)


def _program(way: str, flags: list[str], numbers: range, report: Report) -> None:
    """Runs a program over all files, which has to end well."""
    called = f"files {numbers.start} to {numbers.stop - 1}"
    process = subprocess.Popen(
        [sys.executable, "-m", f"byel_tf.cli.{way}", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    memory = PeakMemory(process.pid)
    said, _ = process.communicate()
    report.measure(f"{way}: MB of all processes", memory.peak(), called)
    if process.returncode or "Traceback" in said:
        last = said.strip().splitlines()[-1:]
        report.findings.append(f"{way}: exit {process.returncode}, {called}: {last}")
    if "Warning" in said:
        line = next(line for line in said.splitlines() if "Warning" in line)
        report.findings.append(f"{way}: {called}: shows {line}")


def _count_rows(
    way: str, table: pathlib.Path, names: dict[int, str], report: Report
) -> None:
    """Counts what a table says of files, and looks for processes that ended."""
    if not table.exists():
        return
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for row in rows[1:]:
        reason = row[-1] or "taken"
        report.counts[f"{way}: {'taken' if reason == 'taken' else 'refused'}"] += 1
        if _DEADLY in " ".join(row):
            report.findings.append(f"{way}: {row[0]}: {reason}")


def _through_model(
    files: dict[int, bytes],
    names: dict[int, str],
    export: pathlib.Path,
    report: Report,
) -> None:
    """Sends files through a model in a process of its own, batch by batch."""
    numbers = list(files)
    batches = [numbers[k : k + _BATCH] for k in range(0, len(numbers), _BATCH)]
    child = _Child(_serve, export)
    for batch in batches:
        answer = child.ask([files[n] for n in batch])
        singly = answer is None or answer["seconds"] > _MOST_SECONDS
        if singly or answer["mb"] > _MOST_MB:
            for n in batch:
                alone = child.ask([files[n]])
                if alone is None:
                    report.findings.append(f"model: {names[n]}: the process ends")
                    report.counts["model: ends the process"] += 1
                    continue
                for what, most in (("seconds", _MOST_SECONDS), ("mb", _MOST_MB)):
                    if alone[what] > most:
                        text = f"model: {names[n]}: {alone[what]:.2f} {what}"
                        report.findings.append(text)
                _add([n], alone, names, report)
        else:
            _add(batch, answer, names, report)
    child.close()


def _add(batch: list[int], answer: dict, names: dict[int, str], report: Report):
    where = names[batch[0]] if len(batch) == 1 else f"a batch from {batch[0]}"
    report.measure("model: s of processors, a batch", answer["seconds"], where)
    report.measure("model: MB more, a batch", answer["mb"], where)
    if answer["neighbours"] > _EQUAL:
        text = f"model: {where}: a sound file differs by {answer['neighbours']:.2g}"
        report.findings.append(text)
    for n, (import_seconds, result, pixels, probability) in zip(
        batch, answer["files"], strict=True
    ):
        report.measure("import: s of processor, a file", import_seconds, names[n])
        if import_seconds > _MOST_SECONDS:
            report.findings.append(f"import: {names[n]}: {import_seconds:.2f} seconds")
        report.counts[f"taken by {result}"] += 1
        if result not in ("both", "neither", _OTHER):
            first = report.one_sided.setdefault(result, [])
            first += [names[n]] * (len(first) < _FIRST)
        if result == "both":
            report.measure("pixels apart, of 255", pixels, names[n])
            report.measure("probabilities apart", probability, names[n])
            if pixels > _NEAR_PIXELS or probability > _NEAR:
                report.apart.append(f"{names[n]}: {pixels} of 255, {probability:.3f}")


class _Child:
    """A process that answers, begun again where a question ends it."""

    def __init__(self, target, *arguments):
        self._target, self._arguments = target, arguments
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        arguments = (other, *self._arguments)
        self._process = context.Process(target=self._target, args=arguments)
        self._process.start()
        other.close()
        self._pipe.recv()

    def ask(self, contents: list[bytes]) -> dict | None:
        """What comes of files; None if the process ends of them."""
        try:
            self._pipe.send(contents)
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            self._begin()
            return None

    def close(self) -> None:
        self._pipe.close()
        self._process.join()


def _apart(function, *arguments) -> None:
    """Runs a function in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(
        target=function, args=arguments
    )
    process.start()
    process.join()
    if process.exitcode:
        raise RunError(f"{function.__name__} ends with {process.exitcode}")


def _export(path: pathlib.Path) -> None:
    """Exports a classifier that looks at colours all over the picture."""
    import tensorflow as tf

    from byel_tf.compat import keras  # noqa: F401  (TensorFlow without its remarks)
    from byel_tf.serving.export import ServingModule, export_saved_model

    class Colours(tf.Module):
        def __init__(self):
            super().__init__()
            kernel = np.random.default_rng(3).normal(size=(48, len(_CLASSES)))
            self.kernel = tf.Variable(kernel, dtype=tf.float32)

        def __call__(self, images, training):
            del training
            cells = tf.nn.avg_pool2d(images, _SIZE // 4, _SIZE // 4, "VALID")
            representation = tf.reshape(cells, [-1, 48])
            return representation, representation @ self.kernel

    module = ServingModule(Colours(), _CLASSES, _SIZE)
    export_saved_model(path, module, {"classes": list(_CLASSES), "image_size": _SIZE})


def _serve(pipe, export: pathlib.Path) -> None:
    """Answers with what comes of files until the pipe is closed."""
    import tensorflow as tf

    from byel_tf.compat import keras  # noqa: F401  (TensorFlow without its remarks)
    from byel_tf.serving.decoding import DecodingLimits, decode_within
    from byel_tf.serving.load import load_export

    model = load_export(export)
    pixels_of = tf.function(
        lambda files: decode_within(files, _SIZE, DecodingLimits()),
        [tf.TensorSpec([None], tf.string)],
    )
    sound = [c for name, c in originals().items() if name in ("jpeg", "turned png")]

    def probabilities(files: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        outputs = model.signature(image_bytes=tf.constant(files, tf.string))
        return outputs["probabilities"].numpy(), outputs["valid"].numpy()

    expected, _ = probabilities(sound)
    pixels_of(tf.constant(sound))
    pipe.send("ready")
    while True:
        try:
            contents = pipe.recv()
        except EOFError:
            return
        before = _begin_peak()
        start = time.process_time()
        found, valid = probabilities([sound[0], *contents, sound[1]])
        seconds = time.process_time() - start
        mb = _peak() - before
        neighbours = np.abs(found[[0, -1]] - expected).max()
        imported = [_import(content) for content in contents]
        kept = [file or b"" for file, _ in imported]
        expected_of, kept_valid = probabilities([sound[0], *kept])
        own, _ = pixels_of(tf.constant(contents, tf.string))
        theirs, _ = pixels_of(tf.constant(kept, tf.string))
        pixels = np.abs(own.numpy().astype(int) - theirs.numpy()).max(axis=(1, 2, 3))
        apart = np.abs(found[1:-1] - expected_of[1:]).max(axis=1)
        files = []
        for k, (file, took) in enumerate(imported):
            if file is not None and not kept_valid[k + 1]:
                result = "the import alone, and not decoded from its record"
            elif file is not None and not contents[k].startswith(_MODELS):
                result = _OTHER
            else:
                result = {
                    (True, True): "both",
                    (True, False): "the model alone",
                    (False, True): "the import alone",
                    (False, False): "neither",
                }[bool(valid[k + 1]), file is not None]
            files.append((took, result, int(pixels[k]), float(apart[k])))
        answer = {"seconds": seconds, "mb": mb, "neighbours": float(neighbours)}
        pipe.send({**answer, "files": files})


def _import(content: bytes) -> tuple[bytes | None, float]:
    """The file as the import keeps it, None if it does not; seconds of processor."""
    from byel_tf.data.image_files import ImageLimits, RejectedImage, encode
    from byel_tf.serving.image_inputs import quiet_pillow

    start, file = time.process_time(), None
    try:
        with quiet_pillow():
            file = encode(content, ImageLimits()).content
    except RejectedImage:
        pass
    return file, time.process_time() - start


def _begin_peak() -> float:
    """MB that this process holds; the peak is counted anew from there."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
