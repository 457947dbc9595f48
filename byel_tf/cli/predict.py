"""`python -m byel_tf.cli.predict`: an exported model's predictions of any images."""

import contextlib
import dataclasses
import os
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from byel_tf.cli.image_flags import ImageFlags
from byel_tf.data.crops import Cropping
from byel_tf.data.labels import parse_classes
from byel_tf.data.preparation.convert import Conversion
from byel_tf.errors import RunError, UsageError
from byel_tf.faces.crop import MIN_MARGIN
from byel_tf.files import new_file
from byel_tf.flagging import option, parse
from byel_tf.prediction.inputs import (
    STANDARD_INPUT,
    Input,
    find_input,
    require_apart,
)
from byel_tf.prediction.reading import Reading, read_images
from byel_tf.pretrained import NAMES
from byel_tf.program import run_program
from byel_tf.progress import progress
from byel_tf.serving.cropping import (
    CROPS,
    MAX_MARGIN,
    choose_cropping,
    face_detector,
    few_faces,
)

if typing.TYPE_CHECKING:
    import pandas as pd

STANDARD_OUTPUT = "-"
_FORMATS = ("auto", "csv", "parquet", "jsonl", "lsd")


@dataclasses.dataclass(frozen=True)
class PredictFlags:
    """Model, images and output."""

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
    model: str = option(
        NAMES[0],
        "Exported model, as RUN/export/1; RUN: its newest version; or the name of one "
        f"that comes with the package, {' or '.join(NAMES)}.",
        path="local",
    )
    classes: str | None = option(
        None,
        "Some of the model's classes, as a,b,c: the probabilities of the others are "
        "removed, and the rest divided by their sum.",
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
    action_units: bool = option(
        False,
        "Write the intensities of the action units as well, a column each, where the "
        "model learned them.",
    )
    prior: str | None = option(
        None,
        "Class shares of the images, as anger=0.1,fear=0.3,…, where they are known to "
        "differ from those trained on: probabilities are computed for them.",
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

    crop: str = option(
        "auto",
        "face: crop every image to its largest face, as rendered faces are cropped; "
        "auto: so if the model's training images were cropped or drawn so; none: whole "
        "images, or faces that are cropped already.",
        choices=CROPS,
    )
    crop_margin: float | None = option(
        None,
        "Side of the crop, as a multiple of that of rendered faces; without it that of "
        "the training images.",
        lower=MIN_MARGIN,
        upper=MAX_MARGIN,
    )
    faces: str = option(
        "largest",
        "Where images are cropped, of which faces of a picture there are rows.",
        choices=("largest", "all"),
    )
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


@dataclasses.dataclass
class Counts:
    """What the last line says.

    Attributes:
      images: Images and frames.
      faces: Those that were found, of which there may be no rows.
      looked_at: Images on which faces were looked for.
      without_face: Images on which none was found.
      unreadable: Images without a prediction, for other reasons than that.
      rows: Rows of the table.
      rows_with_error: Rows without a prediction.
    """

    images: int = 0
    faces: int = 0
    looked_at: int = 0
    without_face: int = 0
    unreadable: int = 0
    rows: int = 0
    rows_with_error: int = 0

    def add(self, table: "pd.DataFrame") -> int:
        """Counts a table, as `prediction_table` makes them; returns its images."""
        of_images = table[table["face"].fillna(1) == 1]
        self.images += len(of_images)
        self.faces += int(of_images["faces"].sum())
        self.looked_at += int(of_images["faces"].notna().sum())
        has_none = of_images["faces"].fillna(1) == 0
        self.without_face += int(has_none.sum())
        self.unreadable += int((of_images["error"].notna() & ~has_none).sum())
        self.rows += len(table)
        self.rows_with_error += int(table["error"].notna().sum())
        return len(of_images)

    def words(self, looks_for_faces: bool, every_face: bool) -> str:
        """The line."""
        words = [f"{self.images} images"]
        words += [f"{self.faces} faces"] if every_face else []
        words += [f"{self.without_face} without a face"] if looks_for_faces else []
        return ", ".join([*words, f"{self.unreadable} could not be read"])


OPTIONS = (PredictFlags, PredictImageFlags, PredictRunFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, checks the inputs and predicts."""
    given, images, how = parse(argv, *OPTIONS)
    file_format = _format(given)
    _require_faces(images, file_format)
    inputs = _inputs(given)
    classes = parse_classes(given.classes) if given.classes is not None else ()
    _require_output(given, inputs)
    counts = [one.count() for one in inputs]

    from byel_tf.compat import keras  # noqa: F401  (TensorFlow without its remarks)
    from byel_tf.prediction.predict import predict
    from byel_tf.prediction.tables import WRITERS
    from byel_tf.serving.class_prior import parse_prior, with_prior
    from byel_tf.serving.class_subset import restrict
    from byel_tf.serving.load import find_export, load_export, require_action_units

    model = load_export(find_export(given.model))
    if given.prior is not None:
        model = with_prior(model, parse_prior(given.prior, model.classes))
    model = restrict(model, classes)
    if given.action_units:
        require_action_units(model, given.model)
    cropping = cropping_for(images, model.metadata)
    contents = open_images(inputs, images, cropping, given.frame_step, how.workers)
    done = Counts()
    total = None if None in counts else sum(counts)
    with (
        contextlib.closing(contents),
        _output(given.output) as stream,
        progress(total, "image", "predict") as bar,
    ):
        units = model.action_units if given.action_units else ()
        writer = WRITERS[file_format](stream, (*model.classes, *units))
        for table in predict(
            model,
            contents,
            how.batch_size,
            images.limits(),
            given.representation,
            given.action_units,
        ):
            writer.write(table)
            bar.update(done.add(table))
        if not done.images:
            raise RunError(f"--input={STANDARD_INPUT} names no image: it is empty")
        writer.close()
    print(done.words(cropping.kind == "face", images.faces == "all"), file=sys.stderr)
    _warn(few_faces(done.without_face, done.looked_at))
    if how.strict and done.rows_with_error:
        raise RunError(
            f"--strict: {done.rows_with_error} of {done.rows} rows have no prediction; "
            f"{given.output} is complete and says why"
        )


def _format(given: PredictFlags) -> str:
    """The format that is meant.

    Raises:
      UsageError: If the output's ending is of none, or what is wanted has no place.
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
    for name in ("representation", "action_units"):
        if file_format == "lsd" and getattr(given, name):
            raise UsageError(f"--{name} has no place in --format=lsd")
    return file_format


def _require_faces(images: PredictImageFlags, file_format: str) -> None:
    """Refuses rows for all faces where there can be none.

    Raises:
      UsageError: If that is asked for.
    """
    if images.faces == "all" and images.crop == "none":
        raise UsageError("--faces=all has no meaning with --crop=none")
    if images.faces == "all" and file_format == "lsd":
        raise UsageError(
            "--faces=all has no place in --format=lsd, which has one row an image"
        )


def open_images(
    inputs: Sequence[Input],
    images: PredictImageFlags,
    cropping: Cropping,
    frame_step: int,
    workers: int,
) -> Iterator[Reading]:
    """Reads the images of all inputs, in order; as of `read_images`.

    Args:
      inputs: Where they are.
      images: How they are read.
      cropping: As of `cropping_for`.
      frame_step: Of a video, every so many frames one is taken.
      workers: Processes; 0 for one a core.
    """
    conversion = Conversion(
        (),
        images.limits(),
        cropping.kind == "face",
        cropping.margin,
        images.no_face,
        detector=images.detector,
    )
    return read_images(
        (entry for one in inputs for entry in one.entries()),
        conversion,
        frame_step,
        workers or os.cpu_count() or 1,
        images.faces == "all",
    )


def cropping_for(images: PredictImageFlags, facts: Mapping[str, Any]) -> Cropping:
    """How images are cropped; says so, and complains before any image is read.

    Raises:
      RunError: If faces cannot be looked for.
      UsageError: If what was asked for has no meaning with this model.
    """
    try:
        chosen = choose_cropping(images.crop, images.crop_margin, facts)
    except ValueError as error:
        raise UsageError(f"--crop={images.crop}: {error}; give --crop=face") from error
    crops = chosen.cropping.kind == "face"
    if images.faces == "all" and not crops:
        raise UsageError(
            f"--faces=all has no meaning without --crop=face ({chosen.reason})"
        )
    print(chosen.reason, file=sys.stderr)
    _warn(chosen.warning)
    if crops:
        face_detector(images.detector)
    return chosen.cropping


def _warn(line: str | None) -> None:
    if line:
        print(f"warning: {line}", file=sys.stderr)


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
