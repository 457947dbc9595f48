"""`python -m byel_tf.cli.prepare`: images in any layout to a prepared data set."""

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Collection, Iterator, Sequence

from byel_tf.cli.image_flags import PrepareImageFlags
from byel_tf.cli.summary import show_preview, summarize
from byel_tf.data.labels import (
    DEFAULT_CLASSES,
    ClassNames,
    parse_aliases,
    parse_classes,
)
from byel_tf.data.preparation.dealing import Dealing
from byel_tf.data.preparation.dry_run import LOOKED_AT, preview
from byel_tf.data.prepare import (
    LocalRunner,
    Preparation,
    Runner,
    prepare,
    require_output,
)
from byel_tf.data.sources.detect import FORMATS, open_source
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.outside import OUTSIDE_CHOICES
from byel_tf.data.sources.source import VOTE_LABELS, Source, SourceOptions
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
    output: str | None = option(
        None, "Folder to make; required but for --dry_run.", path="local"
    )
    format: str = option(
        "auto", "Layout of the source; auto looks and says.", choices=FORMATS
    )
    root: str | None = option(
        None,
        "Folder that the paths of a table start from; without it, the table's.",
        path="any",
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
    label_numbers: str | None = option(
        None,
        "What numbers mean that stand for classes in a table, in folders' names or in "
        "what --label_pattern finds: the number of the first of --classes (0 or 1), a "
        f"published order ({', '.join(ORDERS)}), or pairs as 1=surprise,2=fear.",
    )
    path_column: str | None = option(None, "The table's column for the path.")
    label_column: str | None = option(None, "The table's column for the class.")
    split_column: str | None = option(None, "The table's column for the split.")
    subject_column: str | None = option(None, "The table's column for the person.")
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
    outside: str = option(
        OUTSIDE_CHOICES[0],
        "Images that lie outside --source or --root, by links, '..', paths from the "
        "root of the disk or addresses: list takes them and lists them in outside.csv, "
        "reject leaves them out.",
        choices=OUTSIDE_CHOICES,
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

    dry_run: bool = option(
        False,
        "Print how the source is understood and what it holds, and write nothing: it "
        f"is listed whole, and {LOOKED_AT} of its images are opened.",
    )
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


OPTIONS = (SourceFlags, LabelFlags, PrepareImageFlags, RunFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and prepares."""
    given, labels, images, how = parse(argv, *OPTIONS)
    if not given.output and not how.dry_run:
        raise UsageError("--output is missing: give the folder to make")
    classes = parse_classes(labels.classes)
    source = _open(given, labels, classes)
    preparation = Preparation(
        images.conversion(classes, source.gives_boxes),
        _dealing(labels, source.gives_splits),
        labels.seed,
        how.shard_bytes,
        given.outside,
    )
    if given.output:
        _require_outside(given.output, given.source)
    if not how.dry_run:
        require_output(given.output)
    if images.crop == "face":
        from byel_tf.detection.detectors import make_detector

        make_detector(images.detector)  # complains before any image is read
    boxes = images.use_of_boxes(source.gives_boxes)
    described = f"{given.source}: {source.description}{boxes}"
    if source.gives_splits and labels.splits is not None:
        described += (
            f"\n--splits={labels.splits}: the splits that the source gives are not "
            "kept; all its images are dealt anew, those published for testing, too"
        )
    if how.dry_run:
        print(described, flush=True)
        _preview(source, preparation, labels.splits, how)
        return
    with _runner(how, given.output) as runner:
        print(described, flush=True)
        manifest = prepare(source, given.output, preparation, runner)
    print(summarize(manifest, given.output))
    if preparation.dealing.shares is None:
        _advise_validation(manifest.splits)
    if how.strict and manifest.rejected["count"]:
        raise RunError(
            f"--strict: {manifest.rejected['count']} images were rejected; "
            f"{given.output} is complete without them, {REJECTED_FILE_NAME} lists them"
        )


def _open(given: SourceFlags, labels: LabelFlags, classes: Sequence[str]) -> Source:
    names = {field.name for field in dataclasses.fields(SourceOptions)}
    said = {n: v for n, v in dataclasses.asdict(given).items() if n in names}
    return open_source(
        given.source,
        format=given.format,
        labels=ClassNames(classes, parse_aliases(labels.alias, classes)),
        options=SourceOptions(**said, deals_anew=labels.splits is not None),
    )


def _preview(
    source: Source, preparation: Preparation, splits: str | None, how: RunFlags
) -> None:
    dealing = preparation.dealing
    keeps_splits = dealing.shares is None
    conversion = preparation.conversion
    found = preview(
        source,
        conversion,
        keeps_splits=keeps_splits,
        outside=preparation.outside,
        seed=preparation.seed,
        workers=how.workers or os.cpu_count() or 1,
    )
    shares = None if keeps_splits else splits or _DEFAULT_SPLITS
    print(show_preview(found, conversion.classes, shares))
    if keeps_splits and dealing.validation_share:
        share = f"{dealing.validation_share:g}"
        print(f"{share} of train goes to validation (--validation_share={share})")
    elif keeps_splits:
        _advise_validation(found.splits)


def _advise_validation(splits: Collection[str]) -> None:
    if "train" in splits and "validation" not in splits:
        print(
            "the source gives no validation split, which training needs: repeat with "
            "--validation_share=0.1 to take it from train"
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
