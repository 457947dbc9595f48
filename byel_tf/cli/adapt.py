"""`python -m byel_tf.cli.adapt`: an export made anew for unlabelled photographs."""

import contextlib
import dataclasses
import itertools
import sys
import typing
from collections.abc import Iterator, Sequence

from byel_tf.adaptation.settings import METHODS
from byel_tf.cli.adaptation_flags import GuardFlags, MethodFlags
from byel_tf.cli.predict import PredictImageFlags, cropping_for, open_images
from byel_tf.errors import RunError, UsageError
from byel_tf.files import require_new_directory
from byel_tf.flagging import option, parse
from byel_tf.prediction.inputs import STANDARD_INPUT, Input, find_input
from byel_tf.pretrained import NAMES
from byel_tf.program import run_program
from byel_tf.progress import progress
from byel_tf.serving.cropping import few_faces

if typing.TYPE_CHECKING:
    from byel_tf.adaptation.adapt import Adaptation
    from byel_tf.adaptation.images import Images

_CHUNK = 128


@dataclasses.dataclass(frozen=True)
class AdaptFlags:
    """Make a new export from an export and unlabelled photographs."""

    model: str = option(
        dataclasses.MISSING,
        "Exported model, as RUN/export/1; RUN: its newest version; or the name of one "
        f"that comes with the package, {' or '.join(NAMES)}.",
        path="local",
    )
    input: tuple[str, ...] = option(
        dataclasses.MISSING,
        "Image, video, folder, pattern in quotes as 'a/*.png', CSV or TSV with a "
        "column for the path, or .txt with a path a line. Labels are not looked at.",
        path="local",
    )
    output: str = option(dataclasses.MISSING, "Folder to make.", path="local")
    method: str = option(
        dataclasses.MISSING,
        "statistics: batch norm statistics, mixed with the source's; entropy: these, "
        "then scales and offsets by information maximisation; prototypes: T3A; prior: "
        "class shares by EM.",
        choices=METHODS,
    )
    max_images: int = option(
        5000,
        "Most images that are learned from, the first ones; how many are left is said.",
        lower=1,
    )
    root: str | None = option(
        None,
        "Folder that paths in lists start from; without it, the list's.",
        path="local",
    )
    frame_step: int = option(
        1, "Of a video, every so many frames one is taken.", lower=1
    )
    workers: int = option(
        0, "Processes that read images; 0: one a core.", lower=0, upper=256
    )


OPTIONS = (AdaptFlags, MethodFlags, GuardFlags, PredictImageFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, reads the photographs and adapts to them."""
    given, method_flags, guard_flags, images = parse(argv, *OPTIONS)
    inputs = _inputs(given)
    require_new_directory(given.output)
    counts = [one.count() for one in inputs]
    total = min(sum(counts), given.max_images)
    if total < sum(counts):
        print(
            f"warning: of {sum(counts)} images the first {total} are learned from: if "
            "they are sorted, by class or by day, give a larger --max_images",
            file=sys.stderr,
        )

    import byel_tf.compat  # noqa: F401  (first: TensorFlow without its remarks)
    from byel_tf.adaptation.adapt import adapt
    from byel_tf.adaptation.export import read_source_model, write_adapted
    from byel_tf.serving.load import find_export

    settings, limits = method_flags.settings(), guard_flags.limits()
    used = guard_flags.used()
    model = read_source_model(find_export(given.model), settings.batch_size)
    classes = model.facts["classes"]
    found = _read(given, images, inputs, model.facts, total)
    if len(found) < limits.least_images(len(classes)):
        raise RunError(
            f"--input has {len(found)} images that can be used, at least "
            f"{limits.least_images(len(classes))} are needed to adapt to, "
            f"{limits.images_per_class} for each of {len(classes)} classes: give more, "
            "or use the model as it is"
        )
    adaptation = adapt(
        model.running,
        found.pixels(),
        model.source,
        given.method,
        settings,
        used,
    )
    write_adapted(given.output, model, adaptation, settings, used, found)
    print("\n".join(_words(adaptation, classes)))
    print(f"written to {given.output}", flush=True)


def _inputs(given: AdaptFlags) -> list[Input]:
    """The inputs.

    Raises:
      UsageError: If there is none, or standard input is one.
      RunError: If one does not exist.
    """
    if not given.input:
        raise UsageError("--input is missing: a folder of photographs, or a list")
    if STANDARD_INPUT in given.input:
        raise UsageError("--input=- cannot be adapted to: write the paths to a .txt")
    return [find_input(text, given.root) for text in given.input]


def _read(
    given: AdaptFlags,
    flags: PredictImageFlags,
    inputs: Sequence[Input],
    facts: dict[str, typing.Any],
    count: int,
) -> "Images":
    """Reads and decodes the photographs, as `predict` does."""
    from byel_tf.adaptation.images import Images

    cropping = cropping_for(flags, facts)
    contents = open_images(inputs, flags, cropping, given.frame_step, given.workers)
    found = Images(int(facts["image_size"]))
    unreadable, looked_at, without_face = 0, 0, 0
    with contextlib.closing(contents), progress(count, "image", "read") as bar:
        for chunk in _chunks(contents, given.max_images):
            files = [r.content for r in chunk if isinstance(r.content, bytes)]
            lost = [r for r in chunk if not isinstance(r.content, bytes)]
            unreadable += sum(r.faces != 0 for r in lost)
            looked_at += sum(r.faces is not None for r in chunk)
            without_face += sum(r.faces == 0 for r in chunk)
            found.add(files)
            bar.update(len(chunk))
    print(
        f"{len(found)} images, {unreadable + found.rejected} could not be read"
        + (f", {without_face} without a face" if looked_at else ""),
        file=sys.stderr,
    )
    warning = few_faces(without_face, looked_at)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return found


def _chunks(contents: Iterator, limit: int) -> Iterator[list]:
    limited = itertools.islice(contents, limit)
    while chunk := list(itertools.islice(limited, _CHUNK)):
        yield chunk


def _words(adaptation: "Adaptation", classes: Sequence[str]) -> list[str]:
    """What was done, for people."""
    shares = ", ".join(
        f"{name} {share:.2f}"
        for name, share in zip(classes, adaptation.shares, strict=True)
    )
    lines = [f"estimated class shares: {shares}"]
    if adaptation.strength == 0:
        lines.append(f"not adapted, the model is as it was: {adaptation.reason}")
        return lines
    how = "" if adaptation.strength == 1 else f" at strength {adaptation.strength:g}"
    why = f" ({adaptation.reason})" if adaptation.reason else ""
    lines.append(
        f"{adaptation.method}{how}{why}: {adaptation.changed:.1%} of "
        f"{adaptation.images} images have another label than before"
    )
    return lines


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
