"""`python -m byel_tf.cli.prepare`: images in any layout to a prepared data set."""

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

from byel_tf.cli.image_flags import ImageFlags
from byel_tf.cli.summary import summarize
from byel_tf.data.labels import (
    DEFAULT_CLASSES,
    ClassNames,
    parse_aliases,
    parse_classes,
)
from byel_tf.data.preparation.convert import Conversion
from byel_tf.data.preparation.dealing import Dealing
from byel_tf.data.prepare import (
    LocalRunner,
    Preparation,
    Runner,
    prepare,
    require_output,
)
from byel_tf.data.sources.detect import FORMATS, open_source
from byel_tf.data.sources.source import VOTE_LABELS, SourceOptions
from byel_tf.data.splits import parse_ratios
from byel_tf.data.writer import DEFAULT_SHARD_BYTES, REJECTED_FILE_NAME
from byel_tf.errors import RunError, UsageError
from byel_tf.flagging import option, parse
from byel_tf.program import run_program

_DEFAULT_SPLITS = "train=0.8,validation=0.1,test=0.1"


@dataclasses.dataclass(frozen=True)
class SourceFlags:
    """Source and output.

    Repeated after it was broken off, the command goes on where it was.
    """

    source: str = option(
        dataclasses.MISSING,
        "Folder or table of the images; docs/data.md has examples.",
        path="local",
    )
    output: str = option(dataclasses.MISSING, "Folder to make.", path="local")
    format: str = option(
        "auto", "Layout of the source; auto looks and says.", choices=FORMATS
    )
    root: str | None = option(
        None,
        "Folder that the paths of a table start from; without it, the table's.",
        path="local",
    )
    votes: str | None = option(
        None,
        "FERPlus's table of votes (fer2013new.csv), which replaces the labels.",
        path="local",
    )
    vote_labels: str = option(
        "majority",
        "majority: the class with most votes, ties rejected; soft: ties among the "
        "classes are kept, and the votes go into the records.",
        choices=VOTE_LABELS,
    )
    label_pattern: str | None = option(
        None,
        "Regular expression whose group finds the class in a file's path, as "
        r"\.(AN|DI|FE|HA|SA|SU)\d.",
    )
    subject_pattern: str | None = option(
        None,
        "Regular expression whose group finds the person in a file's path, as "
        r"(S\d+)_; all images of a person go to one split.",
    )


@dataclasses.dataclass(frozen=True)
class LabelFlags:
    """Classes and splits."""

    classes: str = option(
        ",".join(DEFAULT_CLASSES),
        "Classes in label order, as a,b,c; images of other classes are rejected.",
    )
    alias: tuple[str, ...] = option(
        (), "Another name of a class, as AN=anger, besides the common spellings."
    )
    splits: str | None = option(
        None,
        "Share of each split, as train=0.9,test=0.1, dealt class by class; test puts "
        "all there. Without the flag: as the source says, or else "
        f"{_DEFAULT_SPLITS}.",
    )
    validation_share: float = option(
        0.0,
        "Share of the source's train split that goes to validation, where the source "
        "says the splits.",
        lower=0,
        upper=0.9,
    )
    seed: int = option(1, "Decides order and splits.", lower=0)


@dataclasses.dataclass(frozen=True)
class RunFlags:
    """How it is done."""

    strict: bool = option(False, "End with exit code 1 if an image is rejected.")
    workers: int = option(0, "Processes; 0: one a core.", lower=0, upper=256)
    shard_bytes: int = option(
        DEFAULT_SHARD_BYTES, "About what a TFRecord file is to hold.", lower=1
    )
    beam: bool = option(
        False,
        "Run on Apache Beam (requirements-beam.txt) instead of processes of this "
        "machine; the images must be where all its machines see them.",
    )
    beam_staging: str | None = option(
        None,
        "Folder that all machines of the pipeline read and write, a path or an address "
        "as gs://bucket/folder; without the flag, the one in which the output lies.",
        path="any",
    )
    beam_option: tuple[str, ...] = option(
        (), "An option of the Beam pipeline, as --beam_option=--runner=FlinkRunner."
    )


OPTIONS = (SourceFlags, LabelFlags, ImageFlags, RunFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and prepares."""
    given, labels, images, how = parse(argv, *OPTIONS)
    classes = parse_classes(labels.classes)
    source = open_source(
        given.source,
        format=given.format,
        labels=ClassNames(classes, parse_aliases(labels.alias, classes)),
        options=SourceOptions(
            root=given.root,
            votes=given.votes,
            vote_labels=given.vote_labels,
            subject_pattern=given.subject_pattern,
            label_pattern=given.label_pattern,
        ),
    )
    preparation = Preparation(
        Conversion(
            classes,
            images.limits(),
            images.crop == "face",
            images.crop_margin,
            images.no_face,
        ),
        _dealing(labels, source.gives_splits),
        labels.seed,
        how.shard_bytes,
    )
    _require_outside(given.output, given.source)
    require_output(given.output)
    if images.crop == "face":
        from byel_tf.faces.detector import FaceDetector

        FaceDetector()  # complains before any image is read
    with _runner(how, given.output) as runner:
        print(f"{given.source}: {source.description}", flush=True)
        manifest = prepare(source, given.output, preparation, runner)
    print(summarize(manifest, given.output))
    if how.strict and manifest.rejected["count"]:
        raise RunError(
            f"--strict: {manifest.rejected['count']} images were rejected; "
            f"{given.output} is complete without them, {REJECTED_FILE_NAME} lists them"
        )


def _dealing(labels: LabelFlags, gives_splits: bool) -> Dealing:
    """How images go to splits.

    Raises:
      UsageError: If there is no train split to take a share of.
    """
    if labels.splits is None and gives_splits:
        return Dealing(None, labels.validation_share)
    if labels.validation_share:
        raise UsageError(
            f"--validation_share={labels.validation_share} is for sources that say "
            "the splits: give --splits=train=…,validation=…"
        )
    return Dealing(parse_ratios(labels.splits or _DEFAULT_SPLITS))


def _require_outside(output: str, source: str) -> None:
    """Refuses an output within the source, where the next import would find it."""
    inside = pathlib.Path(os.path.realpath(output))
    if os.path.isdir(source) and inside.is_relative_to(os.path.realpath(source)):
        raise UsageError(
            f"--output={output} lies in --source={source}: choose a folder outside it"
        )


@contextlib.contextmanager
def _runner(how: RunFlags, output: str) -> Iterator[Runner]:
    if how.beam:
        from byel_tf.data.preparation.beam import BeamRunner

        beside = os.path.dirname(os.path.realpath(output))
        runner = BeamRunner(how.beam_option, how.beam_staging or beside)
        with contextlib.closing(runner):
            yield runner
        return
    for name, value in (("option", how.beam_option), ("staging", how.beam_staging)):
        if value:
            raise UsageError(f"--beam_{name} needs --beam")
    yield LocalRunner(how.workers or os.cpu_count() or 1)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
