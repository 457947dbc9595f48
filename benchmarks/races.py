"""Whether programs that are killed, or run twice at once, leave what one run leaves.

`python -m benchmarks.races --output=races.json` runs `python -m byel_tf COMMAND` for
five commands on small inputs, as real processes:

- kill -9 at a random moment, then the same command: it has to end with the files of a
  run that nobody disturbed, or to say that these are there already;
- two at once, the second a random moment later: one has to end with those files; the
  other with the same, or with one line that says who is at it, or that the output
  exists.

After each there must be nothing beside the output: no `.NAME.partial-…`, `.preparing`
or `.drawing`. Reports and exports hold times: of those files that differ between two
undisturbed runs only the names are compared.
Linux only.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from byel_tf.errors import RunError, UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

#: The programs, in the proportion of their trials: those that load TensorFlow last
#: longer.
PROGRAMS = {"synthesize": 3, "prepare": 3, "predict": 2, "export": 1, "evaluate": 1}
_NEEDS_MODEL = ("predict", "export", "evaluate")
_CLASSES = ("anger", "fear", "happiness")
# A worker outlives the one that started it by a moment, and so does its lock.
_MOST_TRIES = 50
_SECONDS_BETWEEN_TRIES = 0.1
_HOLDER = re.compile(r"process \d+ on \S+ since \S+ is ")
_EXISTS = re.compile(r"exists and is not an empty folder|exists: |cannot give the fin")
_SHOWN = 2000


@dataclasses.dataclass(frozen=True)
class RacesOptions:
    """Kill programs, and run them twice at once, and look at what they leave."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    kills: int = option(100, "Runs that are killed.", lower=0)
    pairs: int = option(50, "Pairs that run at once.", lower=0)
    programs: str = option(",".join(PROGRAMS), "Which programs, as a,b,c.")
    seed: int = option(1, "Decides all moments.", lower=0)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
      program: Which program ran.
      kind: What happened, in words that are counted.
      problem: What is wrong, empty if nothing is.
    """

    program: str
    kind: str
    problem: str = ""


def main(argv: Sequence[str]) -> None:
    """Parses the command line, makes the trials and prints."""
    (options,) = parse(argv, RacesOptions)
    programs = options.programs.split(",")
    if unknown := [name for name in programs if name not in PROGRAMS]:
        raise UsageError(f"--programs: '{unknown[0]}' is none of {', '.join(PROGRAMS)}")
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="races-") as scratch:
        trials = Trials(pathlib.Path(scratch), programs, draw)
        outcomes: dict[str, list[Outcome]] = {}
        for what, count, trial in (
            ("killed", options.kills, trials.kill),
            ("two at once", options.pairs, trials.pair),
        ):
            outcomes[what] = []
            for number, program in enumerate(dealt(programs, count), start=1):
                found = trial(program)
                outcomes[what].append(found)
                print(
                    f"{what} {number}/{count}: {program}: {found.kind}"
                    + (f": {found.problem}" if found.problem else ""),
                    flush=True,
                )
    rows = summarize(outcomes)
    problems = [
        f"{what}, {found.program}: {found.problem}"
        for what, of_kind in outcomes.items()
        for found in of_kind
        if found.problem
    ]
    result = {**dataclasses.asdict(options), "seconds": trials.seconds, "rows": rows}
    result |= {"volatile": trials.volatile, "problems": problems}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")
    for row in rows:
        print(
            f"{row['trial']:12s} {row['program']:11s} {row['count']:4d}  {row['kind']}"
        )
    if problems:
        raise RunError(f"{len(problems)} trials ended wrongly, see {options.output}")


def dealt(programs: Sequence[str], count: int) -> list[str]:
    """The program of each trial, in the proportions of `PROGRAMS`."""
    rounds = range(max(PROGRAMS.values()))
    turns = [name for turn in rounds for name in programs if PROGRAMS[name] > turn]
    return list(itertools.islice(itertools.cycle(turns), count))


def summarize(outcomes: Mapping[str, Sequence[Outcome]]) -> list[dict]:
    """How often each program's trials ended how."""
    rows: dict[tuple[str, str, str], int] = {}
    for what, of_kind in outcomes.items():
        for found in of_kind:
            kind = "WRONG: " + found.kind if found.problem else found.kind
            key = what, found.program, kind
            rows[key] = rows.get(key, 0) + 1
    return [
        {"trial": what, "program": program, "kind": kind, "count": count}
        for (what, program, kind), count in sorted(rows.items())
    ]


class Trials:
    """Trials in a folder each, compared with undisturbed runs.

    Attributes:
      seconds: What an undisturbed run takes, by program.
      volatile: Files that differ between two of them, by program.
    """

    def __init__(
        self, folder: pathlib.Path, programs: Sequence[str], draw: random.Random
    ):
        """Makes the inputs, and runs every program undisturbed.

        Args:
          folder: Where; empty.
          programs: Which programs will be run.
          draw: Decides all moments.

        Raises:
          RunError: If a program fails.
        """
        self._folder = folder
        self._draw = draw
        self._count = 0
        self._arguments = make_inputs(folder / "inputs", programs)
        self._expected: dict[str, dict[str, bytes]] = {}
        self.seconds: dict[str, float] = {}
        self.volatile: dict[str, list[str]] = {}
        for program in programs:
            runs, seconds = [], []
            # A data set is the same every time.
            for _ in range(2 if program in _NEEDS_MODEL else 1):
                place = self._new_folder()
                start = time.monotonic()
                code, said = self._start(program, place).end()
                seconds.append(time.monotonic() - start)
                if code:
                    raise RunError(f"{program}: {said}")
                runs.append(contents(place))
            self._expected[program] = runs[0]
            self.seconds[program] = statistics.mean(seconds)
            self.volatile[program] = sorted(
                name for name in runs[0] if runs[0][name] != runs[-1].get(name)
            )

    def kill(self, program: str) -> Outcome:
        """Kills a run at a random moment and runs it again."""
        place = self._new_folder()
        process = self._start(program, place)
        time.sleep(self._draw.uniform(0, self.seconds[program]))
        is_running = process.kill()
        left = sorted(path.name for path in place.iterdir())
        kind = "killed with nothing begun" if not left else "killed on its way"
        if not is_running:
            kind = "killed too late"
        waited = False
        for _ in range(_MOST_TRIES):
            code, said = self._start(program, place).end()
            if not (code == 1 and _HOLDER.search(said)):
                break
            waited = True
            time.sleep(_SECONDS_BETWEEN_TRIES)
        kind += ", its workers waited for" if waited else ""
        process.end_group()
        if code in (1, 2) and _EXISTS.search(said):
            kind = "killed when it was finished"
        elif code:
            return Outcome(program, kind, said[:_SHOWN])
        return self._compared(program, place, kind)

    def pair(self, program: str) -> Outcome:
        """Starts two runs, the second a random moment later."""
        place = self._new_folder()
        first = self._start(program, place)
        time.sleep(self._draw.choice((0, self._draw.uniform(0, self.seconds[program]))))
        second = self._start(program, place)
        kinds = []
        for process in (first, second):
            code, text = process.end()
            *_, line = text.strip().splitlines() or [""]
            if code == 0:
                kinds.append("done")
            elif code not in (1, 2) or "Traceback" in text:
                return Outcome(program, "failed", text[:_SHOWN])
            elif _HOLDER.search(line):
                kinds.append("refused, the holder named")
            elif _EXISTS.search(line):
                kinds.append("refused, the output exists")
            else:
                return Outcome(program, "failed", text[:_SHOWN])
        kind = " and ".join(sorted(kinds))
        if "done" not in kinds:
            return Outcome(program, kind, "neither wrote the output")
        return self._compared(program, place, kind)

    def _compared(self, program: str, place: pathlib.Path, kind: str) -> Outcome:
        """The outcome, with what differs from an undisturbed run."""
        found, expected = contents(place), self._expected[program]
        differs = set(found) ^ set(expected) or {
            name
            for name in expected
            if name not in self.volatile[program] and found[name] != expected[name]
        }
        shutil.rmtree(place)
        problem = f"differs: {', '.join(sorted(differs)[:5])}" if differs else ""
        return Outcome(program, kind, problem)

    def _new_folder(self) -> pathlib.Path:
        self._count += 1
        place = self._folder / str(self._count)
        place.mkdir()
        return place

    def _start(self, program: str, place: pathlib.Path) -> "_Process":
        return _Process([program, *self._arguments[program]], place)


class _Process:
    """`python -m byel_tf` in a process group of its own."""

    def __init__(self, arguments: Sequence[str], place: pathlib.Path):
        # A pipe would be held by the workers of a killed process.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "byel_tf", *arguments],
            cwd=place,
            env={
                **os.environ,
                "PYTHONPATH": str(pathlib.Path(__file__).resolve().parents[1]),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )

    def kill(self) -> bool:
        """Kills it, and not what it has started; returns whether it was running."""
        is_running = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        return is_running

    def end(self) -> tuple[int, str]:
        """Waits for it; returns its exit code and what it said of errors."""
        code = self._process.wait()
        self._said.seek(0)
        return code, self._said.read().decode(errors="replace")

    def end_group(self) -> None:
        """Ends what it has started and what did not end by itself."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._said.close()


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Every file's content, by path; folders without files are named, too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def make_inputs(folder: pathlib.Path, programs: Sequence[str]) -> dict[str, list[str]]:
    """Makes what the programs read; returns the arguments of each.

    Args:
      folder: Where; it is made.
      programs: Which programs will be run.
    """
    generator = np.random.default_rng(1)
    images = folder / "images"
    for number in range(300):
        place = images / _CLASSES[number % len(_CLASSES)]
        place.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{number:03d}.jpg")
    workers = "--workers=2"
    arguments = {
        "synthesize": ["--output=out", "--count=48", "--size=16", workers],
        "prepare": [f"--source={images}", "--output=out", workers, "--splits=test",
                    "--shard_bytes=50000", f"--classes={','.join(_CLASSES)}"],
    }  # fmt: skip
    if set(programs) & set(_NEEDS_MODEL):
        model = f"--model={_make_model(folder / 'model')}"
        data = f"--data={_make_data(folder / 'data', generator)}"
        arguments |= {
            "predict": [model, f"--input={images}", "--output=out.csv", workers],
            "export": [model, data, "--litert", "--output=out"],
            "evaluate": [model, data, "--resamples=100", "--output=out"],
        }
    return arguments


def _make_data(path: pathlib.Path, generator: np.random.Generator) -> pathlib.Path:
    """A data set of small pictures."""
    import io

    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    with write_dataset(path, _CLASSES, {"kind": "random pictures"}) as writer:
        for split, number in itertools.product(("train", "test"), range(24)):
            file = io.BytesIO()
            pixels = generator.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
            label = number % len(_CLASSES)
            name = f"{split}/{number}.png"
            writer.add(
                split,
                Record(file.getvalue(), "png", 16, 16, label, _CLASSES[label], name),
            )
    return path


def _make_model(folder: pathlib.Path) -> pathlib.Path:
    """An export of a network of one convolution that nobody has trained."""
    from byel_tf.compat import keras
    from byel_tf.models.encoders import Encoder, normalize
    from byel_tf.models.networks import ExpressionNetwork
    from byel_tf.serving.export import ServingModule, export_saved_model

    backbone = keras.Sequential(
        [
            keras.layers.Conv2D(6, 3, 2, name="stem"),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    encoder = Encoder(lambda images: normalize(images, "imagenet"), backbone, 6)
    encoder.build((None, 16, 16, 3))
    network = ExpressionNetwork(encoder, len(_CLASSES))
    path = folder / "export" / "1"
    facts = {"classes": list(_CLASSES), "image_size": 16}
    export_saved_model(path, ServingModule(network, _CLASSES, 16), facts)
    return path


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
