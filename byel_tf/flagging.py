"""Frozen dataclasses to absl flags and back, strictly.

Every program's options are one frozen dataclass or several; their fields, types,
defaults, help texts and limits are the only place where a flag is defined. Parsing
uses a `FlagValues` of its own, so that flags of imported libraries stay out.
"""

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from absl import flags

from byel_tf.errors import RunError, UsageError

T = TypeVar("T")


def option(
    default: Any,
    help: str,  # noqa: A002  (absl's own word for it)
    *,
    choices: Sequence[str] | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Any:
    """A dataclass field that becomes a flag.

    Args:
      default: Value without the flag; `dataclasses.MISSING` makes it required.
      help: One or two sentences for `--help` and the flag reference.
      choices: The values a string may take.
      lower: Least number allowed.
      upper: Greatest number allowed.
    """
    metadata = {"help": help, "choices": choices, "lower": lower, "upper": upper}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _base_type(field: dataclasses.Field) -> Any:
    """The flag's value type: `int | None` is an int flag that may stay unset."""
    if typing.get_origin(field.type) is types.UnionType:
        return next(t for t in typing.get_args(field.type) if t is not type(None))
    return field.type


def define_flags(options: type, values: flags.FlagValues) -> None:
    """Defines one flag for each field of a dataclass made with `option`.

    Args:
      options: The dataclass.
      values: Where the flags are registered.

    Raises:
      TypeError: For a field type that has no flag.
    """
    for field in dataclasses.fields(options):
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        limits = {
            "lower_bound": field.metadata["lower"],
            "upper_bound": field.metadata["upper"],
        }
        common = {"flag_values": values, "module_name": options.__name__}
        text = field.metadata["help"]
        kind = _base_type(field)
        if field.metadata["choices"]:
            flags.DEFINE_enum(
                field.name, default, list(field.metadata["choices"]), text, **common
            )
        elif kind is bool:
            flags.DEFINE_boolean(field.name, default, text, **common)
        elif kind is int:
            flags.DEFINE_integer(field.name, default, text, **limits, **common)
        elif kind is float:
            flags.DEFINE_float(field.name, default, text, **limits, **common)
        elif kind is str:
            flags.DEFINE_string(field.name, default, text, **common)
        elif kind == tuple[str, ...]:
            flags.DEFINE_multi_string(field.name, list(default or ()), text, **common)
        else:
            raise TypeError(f"no flag for the field type {kind!r} of {field.name}")
        if required:
            flags.mark_flag_as_required(field.name, flag_values=values)


def collect(options: type[T], values: flags.FlagValues) -> T:
    """Reads one dataclass back from parsed flags."""
    return options(
        **{
            field.name: tuple(values[field.name].value or ())
            if _base_type(field) == tuple[str, ...]
            else values[field.name].value
            for field in dataclasses.fields(options)
        }
    )


def parse(argv: Sequence[str], *options: type) -> tuple[Any, ...]:
    """Parses a command line into dataclasses; nothing unknown passes.

    Args:
      argv: The command line, the program's name first.
      *options: Dataclasses whose fields are the flags.

    Returns:
      One instance for each of `options`, in their order.

    Raises:
      UsageError: For an unknown flag, a value out of its type, choices or range, a
        missing required flag, or an argument that is no flag.
      SystemExit: With code 0 after `--help` has been printed.
    """
    values = flags.FlagValues()
    # absl registers --flagfile on its global flags only.
    flags.DEFINE_string(
        "flagfile", "", "File of flags, one a line.", flag_values=values
    )
    for dataclass in options:
        define_flags(dataclass, values)
    if any(argument in ("--help", "-h", "--helpfull") for argument in argv[1:]):
        print(help_text(argv[0], *options))
        raise SystemExit(0)
    try:
        stray = values(list(argv))[1:]
    except flags.Error as error:
        reason = " ".join(str(error).split())
        raise UsageError(reason.removeprefix("flag ")) from error
    if stray:
        raise UsageError(
            f"unexpected argument '{stray[0]}': every option is --name=value"
        )
    return tuple(collect(dataclass, values) for dataclass in options)


def help_text(program: str, *options: type) -> str:
    """The flags with defaults, limits and help, one paragraph each."""
    lines = [f"usage: {program} [--flagfile=FILE] --name=value ..."]
    for dataclass in options:
        title = (dataclass.__doc__ or dataclass.__name__).splitlines()[0]
        lines += ["", title]
        for field in dataclasses.fields(dataclass):
            lines.append(f"  --{field.name}={describe_values(field)}")
            lines.append(f"      {field.metadata['help']}")
    return "\n".join(lines)


def describe_values(field: dataclasses.Field) -> str:
    """What a flag takes and its default, as `{a,b} (default a)`."""
    kind = _base_type(field)
    if field.metadata["choices"]:
        takes = "{" + ",".join(field.metadata["choices"]) + "}"
    elif kind == tuple[str, ...]:
        takes = "TEXT (repeatable)"
    else:
        takes = {bool: "{true,false}", int: "INTEGER", float: "NUMBER", str: "TEXT"}[
            kind
        ]
    if field.default is dataclasses.MISSING:
        return f"{takes} (required)"
    if field.default in (None, "", ()):
        return takes
    shown = str(field.default).lower() if kind is bool else field.default
    return f"{takes} (default {shown})"


def to_flagfile(*instances: Any) -> str:
    """The effective flags as a text that `--flagfile` reads back.

    Args:
      *instances: Dataclass instances made by `parse`.

    Returns:
      One `--name=value` a line; unset optional flags are left out.
    """
    lines = []
    for instance in instances:
        for field in dataclasses.fields(instance):
            value = getattr(instance, field.name)
            if value is None:
                continue
            if isinstance(value, tuple):
                lines += [f"--{field.name}={item}" for item in value]
            elif isinstance(value, bool):
                lines.append(f"--{field.name}={str(value).lower()}")
            else:
                lines.append(f"--{field.name}={value}")
    return "\n".join(lines) + "\n"


def run_program(main: Callable[[Sequence[str]], None], argv: Sequence[str]) -> int:
    """Runs a program's main; what a user caused is one line, not a stack trace.

    Args:
      main: Takes the command line; raises UsageError or RunError.
      argv: The command line, the program's name first.

    Returns:
      The exit code: 0, 1 for a failure, 2 for wrong usage, 130 when interrupted.
    """
    program = argv[0].rsplit("/", 1)[-1]
    try:
        main(argv)
    except UsageError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    return 0
