"""`python -m byel_tf.cli.synthesize`: draws a data set of synthetic faces."""

import dataclasses
import sys
from collections.abc import Sequence

from byel_tf.cli.summary import summarize
from byel_tf.data.labels import DEFAULT_CLASSES, parse_classes
from byel_tf.data.splits import parse_ratios
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.dataset import synthesize
from byel_tf.synthesis.domain import DOMAINS
from byel_tf.synthesis.heads.load import (
    BUILT_IN,
    HEADS_HELP,
    ICT_FACEKIT,
    MAKEHUMAN,
)
from byel_tf.synthesis.pairs import PAIRS


@dataclasses.dataclass(frozen=True)
class SynthesizeOptions:
    """Draw labelled synthetic faces into a prepared data set."""

    output: str = option(dataclasses.MISSING, "Folder to make.", path="local")
    head: str = option(
        BUILT_IN,
        f"What faces are drawn with: {HEADS_HELP}; or several with shares of the "
        f"persons, as {ICT_FACEKIT}:2,{MAKEHUMAN}:1.",
        path="local",
    )
    domain: str = option(
        "synthetic",
        f"Distributions that faces are drawn from: {', '.join(DOMAINS)} (which stands "
        "in for photographs), or the path of a TOML file of your own.",
        path="local",
    )
    count: int = option(6000, "Number of images.", lower=1)
    classes: str = option(
        ",".join(DEFAULT_CLASSES), "Expressions in label order, as a,b,c."
    )
    size: int = option(64, "Side in pixels.", lower=16, upper=512)
    grey: bool = option(False, "Images of one channel.")
    pairs: str = option(
        "none",
        "Second picture of each face, for --objective=byel, byol, joint: expression, "
        "the same movements on another person, and on another head where --head names "
        "several, in other light, camera and processing; neutral, the same person, "
        "pose and light with all movements at rest. Drawing takes twice as long.",
        choices=PAIRS,
    )
    seed: int = option(1, "Decides every face.", lower=0)
    splits: str = option(
        "train=0.8,validation=0.1,test=0.1", "Share of each split; test means all."
    )
    workers: int = option(0, "Processes; 0: one a core.", lower=0, upper=256)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and draws."""
    (options,) = parse(argv, SynthesizeOptions)
    manifest = synthesize(
        options.output,
        domain=options.domain,
        head=options.head,
        count=options.count,
        classes=parse_classes(options.classes),
        size=options.size,
        seed=options.seed,
        grey=options.grey,
        pairs=options.pairs,
        shares=parse_ratios(options.splits),
        workers=options.workers,
    )
    print(summarize(manifest, options.output))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
