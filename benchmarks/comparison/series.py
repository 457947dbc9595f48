"""A series of trainings: what is missing is trained, what is finished is read."""

import datetime
import time
from collections.abc import Sequence

from benchmarks.comparison.folder import ComparisonFolder, FinishedRun
from benchmarks.comparison.processes import perform
from benchmarks.comparison.variants import Run, require_same_definition
from byel_tf.errors import RunError


def require_unchanged(run: Run, folder: ComparisonFolder) -> None:
    """Refuses a variant that means something else than its earlier runs.

    Raises:
      RunError: If it does.
    """
    earlier = folder.earlier_flags(run.name)
    if earlier is not None:
        require_same_definition(run, *earlier)


def perform_all(
    runs: Sequence[Run], folder: ComparisonFolder, trainer: Sequence[str], lock: int
) -> tuple[list[FinishedRun], list[str]]:
    """Trains what is not finished, one run after the other.

    Args:
      runs: The runs, in order.
      folder: Where they have their place.
      trainer: Command that takes the flags of `train_main.py`.
      lock: Descriptor that the processes inherit.

    Returns:
      The finished runs, and the names of the failed ones.
    """
    finished, failed = [], []
    for number, run in enumerate(runs, start=1):
        title = f"{number}/{len(runs)} {run.variant}, seed {run.seed}"
        if folder.result(run.name).exists():
            finished.append(folder.read(run.name))
            print(f"{title}: done before: {_scores(finished[-1])}", flush=True)
            continue
        print(f"{title}: running, log in {folder.log(run.name)}", flush=True)
        begun = time.monotonic()
        try:
            finished.append(perform(run, folder, trainer, lock))
            outcome = f"done in {_duration(begun)}: {_scores(finished[-1])}"
        except RunError as error:
            failed.append(run.name)
            outcome = f"FAILED after {_duration(begun)}: {error}"
        except KeyboardInterrupt:
            print(
                f"{title}: stopped after {_duration(begun)}; the same command "
                "continues it",
                flush=True,
            )
            raise
        print(f"{title}: {outcome}", flush=True)
    return finished, failed


def _duration(begun: float) -> str:
    return str(datetime.timedelta(seconds=round(time.monotonic() - begun)))


def _scores(run: FinishedRun) -> str:
    scores = (
        f"{name} {result['macro_f1']:.4f}"
        for name, result in run.results["datasets"].items()
    )
    return f"macro F1 {', '.join(scores)}"
