"""`python -m byel_tf.cli.prepare`: images of any folder to a prepared data set."""

import dataclasses
import sys
from collections.abc import Sequence

from byel_tf.cli.summary import summarize
from byel_tf.data.labels import DEFAULT_CLASSES, parse_classes
from byel_tf.data.prepare import parse_ratios, prepare_folder
from byel_tf.flagging import option, parse, run_program


@dataclasses.dataclass(frozen=True)
class PrepareOptions:
    """Prepare a folder with one sub-folder a class for training or evaluation."""

    source: str = option(dataclasses.MISSING, "Folder of class folders.")
    output: str = option(dataclasses.MISSING, "Folder to make.")
    classes: str = option(
        ",".join(DEFAULT_CLASSES),
        "Classes in label order, as a,b,c; images of other folders are rejected.",
    )
    splits: str = option(
        "train=0.8,validation=0.1,test=0.1",
        "Share of each split, dealt class by class; --splits=test puts all there.",
    )
    seed: int = option(1, "Decides order and splits.", lower=0)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and prepares."""
    (options,) = parse(argv, PrepareOptions)
    manifest = prepare_folder(
        options.source,
        options.output,
        parse_classes(options.classes),
        parse_ratios(options.splits),
        options.seed,
    )
    print(summarize(manifest, options.output))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
