"""From the words of `--variant` and `--common` to checked command lines."""

import dataclasses
import re
import shlex
from collections.abc import Iterator, Sequence

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.errors import RunError, UsageError
from byel_tf.flagging import parse

# Flags that the comparison itself gives to every run.
_GIVEN = ("model_dir", "seed")
_SAME_PRECISIONS = ({"auto", "float32"}, {"auto", "mixed_bfloat16"})


@dataclasses.dataclass(frozen=True)
class Variant:
    """What is compared.

    Attributes:
      name: Its name in tables and files.
      flagfiles: Its flagfiles, before the common flags.
      flags: Its own flags, after the common flags.
    """

    name: str
    flagfiles: tuple[str, ...]
    flags: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
      variant: Name of its variant.
      seed: Its seed.
      arguments: The flags as `train_main.py` gets them.
      config: What they mean.
    """

    variant: str
    seed: int
    arguments: tuple[str, ...]
    config: TrainingConfig

    @property
    def name(self) -> str:
        """Name of its files."""
        return run_name(self.variant, self.seed)


def run_name(variant: str, seed: int) -> str:
    """Name of a run's files."""
    return f"{variant}-seed{seed}"


def parse_variants(texts: Sequence[str]) -> list[Variant]:
    """Reads every `--variant`: `NAME=FLAGFILE … --flag=value …`.

    Raises:
      UsageError: If there is none, one has another form, or a name stands twice.
    """
    variants = []
    for text in texts:
        name, separator, rest = text.partition("=")
        if not separator or not re.fullmatch(r"\w[\w.-]*", name):
            raise UsageError(
                f"--variant={text}: expected NAME=FLAGS, such as "
                "--variant='own=flags/own.cfg --width=0.5', with a name of "
                "letters, digits, '_', '-' and '.'"
            )
        if name in (variant.name for variant in variants):
            raise UsageError(f"two variants are named '{name}': rename one of them")
        words = _split(rest, f"--variant={text}")
        leading = next(
            (i for i, word in enumerate(words) if word.startswith("-")), len(words)
        )
        flags = _require_flags(words[leading:], f"--variant={text}")
        variants.append(Variant(name, words[:leading], flags))
    if not variants:
        raise UsageError("--variant is missing: give one for each recipe to compare")
    return variants


def parse_common(texts: Sequence[str]) -> tuple[str, ...]:
    """Reads every `--common`: flags of all runs.

    Raises:
      UsageError: If a word is no flag.
    """
    return tuple(
        word
        for text in texts
        for word in _require_flags(_split(text, f"--common={text}"), f"--common={text}")
    )


def parse_seeds(text: str) -> tuple[int, ...]:
    """Reads `--seeds`.

    Raises:
      UsageError: If they are not distinct integers of at least 0.
    """
    words = text.split(",")
    if not all(re.fullmatch(r"[0-9]+", word) for word in words):
        raise UsageError(f"--seeds={text}: expected integers of at least 0, as 1,2,3")
    seeds = tuple(int(word) for word in words)
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds={text}: a seed stands twice")
    return seeds


def _split(text: str, origin: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"{origin}: {str(error).lower()}; words are split as in a shell"
        ) from error


def _require_flags(words: Sequence[str], origin: str) -> tuple[str, ...]:
    for word in words:
        if not word.startswith("--") or word == "--":
            raise UsageError(
                f"{origin}: unexpected '{word}', every flag is --name=value"
            )
        name = word[2:].partition("=")[0]
        if name in _GIVEN:
            raise UsageError(
                f"{origin}: --{name} is given by the comparison (see --output, --seeds)"
            )
    return tuple(words)


def describe(variant: Variant, common: Sequence[str]) -> str:
    """A variant's flags in the order in which they count, as a shell takes them."""
    files = (f"--flagfile={name}" for name in variant.flagfiles)
    return shlex.join([*files, *common, *variant.flags])


def plan_run(variant: Variant, common: Sequence[str], seed: int, model_dir: str) -> Run:
    """Puts a run's command line together and checks it.

    Of a flag that stands several times the last one counts: first the variant's
    flagfiles, then the common flags, then the variant's own. `{seed}` stands for the
    seed everywhere.

    Args:
      variant: The variant.
      common: Flags of all runs.
      seed: The seed.
      model_dir: The run's folder.

    Raises:
      UsageError: If `train_main.py` would not take it.
    """
    words = [f"--flagfile={name}" for name in variant.flagfiles]
    words += [*common, *variant.flags]
    words = [word.replace("{seed}", str(seed)) for word in words]
    words += [f"--model_dir={model_dir}", f"--seed={seed}"]
    try:
        config = TrainingConfig(*parse(["train_main.py", *words], *TRAINING_OPTIONS))
    except UsageError as error:
        raise UsageError(f"variant {variant.name}: {error}") from error
    return Run(variant.name, seed, tuple(words), config)


def flag_differences(
    first: TrainingConfig, second: TrainingConfig
) -> Iterator[tuple[str, object, object]]:
    """Flags in which two runs differ besides folder and seed: name and both values."""
    for group in dataclasses.fields(TrainingConfig):
        one, other = getattr(first, group.name), getattr(second, group.name)
        for field in dataclasses.fields(one):
            values = getattr(one, field.name), getattr(other, field.name)
            if field.name not in _GIVEN and values[0] != values[1]:
                yield field.name, *values


def shown(value: object) -> str:
    """A flag's value as on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(value) or "(none)"
    return "(unset)" if value in (None, "") else str(value)


def require_same_definition(run: Run, flags: Sequence[str], origin: str) -> None:
    """Refuses to mix runs of one variant under different flags.

    A flag that did not exist then counts as at its default. `--precision=auto` is what
    it may stand for.

    Args:
      run: The run as it is defined now.
      flags: Lines of the `flags.cfg` of an earlier run of its variant and seed.
      origin: Where they are from, for errors.

    Raises:
      RunError: If they mean something else.
    """
    way_out = "give the variant another name, or choose another --output"
    try:
        before = TrainingConfig(*parse(["flags.cfg", *flags], *TRAINING_OPTIONS))
    except UsageError as error:
        raise RunError(
            f"variant {run.variant}: {origin} is from other options ({error}): "
            f"{way_out}"
        ) from error
    for name, was, now in flag_differences(before, run.config):
        if name == "precision" and {was, now} in _SAME_PRECISIONS:
            continue
        raise RunError(
            f"variant {run.variant} was run with --{name}={shown(was)} ({origin}), "
            f"now it is {shown(now)}: {way_out}"
        )
