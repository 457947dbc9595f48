"""Whether a training that is killed, told to end or damaged is still the same training.

`python -m benchmarks.survive --output=survive.json` makes a small data set, trains on
it without interruption under every setting (one and two replicas, best and last epoch
selected), and then again and again with trouble:

- kill -9 at a random moment, then the same command: every array of both stages' last
  checkpoints, the export's weights, `results.json`, `history.jsonl` and the curves of
  TensorBoard have to be those of the run without trouble, bit by bit;
- SIGTERM, SIGINT or SIGHUP at a random moment: it has to end within 20 seconds with the
  documented exit code, and then as above;
- a file of a checkpoint truncated, emptied, flipped or removed: the same command has to
  end as above, or with one line; never anew from step 0, never in a stack trace.

Every training is a process of its own, forked from one that has imported TensorFlow.
Linux only.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_GRACE_SECONDS = 20.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_DAMAGES = ("truncate", "empty", "flip", "remove")
_SETTINGS = {
    f"{strategy}, {selection}": [f"--strategy={strategy}", f"--selection={selection}"]
    for strategy in ("one_device", "mirrored")
    for selection in ("best", "last")
}


@dataclasses.dataclass(frozen=True)
class SurviveOptions:
    """Kill, interrupt and damage trainings, and compare their ends bit by bit."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    kills: int = option(200, "Trainings that are killed.", lower=0)
    interruptions: int = option(40, "Trainings that are told to end.", lower=0)
    damages: int = option(100, "Trainings whose checkpoint is damaged.", lower=0)
    seed: int = option(1, "Decides all moments.", lower=0)
    folder: str = option("", "Where the runs go; by default a temporary one.")
    settings: str = option("", "Only settings with this text in their name.")


def main(argv: Sequence[str]) -> None:
    """Parses the command line, makes the trials and prints."""
    (options,) = parse(argv, SurviveOptions)
    made = options.folder or tempfile.mkdtemp(prefix="survive-")
    folder = pathlib.Path(made).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if not data.exists():
        make_data(data)
    trials = Trials(folder, data, random.Random(options.seed), options.settings)
    result = dataclasses.asdict(options)
    for kind, count, trial in (
        ("kills", options.kills, trials.kill),
        ("interruptions", options.interruptions, trials.interrupt),
        ("damages", options.damages, trials.damage),
    ):
        outcomes = []
        for number in range(count):
            outcomes.append(trial(number))
            print(f"{kind} {number + 1}/{count}: {outcomes[-1]}", flush=True)
        result[kind] = summary = _summarize(outcomes)
        print(f"{kind}: {json.dumps(summary)}", flush=True)
        write_atomically(options.output, json.dumps(result, indent=2) + "\n")
    if not options.folder:
        shutil.rmtree(folder)


def make_data(path: pathlib.Path) -> None:
    """Prepares a data set of 100 small pictures whose class can be told."""
    import io

    from PIL import Image

    from byel_tf.data.labels import DEFAULT_CLASSES
    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    generator = np.random.default_rng(1)
    with write_dataset(path, DEFAULT_CLASSES, {"kind": "random pictures"}) as writer:
        for split, count in (("train", 76), ("validation", 12), ("test", 12)):
            for number in range(count):
                label = number % len(DEFAULT_CLASSES)
                pixels = generator.integers(256, size=(16, 16, 3), dtype=np.uint8)
                pixels[2 * label : 2 * label + 2] = 255
                file = io.BytesIO()
                Image.fromarray(pixels).save(file, "PNG")
                name = f"{split}/{number}.png"
                text = DEFAULT_CLASSES[label]
                content = file.getvalue()
                writer.add(split, Record(content, "png", 16, 16, label, text, name))


class Trials:
    """Trials, each of which gives a line that says how it ended."""

    def __init__(
        self, folder: pathlib.Path, data: pathlib.Path, draw: random.Random, only: str
    ):
        """Trains once without trouble under every setting.

        Args:
          folder: Where the runs go.
          data: The prepared data set.
          draw: Draws the moments.
          only: Part of a setting's name.
        """
        # Imported once, for all trainings to be forked from; nothing is computed here.
        import byel_tf.training.run  # noqa: F401

        self._folder, self._data, self._draw = folder, data, draw
        self._settings = [name for name in _SETTINGS if only in name]
        self._whole, self._seconds = {}, {}
        for name in self._settings:
            run = folder / "whole" / name
            took = folder / "whole" / f"{name}.seconds"
            if not took.exists():
                started = time.monotonic()
                code = self._wait(self._start(run, name))
                if code != 0:
                    raise RunError(f"the run without trouble ends with {code}: {run}")
                write_atomically(took, str(time.monotonic() - started))
            self._seconds[name] = float(took.read_text())
            self._whole[name] = fingerprints(run)
            print(f"{name}: {self._seconds[name]:.0f} s without trouble", flush=True)

    def kill(self, number: int) -> str:
        """Kills a training at a random moment, and repeats its command."""
        name, run = self._new("kill", number)
        process = self._start(run, name)
        time.sleep(self._draw.uniform(0, self._seconds[name]))
        _signal(process, signal.SIGKILL)
        at = _progress(run)
        self._wait(process)
        return self._end(run, name, at)

    def interrupt(self, number: int) -> str:
        """Tells a training to end at a random moment, and repeats its command."""
        name, run = self._new("interrupt", number)
        process = self._start(run, name)
        time.sleep(self._draw.uniform(0, self._seconds[name]))
        chosen = self._draw.choice(_SIGNALS)
        told = time.monotonic()
        if not _signal(process, chosen):
            self._wait(process)
            return self._end(run, name, "over before")
        code = self._wait(process)
        took = time.monotonic() - told
        at = f"{chosen.name} {_progress(run)}, {took:.1f} s"
        if code not in (75, 0) or took > _GRACE_SECONDS:
            return f"FAILED: exit code {code} at {at}: {run}"
        return self._end(run, name, at)

    def damage(self, number: int) -> str:
        """Damages a file of a checkpoint, and repeats the command."""
        name, run = self._new("damage", number)
        process = self._start(run, name)
        deadline = time.monotonic() + 600
        wanted = self._draw.randint(1, 3)
        stage = self._draw.choice(("pretrain", "finetune"))
        checkpoints = run / "checkpoints" / stage
        while time.monotonic() < deadline and _is_alive(process):
            if len(list(checkpoints.glob("step-*"))) >= wanted or (
                wanted > 2 and (run / "export").exists()
            ):
                break
            time.sleep(0.05)
        _signal(process, signal.SIGKILL)
        self._wait(process)
        files = sorted(p for p in run.glob("checkpoints/*/step-*/*") if p.is_file())
        if not files:
            return self._end(run, name, "no checkpoint")
        file = self._draw.choice(files)
        kind = self._draw.choice(_DAMAGES)
        whole = file.read_bytes()
        damage(file, kind, self._draw)
        at = f"{kind} {file.relative_to(run / 'checkpoints')}"
        code = self._wait(self._start(run, name))
        printed = (run.parent / f"{run.name}.log").read_text()
        if "Traceback" in printed:
            return f"FAILED: stack trace after {at}: {run}"
        if code == 0:
            if file.parent.exists():  # of a stage that was over, and not read again
                file.write_bytes(whole)
            return self._compare(run, name, at)
        line = printed.strip().splitlines()[-1]
        if code == 1 and "damaged" in line:
            shutil.rmtree(run)
            return f"refused: {at}: {line}"
        return f"FAILED: exit code {code} after {at}: {run}"

    def _new(self, kind: str, number: int) -> tuple[str, pathlib.Path]:
        name = self._settings[number % len(self._settings)]
        run = self._folder / kind / f"{number:03}"
        shutil.rmtree(run, ignore_errors=True)
        return name, run

    def _end(self, run: pathlib.Path, name: str, at: str) -> str:
        """Repeats the command until the end, and compares."""
        code = self._wait(self._start(run, name))
        if code != 0:
            return f"FAILED: the repeated command ends with {code} ({at}): {run}"
        return self._compare(run, name, at)

    def _compare(self, run: pathlib.Path, name: str, at: str) -> str:
        found, expected = fingerprints(run), self._whole[name]
        differing = [key for key in expected if found.get(key) != expected[key]]
        differing += [key for key in found if key not in expected]
        if differing:
            return f"FAILED: other {', '.join(differing)} ({name}, {at}): {run}"
        shutil.rmtree(run)
        return f"exact: {name}, {at}"

    def _start(self, run: pathlib.Path, name: str) -> int:
        run.parent.mkdir(parents=True, exist_ok=True)
        # Where the run itself is made by the program.
        log = os.open(f"{run}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        process = os.fork()
        if process == 0:
            os.dup2(log, 1)
            os.dup2(log, 2)
            # Not those of a shell's background, or of nohup, which ignore them.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os._exit(_train(self._data, run, name))
        os.close(log)
        return process

    def _wait(self, process: int) -> int:
        _, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status)


def _train(data: pathlib.Path, run: pathlib.Path, name: str) -> int:
    """The training itself, in a process of its own."""
    import tensorflow as tf

    import train_main

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    sys.argv = [
        "train_main.py",
        f"--train_data={data}",
        f"--model_dir={run}",
        "--encoder=resnet18",
        "--width=0.0625",
        "--stem=small",
        "--image_size=16",
        "--projection_size=8",
        "--hidden_size=16",
        "--augmentation=faces",
        "--batch_size=8",
        "--pretrain_epochs=3",
        "--pretrain_optimizer=adamw",
        "--finetune_epochs=4",
        "--finetune_learning_rate=1e-2",
        "--finetune_schedule=one_cycle",
        "--finetune_warmup_epochs=1",
        "--weight_ema=0.9",
        "--log_every_steps=4",
        "--checkpoint_steps=3",
        "--report_examples=0",
        *_SETTINGS[name],
    ]
    try:
        return train_main.run()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def fingerprints(run: pathlib.Path) -> dict[str, str]:
    """Hashes of all that a finished run is, by what they are of."""
    from tensorboard.backend.event_processing import event_accumulator

    found = {}
    for stage in ("pretrain", "finetune"):
        newest = max((run / "checkpoints" / stage).glob("step-*"))
        manifest = json.loads((newest / "manifest.json").read_text())
        numbers = {k: v for k, v in manifest["numbers"].items() if k != "logs"}
        found[f"{stage} numbers"] = json.dumps(numbers, sort_keys=True)
        with np.load(newest / "arrays.npz") as arrays:
            for array in arrays.files:
                digest = hashlib.sha256(arrays[array].tobytes()).hexdigest()
                found[f"{stage} {array}"] = digest
        curves = event_accumulator.EventAccumulator(
            str(run / "tensorboard" / stage), {event_accumulator.TENSORS: 0}
        ).Reload()
        tags = {
            tag: [
                (e.step, hashlib.sha256(e.tensor_proto.SerializeToString()).hexdigest())
                for e in curves.Tensors(tag)
            ]
            for tag in sorted(curves.Tags()["tensors"])
        }
        found[f"{stage} curves"] = _digest(json.dumps(tags).encode())
    tables = sorted(run.glob("predictions/*"))
    for file in [run / "results.json", run / "history.jsonl", *tables]:
        found[file.name] = _digest(file.read_bytes())
    (export,) = (run / "export").iterdir()
    weights = export / "variables" / "variables.data-00000-of-00001"
    found["export's weights"] = _digest(weights.read_bytes())
    facts = json.loads((export / "byel.json").read_text())
    # TensorFlow numbers a graph's functions as they come, in one process or several.
    del facts["files"]
    found["export's facts"] = _digest(json.dumps(facts).encode())
    return found


def damage(file: pathlib.Path, kind: str, draw: random.Random) -> None:
    """Truncates, empties, flips a bit of, or removes a file."""
    content = bytearray(file.read_bytes())
    if kind == "remove":
        file.unlink()
        return
    if kind == "flip":
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    else:
        content = content[: draw.randrange(len(content)) if kind == "truncate" else 0]
    file.write_bytes(content)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _signal(process: int, number: int) -> bool:
    """Sends a signal to a child that was not waited for; whether it was alive."""
    alive = _is_alive(process)
    os.kill(process, number)
    return alive


def _is_alive(process: int) -> bool:
    state = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    return state.split()[0] != "Z"


def _progress(run: pathlib.Path) -> str:
    """Where a run is, as its checkpoints and outputs tell."""
    if (run / "results.json").exists():
        return "at the end"
    newest = sorted(run.glob("checkpoints/*/step-*"))
    if not newest:
        return "before the first checkpoint"
    last = max(newest, key=lambda path: (path.parent.name != "pretrain", path.name))
    return f"after {last.parent.name} {last.name}"


def _summarize(outcomes: Sequence[str]) -> dict[str, object]:
    kinds = [outcome.partition(":")[0] for outcome in outcomes]
    counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    seconds = [
        float(outcome.rpartition(", ")[2].removesuffix(" s"))
        for outcome in outcomes
        if outcome.endswith(" s")
    ]
    result = {**counts, "failures": [o for o in outcomes if o.startswith("FAILED")]}
    if seconds:
        result["seconds to the end"] = {
            "median": statistics.median(seconds),
            "most": max(seconds),
        }
    return result


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
