"""`python -m benchmarks.pays`: when bootstrapping is worth its encoder passes.

A grid of arms (objective × pairs) × label share × budget, several seeds each, against
supervised training of the same label share and no more passes. Repeated, the command
continues where it stopped.
"""

import dataclasses
import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.comparison.folder import ComparisonFolder
from benchmarks.comparison.grid import ARMS, CONTROL, Place, grid, is_meant
from benchmarks.comparison.paying import charts, document, found
from benchmarks.comparison.processes import interrupted_by_signals
from benchmarks.comparison.series import perform_all, require_unchanged
from benchmarks.comparison.variants import (
    Run,
    Variant,
    parse_common,
    parse_seeds,
    plan_run,
    run_name,
)
from benchmarks.seeds import TRAINER
from benchmarks.timing import describe_machine, machine_line
from byel_tf.errors import RunError, UsageError
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.training.run_directory import to_json

_T = TypeVar("_T")
_IMAGES = "images"


@dataclasses.dataclass(frozen=True)
class PaysOptions:
    """Compare bootstrapping with supervised training at equal encoder passes."""

    output: str = option(
        dataclasses.MISSING, "Folder of the runs, their results and pays.json."
    )
    flagfile_of_runs: str = option(
        "benchmarks/pays.cfg",
        "Recipe that all runs share; the grid sets objective, data, pairs, label share "
        "and epochs.",
    )
    few_labels_flagfile: str = option(
        "",
        "Flags over those of the recipe where the label share is below 1, made for "
        "supervised training of so few labels.",
    )
    common: tuple[str, ...] = option(
        (), "Flags of all runs, such as --eval_data=…; they override the recipe's."
    )
    data: str = option(
        "",
        "Folder with the training sets none, expression and neutral, named after what "
        "second pictures show; those that are missing are drawn. Empty: OUTPUT/data.",
    )
    faces: int = option(12000, "Faces in a set that is drawn.", lower=12)
    arms: str = option(
        "",
        f"Of {', '.join(ARMS)}, as a,b: what learns, and what its pairs show. Empty: "
        f"all. What they are compared to, {CONTROL} and supervised training on an "
        "arm's own pictures, is always trained.",
    )
    few_labels_arms: str = option(
        "", "The same where the label share is below 1. Empty: as --arms."
    )
    label_shares: str = option("1,0.02", "Shares of the persons that are labelled.")
    budgets: str = option(
        "8,24",
        "Most encoder passes of a run, as the epochs of supervised training over all "
        "images that take as many.",
    )
    few_labels_budgets: str = option(
        "", "The same where the label share is below 1. Empty: as --budgets."
    )
    pretrain_part: float = option(
        0.5, "Share of the budget that byel and byol pre-train with.", lower=0, upper=1
    )
    few_labels_pretrain_part: float | None = option(
        None,
        "The same where the label share is below 1. Not given: as --pretrain_part.",
        lower=0,
        upper=1,
    )
    seeds: str = option("1,2,3", "Seeds of each cell.")
    resamples: int = option(2000, "Bootstrap resamples.", lower=100)
    report: str = option(
        "",
        "Document to write, such as docs/when_byel_pays.md; charts go to images/ by "
        "its side, the runs' results and pays.json to a folder of its name. Empty: "
        "OUTPUT/when_byel_pays.md.",
    )


def main(argv: Sequence[str], trainer: Sequence[str] = TRAINER) -> None:
    """Parses the command line, trains what is missing, and writes what was found.

    Args:
      argv: The command line, the program's name first.
      trainer: Command that takes the flags of `train_main.py`.

    Raises:
      UsageError: For flags that cannot be meant.
      RunError: If a run failed, or the runs cannot be compared.
    """
    (options,) = parse(argv, PaysOptions)
    if options.report and not options.report.endswith(".md"):
        raise UsageError(
            f"--report={options.report}: expected a file name ending in .md"
        )
    folder = ComparisonFolder(options.output)
    cells = grid(_places(options))
    data = options.data or str(folder.path / "data")
    common = parse_common(options.common)
    recipe = [options.flagfile_of_runs]
    few_recipe = [*recipe, *filter(None, [options.few_labels_flagfile])]
    variants = [
        cell.variant(recipe if cell.share == 1 else few_recipe, data, options.faces)
        for cell in cells
    ]

    def plan(variant: Variant, seed: int) -> Run:
        model_dir = folder.model_dir(run_name(variant.name, seed))
        return plan_run(variant, common, seed, str(model_dir))

    # All cells with one seed before the next: what is finished can be compared.
    seeds = parse_seeds(options.seeds)
    runs = [plan(variant, seed) for seed in seeds for variant in variants]
    _require_common_images(runs)
    machine = machine_line(describe_machine())
    with folder.reserved() as lock, interrupted_by_signals():
        for run in runs:
            require_unchanged(run, folder)
        finished, failed = perform_all(runs, folder, trainer, lock)
    if finished:
        content = found(cells, finished, options.resamples, machine)
        write_atomically(folder.path / "pays.json", to_json(content))
        report = pathlib.Path(options.report or folder.path / "when_byel_pays.md")
        images = charts(content)
        (report.parent / _IMAGES).mkdir(parents=True, exist_ok=True)
        for name, png in images.items():
            write_atomically(report.parent / _IMAGES / name, png)
        kept = report.with_suffix("") if options.report else None
        if kept:
            kept.mkdir(exist_ok=True)
            names = [folder.result(run_name(run.variant, run.seed)) for run in finished]
            for file in (folder.path / "pays.json", *names):
                write_atomically(kept / file.name, file.read_bytes())
        command = shlex.join(["python", "-m", "benchmarks.pays", *argv[1:]])
        text = document(content, command, _IMAGES, list(images), kept and kept.name)
        write_atomically(report, text)
        print(f"\n{text}\nwritten: {report}, {folder.path / 'pays.json'}", flush=True)
    if failed:
        raise RunError(
            f"{len(failed)} of {len(runs)} runs failed ({', '.join(failed)}): repeat "
            "the command to try them again"
        )


def _places(options: PaysOptions) -> list[Place]:
    budgets = few_budgets = _numbers("budgets", options.budgets, int, 10**6)
    if options.few_labels_budgets:
        few_budgets = _numbers(
            "few_labels_budgets", options.few_labels_budgets, int, 10**6
        )
    part = few_part = options.pretrain_part
    if options.few_labels_pretrain_part is not None:
        few_part = options.few_labels_pretrain_part
    places = []
    for share in _numbers("label_shares", options.label_shares, float, 1.0):
        arms = _arms(options, share)
        places += [
            Place(share, budget, part if share == 1 else few_part, arms)
            for budget in (budgets if share == 1 else few_budgets)
        ]
    return places


def _arms(options: PaysOptions, share: float) -> tuple[str, ...]:
    """The arms of a label share."""
    flag, text = "arms", options.arms
    if share < 1 and options.few_labels_arms:
        flag, text = "few_labels_arms", options.few_labels_arms
    if not text:
        return tuple(arm for arm in ARMS if is_meant(arm, share))
    arms = tuple(text.split(","))
    for arm in arms:
        if arm not in ARMS:
            raise UsageError(f"--{flag}={text}: '{arm}' is none of {', '.join(ARMS)}")
        if not is_meant(arm, share):
            raise UsageError(
                f"--{flag}={text}: {arm} means nothing at a label share of {share:g}"
            )
    return arms


def _require_common_images(runs: Sequence[Run]) -> None:
    sets = {run.config.data.train_data for run in runs}
    if len(sets) > 1 and not all(run.config.data.eval_data for run in runs):
        raise UsageError(
            "--common=--eval_data=FOLDER is missing: arms of different pairs learn "
            "from different files, and have no test images in common"
        )


def _numbers(flag: str, text: str, kind: Callable[[str], _T], most: _T) -> list[_T]:
    try:
        numbers = [kind(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number <= most for number in numbers):
        raise UsageError(f"--{flag}={text}: expected numbers up to {most}, as a,b")
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--{flag}={text}: a number stands twice")
    return numbers


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
