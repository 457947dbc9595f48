"""`python -m benchmarks.seeds`: trainings of several variants and seeds, compared."""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from benchmarks.comparison.folder import ComparisonFolder
from benchmarks.comparison.processes import interrupted_by_signals
from benchmarks.comparison.series import perform_all, require_unchanged
from benchmarks.comparison.summary import summarize
from benchmarks.comparison.text import summary_markdown
from benchmarks.comparison.variants import (
    Run,
    Variant,
    describe,
    parse_common,
    parse_seeds,
    parse_variants,
    plan_run,
    run_name,
)
from byel_tf.data.prepared_dataset import split_name
from byel_tf.errors import RunError, UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.training.run_directory import to_json

_CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
TRAINER = (sys.executable, str(_CHECKOUT / "train_main.py"))


@dataclasses.dataclass(frozen=True)
class ComparisonOptions:
    """Train variants with several seeds each, one run after the other; compare them.

    Repeated, the command continues where it stopped.
    """

    output: str = option(
        dataclasses.MISSING, "Folder of the runs, their results and the summary."
    )
    variant: tuple[str, ...] = option(
        (),
        "What to compare, as NAME=FLAGS: flagfiles, then flags of train_main.py, split "
        "at blanks as in a shell. The first variant is the one the others are "
        "compared to.",
    )
    common: tuple[str, ...] = option(
        (),
        "Flags of all runs. They override the variants' flagfiles, and the variants' "
        "own flags override them. In them and in --variant, {seed} stands for the "
        "seed.",
    )
    seeds: str = option(
        "1,2,3",
        "Seeds of each variant. A seed decides weights, order, views and dropout. The "
        "data stay the same, drawn by the first run if they are missing; unless "
        "--train_data has {seed} in it.",
    )
    dataset: tuple[str, ...] = option(
        (), "Name of a data set to report; without the flag, all of them."
    )
    resamples: int = option(2000, "Bootstrap resamples.", lower=100)


def main(argv: Sequence[str], trainer: Sequence[str] = TRAINER) -> None:
    """Parses the command line, trains what is missing, and compares.

    Args:
      argv: The command line, the program's name first.
      trainer: Command that takes the flags of `train_main.py`.

    Raises:
      UsageError: For flags that cannot be meant.
      RunError: If a run failed, or the runs cannot be compared.
    """
    (options,) = parse(argv, ComparisonOptions)
    variants = parse_variants(options.variant)
    common = parse_common(options.common)
    seeds = parse_seeds(options.seeds)
    folder = ComparisonFolder(options.output)

    def plan(variant: Variant, seed: int) -> Run:
        model_dir = folder.model_dir(run_name(variant.name, seed))
        return plan_run(variant, common, seed, str(model_dir))

    runs = [plan(variant, seed) for seed in seeds for variant in variants]
    _require_reported(options.dataset, runs)
    with folder.reserved() as lock, interrupted_by_signals():
        for variant in variants:
            for seed in sorted({*seeds, *folder.earlier_seeds(variant.name)}):
                require_unchanged(plan(variant, seed), folder)
        finished, failed = perform_all(runs, folder, trainer, lock)
    if finished:
        summary = summarize(
            {variant.name: describe(variant, common) for variant in variants},
            {run.name: run for run in runs},
            finished,
            options.dataset,
            options.resamples,
        )
        text = summary_markdown(summary)
        write_atomically(folder.path / "summary.json", to_json(summary))
        write_atomically(folder.path / "summary.md", text)
        print(f"\n{text}", flush=True)
    if failed:
        raise RunError(
            f"{len(failed)} of {len(runs)} runs failed ({', '.join(failed)}): repeat "
            "the command to try them again"
        )


def _require_reported(names: Sequence[str], runs: Sequence[Run]) -> None:
    """Refuses data sets that a run will not report on, before anything is trained.

    Raises:
      UsageError: With the names there are.
    """
    for run in runs:
        data = run.config.data
        known = [split_name(text)[0] for text in (data.train_data, *data.eval_data)]
        for name in names:
            if name not in known:
                raise UsageError(
                    f"--dataset={name}: variant {run.variant} reports on "
                    f"{', '.join(known)}"
                )


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
