"""`python -m byel_tf.cli.adapt`: an export made anew for unlabelled photographs."""

import contextlib
import dataclasses
import itertools
import sys
import typing
from collections.abc import Iterator, Sequence

from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.settings import METHODS, MethodSettings
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
        5000, "Most images that are learned from, the first ones.", lower=1
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


@dataclasses.dataclass(frozen=True)
class MethodFlags:
    """What the methods are told."""

    source_images: int = option(
        MethodSettings.source_images,
        "statistics, entropy: the source's statistics count as those of so many "
        "images more.",
        lower=0,
        upper=10**9,
    )
    depth: float = option(
        MethodSettings.depth,
        "statistics, entropy: share of the batch norm layers whose statistics are "
        "mixed, the first ones.",
        lower=0.01,
        upper=1,
    )
    epochs: int = option(
        MethodSettings.epochs, "entropy: passes over the images.", lower=1, upper=1000
    )
    learning_rate: float = option(
        MethodSettings.learning_rate, "entropy: Adam's.", lower=1e-9, upper=1
    )
    supports: int = option(
        MethodSettings.supports, "prototypes: most images of a class; 0: all.", lower=0
    )
    exponent: float = option(
        MethodSettings.exponent,
        "prior: τ, how far towards the estimated shares, 1 being all the way.",
        lower=0,
        upper=1,
    )
    floor: float = option(
        MethodSettings.floor,
        "prior: least share of a class, as a part of its share in training.",
        lower=0.001,
        upper=1,
    )
    batch_size: int = option(
        MethodSettings.batch_size, "Images at a time.", lower=2, upper=65536
    )
    seed: int = option(
        MethodSettings.seed,
        "entropy: decides the images' order.",
        lower=0,
        upper=2**31 - 1,
    )


@dataclasses.dataclass(frozen=True)
class GuardFlags:
    """What keeps from harm, else the source's weights are kept, wholly or partly."""

    guard: bool = option(True, "Whether it does; else all is taken as it comes.")
    images_per_class: int = option(
        Guard.images_per_class,
        "Fewer images than so many for each class are refused, with the guard and "
        "without.",
        lower=1,
    )
    diversity: float = option(
        Guard.diversity,
        "Not for prior: least effective number of classes by the estimated shares, as "
        "a part of their number.",
        lower=0,
        upper=1,
    )
    prior_diversity: float = option(
        Guard.prior_diversity, "The same for prior.", lower=0, upper=1
    )
    confidence: float = option(
        Guard.confidence,
        "Not for prior: least mean greatest probability of the source at the "
        "temperature that was fitted in training.",
        lower=0,
        upper=1,
    )
    consistency: float = option(
        Guard.consistency,
        "For prior: greatest distance of the estimated class shares from those of the "
        "source's labels, in total variation.",
        lower=0,
        upper=1,
    )
    agreement: float = option(
        Guard.agreement,
        "Least share of images that keep their label.",
        lower=0,
        upper=1,
    )


OPTIONS = (AdaptFlags, MethodFlags, GuardFlags, PredictImageFlags)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, reads the photographs and adapts to them."""
    given, method_flags, guard_flags, images = parse(argv, *OPTIONS)
    inputs = _inputs(given)
    require_new_directory(given.output)
    counts = [one.count() for one in inputs]
    total = min(sum(counts), given.max_images)

    import byel_tf.compat  # noqa: F401  (first: TensorFlow without its remarks)
    from byel_tf.adaptation.adapt import adapt
    from byel_tf.adaptation.export import read_source_model, write_adapted
    from byel_tf.serving.load import find_export

    settings = MethodSettings(**dataclasses.asdict(method_flags))
    limits = dataclasses.asdict(guard_flags)
    is_guarded = limits.pop("guard")
    guard = Guard(**limits)
    used = guard if is_guarded else None
    model = read_source_model(find_export(given.model), settings.batch_size)
    classes = model.facts["classes"]
    found = _read(given, images, inputs, model.facts, total)
    if len(found) < guard.least_images(len(classes)):
        raise RunError(
            f"--input has {len(found)} images that can be used, at least "
            f"{guard.least_images(len(classes))} are needed to adapt to, "
            f"{guard.images_per_class} for each of {len(classes)} classes: give more, "
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
    write_adapted(given.output, model, adaptation, settings, used, found.sha256())
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
