"""Whether a training of two workers survives the loss of one of them.

`python -m benchmarks.survive_workers --output=survive_workers.json` trains a small
network with two workers, and then again and again: at a random moment one of the two is
killed (SIGKILL) or stopped (SIGSTOP). The other has to end by itself within 60 seconds
with the exit code 75, and both, started again, have to end with what the undisturbed
run left: every array of both stages' checkpoints, the export, `results.json`,
`history.jsonl` and the curves, bit by bit. Linux only.
"""

import dataclasses
import json
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.equality import FLAGS
from benchmarks.survive import fingerprints, make_data
from benchmarks.workers import Layout, start, wait
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP)
_PATIENCE_SECONDS = 60.0
_REQUEUE = 75
_TWO = Layout(workers=2)

_TRAIN = """
import sys
from byel_tf.program import run_program
def main(argv):
    from benchmarks.equality import train_here
    train_here(*argv[1:])
sys.exit(run_program(main, sys.argv, 75))
"""


@dataclasses.dataclass(frozen=True)
class SurviveWorkersOptions:
    """Take one of two workers away, and compare the repeated training bit by bit."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    trials: int = option(50, "Workers that are taken away.", lower=1)
    seed: int = option(1, "Decides all moments.", lower=0)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, makes the trials and prints."""
    (options,) = parse(argv, SurviveWorkersOptions)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="survive-workers-"))
    make_data(folder / "data")
    draw = random.Random(options.seed)
    whole = folder / "whole"
    began = time.monotonic()
    if codes := [code for code in wait(_begin(folder, whole)) if code]:
        raise RunError(f"the run without trouble ends with {codes}: {whole}")
    seconds = time.monotonic() - began
    print(f"{seconds:.0f} s without trouble", flush=True)
    expected = fingerprints(whole)
    outcomes, waited = [], []
    for number in range(options.trials):
        moment = draw.uniform(0, seconds)
        outcome, took = _trial(folder, number, moment, draw, expected)
        outcomes.append(outcome)
        waited += [took] if took is not None else []
        print(f"{number + 1}/{options.trials}: {outcome}", flush=True)
        result = {
            **dataclasses.asdict(options),
            "outcomes": outcomes,
            "exact": sum(outcome.startswith("exact") for outcome in outcomes),
            "seconds until the other ended": {
                "median": statistics.median(waited) if waited else None,
                "most": max(waited, default=None),
            },
        }
        write_atomically(options.output, json.dumps(result, indent=2) + "\n")
    if not any(outcome.startswith("FAILED") for outcome in outcomes):
        shutil.rmtree(folder)


def _begin(folder: pathlib.Path, run: pathlib.Path):
    arguments = [
        *("smooth", "synchronised", "as drawn", "whole"),
        f"--train_data={folder / 'data'}",
        f"--model_dir={run}",
        *("--batch_size=32", "--checkpoint_steps=3"),
        *FLAGS,
        *("--pretrain_epochs=4", "--finetune_epochs=4", "--log_every_steps=4"),
        "--report_examples=0",
        *_TWO.flags,
    ]
    return start(_TWO, _TRAIN, arguments, run.with_name(f"{run.name}-output"))


def _trial(
    folder: pathlib.Path,
    number: int,
    moment: float,
    draw: random.Random,
    expected: dict[str, str],
) -> tuple[str, float | None]:
    """Takes a worker away at a moment; how it ended, and when the other one did."""
    run = folder / f"{number:03}"
    workers = _begin(folder, run)
    time.sleep(moment)
    index, chosen = draw.randrange(2), draw.choice(_SIGNALS)
    lost, other = workers[index], workers[1 - index]
    at = f"worker {index}, {chosen.name} after {moment:.1f} s"
    if lost.poll() is None:
        lost.send_signal(chosen)
    told = time.monotonic()
    while other.poll() is None and time.monotonic() - told < 2 * _PATIENCE_SECONDS:
        time.sleep(0.1)
    took = time.monotonic() - told
    lost.kill()
    other.kill()
    wait(workers)
    # Chosen after its own end, it has taken nothing away; nor has one that had done
    # its part while the chief was writing the report.
    if other.returncode not in (_REQUEUE, 0) or took > _PATIENCE_SECONDS:
        return f"FAILED: code {other.returncode} after {took:.0f} s ({at}): {run}", took
    if any(wait(_begin(folder, run))):
        return f"FAILED: the repeated commands do not end ({at}): {run}", took
    found = fingerprints(run)
    differing = [key for key in expected if found.get(key) != expected[key]]
    if differing:
        return f"FAILED: other {', '.join(differing)} ({at}): {run}", took
    shutil.rmtree(run)
    return f"exact: {at}, the other ended with {other.returncode} in {took:.1f} s", took


if __name__ == "__main__":
    sys.exit(run_program(main, sys.argv))
