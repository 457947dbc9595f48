"""`python -m byel_tf.cli.train_detector`: trains the face detector on drawn faces."""

import dataclasses
import os
import sys
from collections.abc import Sequence

from byel_tf.errors import UsageError
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.domain import DOMAINS
from byel_tf.synthesis.heads.load import BUILT_IN, HEADS_HELP


@dataclasses.dataclass(frozen=True)
class TrainDetectorOptions:
    """Train the face detector on drawn faces; no photograph is looked at."""

    output: str = option(
        dataclasses.MISSING,
        "Folder for weights.npz and training.json; it must not hold them yet.",
        path="local",
    )
    head: tuple[str, ...] = option(
        (BUILT_IN,),
        f"What faces are drawn with: {HEADS_HELP}. Several draw as many each.",
        path="local",
    )
    domain: str = option(
        "synthetic",
        f"Distributions that faces are drawn from: {', '.join(DOMAINS)}, or the path "
        "of a TOML file of your own. Turns and crop are the detector's own.",
        path="local",
    )
    heads_each: int = option(3500, "Pictures drawn of each head.", lower=1)
    scenes: int = option(6000, "Scenes with faces.", lower=1)
    faceless: int = option(2500, "Scenes without faces.", lower=1)
    mend_rounds: int = option(
        2,
        "How often the second network is learned anew, with what the one before took "
        "for faces among the patches.",
        lower=0,
    )
    mend_scenes: int = option(
        4500, "Further scenes without faces, in each round.", lower=1
    )
    propose_steps: int = option(1200, "Steps of the first network.", lower=1)
    look_steps: int = option(
        1350, "Steps of each second network before the last.", lower=1
    )
    final_steps: int = option(2600, "Steps of the last.", lower=1)
    batch_size: int = option(
        32, "Scenes a step; patches: eight times as many.", lower=1
    )
    learning_rate: float = option(3e-3, "Greatest learning rate.", lower=0)
    seed: int = option(1, "Decides everything.", lower=0)
    workers: int = option(0, "Processes that draw; 0: one a core.", lower=0, upper=256)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and trains."""
    (options,) = parse(argv, TrainDetectorOptions)
    settings = dataclasses.asdict(options)
    output, heads = settings.pop("output"), settings.pop("head")
    repeated = [head for head in heads if heads.count(head) > 1]
    if repeated:
        raise UsageError(f"--head={repeated[0]} is given twice: give each head once")
    settings["workers"] = options.workers or os.cpu_count() or 1
    # TensorFlow only now: flags are checked without it, and processes that draw, which
    # import this module, never need it.
    from byel_tf.detection.training.train import DetectorTraining, train_detector

    train_detector(DetectorTraining(heads=tuple(heads), **settings), output)
    print(f"the weights are in {output}", flush=True)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
