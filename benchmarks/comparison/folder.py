"""The folder of a comparison: where runs, logs and results have their place."""

import contextlib
import dataclasses
import fcntl
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from benchmarks.comparison.variants import Run
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.evaluation.predictions import read_predictions
from byel_tf.files import write_atomically


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """What a finished run leaves: the content of `NAME-seedS.json`.

    Attributes:
      variant: Name of its variant.
      seed: Its seed.
      arguments: The command line's flags.
      flags: Lines of its `flags.cfg`: all flags, in effect.
      wall_seconds: Time of the process that ended it.
      continued: Whether that process continued an earlier one.
      results: Content of its `results.json`.
      run: Content of its `run.json`.
      predictions: Of each reported data set's labelled images: "labels" and
        "predicted", class indices in the data set's order.
    """

    variant: str
    seed: int
    arguments: list[str]
    flags: list[str]
    wall_seconds: float
    continued: bool
    results: dict[str, Any]
    run: dict[str, Any]
    predictions: dict[str, dict[str, list[int]]]

    def data_hash(self, use: str) -> str:
        """Hash of a data set by its use, such as "train_data" or "eval_data NAME"."""
        return self.run["datasets"][use]["sha256"]


class ComparisonFolder:
    """Paths below `--output`, and the finished runs there."""

    def __init__(self, path: str):
        """Names the folder; nothing is made yet."""
        self.path = pathlib.Path(path)

    @contextlib.contextmanager
    def reserved(self) -> Iterator[int]:
        """Makes the folder when missing, and keeps other comparisons out.

        Yields:
          The descriptor of the lock. A process that inherits it keeps the folder
          reserved as long as it lives, even if this one is killed.

        Raises:
          RunError: If another comparison, or a run it left behind, is at work.
        """
        (self.path / "runs").mkdir(parents=True, exist_ok=True)
        with open(self.path / "runs" / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"another comparison, or a run it left behind, is at work in "
                    f"{self.path}: wait for it, or choose another --output"
                ) from error
            yield file.fileno()

    def model_dir(self, name: str) -> pathlib.Path:
        """Folder of a run, by its name."""
        return self.path / "runs" / name

    def log(self, name: str) -> pathlib.Path:
        """What a run printed."""
        return self.path / "runs" / f"{name}.log"

    def result(self, name: str) -> pathlib.Path:
        """The file of a finished run."""
        return self.path / f"{name}.json"

    def earlier_seeds(self, variant: str) -> list[int]:
        """Seeds of a variant's finished runs."""
        prefix = f"{variant}-seed"
        names = [path.stem for path in self.path.glob("*-seed*.json")]
        seeds = [n.removeprefix(prefix) for n in names if n.startswith(prefix)]
        return sorted(int(seed) for seed in seeds if seed.isdecimal())

    def earlier_flags(self, name: str) -> tuple[list[str], pathlib.Path] | None:
        """Flags of a finished or begun run with the file they stand in, or None."""
        if self.result(name).exists():
            return self.read(name).flags, self.result(name)
        file = self.model_dir(name) / "flags.cfg"
        if file.exists():
            return file.read_text(encoding="utf-8").splitlines(), file
        return None

    def read(self, name: str) -> FinishedRun:
        """Reads a finished run.

        Raises:
          RunError: If the file is damaged.
        """
        file = self.result(name)
        try:
            return FinishedRun(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise RunError(
                f"{file} is damaged ({error}): remove it, and the run is completed anew"
            ) from error

    def collect(self, run: Run, wall_seconds: float, continued: bool) -> FinishedRun:
        """Gathers what a run left and writes its file.

        Raises:
          RunError: If something is missing.
        """
        source = self.model_dir(run.name)
        try:
            results = json.loads((source / "results.json").read_text(encoding="utf-8"))
            facts = json.loads((source / "run.json").read_text(encoding="utf-8"))
            flags = (source / "flags.cfg").read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise RunError(
                f"{source} is not that of a finished run: {error}"
            ) from error
        finished = FinishedRun(
            variant=run.variant,
            seed=run.seed,
            arguments=list(run.arguments),
            flags=flags,
            wall_seconds=round(wall_seconds, 1),
            continued=continued,
            results=results,
            run=facts,
            predictions={
                name: _labelled(source / "predictions" / f"{name}.csv")
                for name in results["datasets"]
            },
        )
        # On one line: lists of thousands of numbers are for programs.
        content = json.dumps(dataclasses.asdict(finished), ensure_ascii=False)
        write_atomically(self.result(run.name), content + "\n")
        return finished


def _labelled(path: pathlib.Path) -> dict[str, list[int]]:
    predictions = read_predictions(path)
    is_labelled = predictions.labels != UNLABELLED
    return {
        "labels": predictions.labels[is_labelled].tolist(),
        "predicted": predictions.predicted[is_labelled].tolist(),
    }
