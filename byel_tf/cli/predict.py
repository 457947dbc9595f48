"""`python -m byel_tf.cli.predict`: an exported model's predictions of any images."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from byel_tf.cli.image_flags import ImageFlags
from byel_tf.data.preparation.convert import Conversion
from byel_tf.errors import RunError, UsageError
from byel_tf.files import new_file
from byel_tf.flagging import option, parse
from byel_tf.prediction.inputs import (
    STANDARD_INPUT,
    Input,
    find_input,
    require_apart,
)
from byel_tf.prediction.reading import read_images
from byel_tf.program import run_program
from byel_tf.progress import progress

STANDARD_OUTPUT = "-"
_FORMATS = ("auto", "csv", "parquet", "jsonl", "lsd")


@dataclasses.dataclass(frozen=True)
class PredictFlags:
    """Model, images and output."""

    model: str = option(
        dataclasses.MISSING,
        "Exported model, as RUN/export/1; RUN: its newest version.",
        path="local",
    )
    input: tuple[str, ...] = option(
        dataclasses.MISSING,
        "Image, video, folder, pattern in quotes as 'a/*.png', CSV or TSV with a "
        "column for the path, .txt with a path a line, or - for paths on standard "
        "input.",
        path="local",
    )
    output: str = option(
        dataclasses.MISSING,
        "File to write, .csv, .parquet or .jsonl; - for CSV here.",
        path="local",
    )
    format: str = option(
        "auto",
        "What to write; auto: by the output's ending. lsd: a submission to the "
        "Learning from Synthetic Data challenge.",
        choices=_FORMATS,
    )
    overwrite: bool = option(False, "Replace an output that is there.")
    representation: bool = option(
        False, "Write the encoder's representation as well, a list of numbers."
    )
    root: str | None = option(
        None,
        "Folder that paths in lists start from; without it, the list's, and for "
        "standard input the current one.",
        path="local",
    )
    null: bool = option(
        False, "Paths on standard input end in NUL, as find -print0 writes them."
    )
    frame_step: int = option(
        1, "Of a video, every so many frames one is predicted.", lower=1
    )


@dataclasses.dataclass(frozen=True)
class PredictImageFlags(ImageFlags):
    """How images are read: as they were for training."""

    no_face: str = option(
        "keep",
        "Images without a face found: keep them whole, or reject them.",
        choices=("keep", "reject"),
    )


@dataclasses.dataclass(frozen=True)
class PredictRunFlags:
    """How it is done."""

    batch_size: int = option(
        128, "Images that the model takes at a time.", lower=1, upper=65536
    )
    workers: int = option(
        0, "Processes that read images; 0: one a core.", lower=0, upper=256
    )
    strict: bool = option(False, "End with exit code 1 if an image is rejected.")


OPTIONS = (PredictFlags, PredictImageFlags, PredictRunFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, checks the inputs and predicts."""
    given, images, how = parse(argv, *OPTIONS)
    file_format = _format(given)
    inputs = _inputs(given)
    _require_output(given, inputs)
    counts = [one.count() for one in inputs]
    if images.crop == "face":
        from byel_tf.faces.detector import FaceDetector

        FaceDetector()  # complains before any image is read
    conversion = Conversion(
        (), images.limits(), images.crop == "face", images.crop_margin, images.no_face
    )
    contents = read_images(
        (entry for one in inputs for entry in one.entries()),
        conversion,
        given.frame_step,
        how.workers or os.cpu_count() or 1,
    )

    from byel_tf.compat import keras  # noqa: F401  (TensorFlow without its remarks)
    from byel_tf.prediction.predict import predict
    from byel_tf.prediction.tables import WRITERS
    from byel_tf.serving.load import find_export, load_export

    model = load_export(find_export(given.model))
    done = rejected = 0
    total = None if None in counts else sum(counts)
    with (
        contextlib.closing(contents),
        _output(given.output) as stream,
        progress(total, "image", "predict") as bar,
    ):
        writer = WRITERS[file_format](stream, model.classes)
        for table in predict(
            model, contents, how.batch_size, images.limits(), given.representation
        ):
            writer.write(table)
            done += len(table)
            rejected += int(table["error"].notna().sum())
            bar.update(len(table))
        if not done:
            raise RunError(f"--input={STANDARD_INPUT} names no image: it is empty")
        writer.close()
    print(f"{done} images, {rejected} could not be read", file=sys.stderr)
    if how.strict and rejected:
        raise RunError(
            f"--strict: {rejected} of {done} images could not be read; {given.output} "
            "is complete and says why"
        )


def _format(given: PredictFlags) -> str:
    """The format that is meant.

    Raises:
      UsageError: If the output's ending is of none, or representations have no place.
    """
    file_format = given.format
    if file_format == "auto":
        file_format = os.path.splitext(given.output)[1].casefold()[1:]
        if given.output == STANDARD_OUTPUT:
            file_format = "csv"
        elif file_format not in ("csv", "parquet", "jsonl"):
            raise UsageError(
                f"--output={given.output}: expected a name that ends in .csv, .parquet "
                "or .jsonl; for others give --format"
            )
    if file_format == "lsd" and given.representation:
        raise UsageError("--representation has no place in --format=lsd")
    return file_format


def _inputs(given: PredictFlags) -> list[Input]:
    if not given.input:
        raise UsageError("--input is missing: an image, a folder, a list, or -")
    if given.input.count(STANDARD_INPUT) > 1:
        raise UsageError("--input=- is given twice: standard input can be read once")
    if given.null and STANDARD_INPUT not in given.input:
        raise UsageError("--null has no meaning without --input=-")
    return [find_input(text, given.root, given.null) for text in given.input]


def _require_output(given: PredictFlags, inputs: list[Input]) -> None:
    """Refuses an output that cannot be written.

    Raises:
      RunError: If it exists.
      UsageError: If it is an input, or lies in one.
    """
    if given.output == STANDARD_OUTPUT:
        return
    require_apart(given.output, inputs)
    if os.path.lexists(given.output):
        if not os.path.isfile(given.output):
            raise RunError(f"--output={given.output} exists and is no file")
        if not given.overwrite:
            raise RunError(
                f"--output={given.output} exists: choose another name, or give "
                "--overwrite"
            )


@contextlib.contextmanager
def _output(path: str) -> Iterator[IO[bytes]]:
    if path != STANDARD_OUTPUT:
        with new_file(path) as file:
            yield file
        return
    if sys.stdout is None:  # a process started without it
        raise RunError("there is no standard output to write to: name a file")
    try:
        yield sys.stdout.buffer
    except BrokenPipeError as error:
        # What is still held would be written at exit, and complained about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RunError("standard output was closed before the end") from error


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
