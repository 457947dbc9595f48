"""Frozen dataclasses to absl flags and back, strictly.

Every program's options are one frozen dataclass or several; their fields, types,
defaults, help texts and limits are the only place where a flag is defined. Parsing
uses a `FlagValues` of its own, so that flags of imported libraries stay out.
"""

import dataclasses
import difflib
import math
import os
import re
import sys
import types
import typing
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

from absl import flags

from byel_tf.errors import UsageError
from byel_tf.flagfiles import read_flagfile, to_line

T = TypeVar("T")

#: What a path flag takes: a path; a path after an optional name, as `[NAME=]FOLDER`; or
#: a path or an address, as gs://bucket/folder.
PathKind = Literal["local", "named", "any"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def option(
    default: Any,
    help: str,  # noqa: A002  (absl's own word for it)
    *,
    choices: Sequence[str] | Sequence[int] | None = None,
    lower: float | None = None,
    upper: float | None = None,
    path: PathKind | None = None,
) -> Any:
    """A dataclass field that becomes a flag.

    Args:
      default: Value without the flag; `dataclasses.MISSING` makes it required.
      help: One or two sentences for `--help` and the flag reference.
      choices: The values a string or an integer may take.
      lower: Least number allowed.
      upper: Greatest number allowed.
      path: Set if the text is, or may be, a path: `~` and `~user` in it are replaced,
        as a shell leaves them in `--name=~/folder`, and addresses are refused unless
        it is "any".
    """
    metadata = {
        "help": help,
        "choices": choices,
        "lower": lower,
        "upper": upper,
        "path": path,
    }
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING


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
        default = None if _is_required(field) else field.default
        limits = {
            "lower_bound": field.metadata["lower"],
            "upper_bound": field.metadata["upper"],
        }
        common = {"flag_values": values, "module_name": options.__name__}
        text = field.metadata["help"]
        kind = _base_type(field)
        if field.metadata["choices"] and kind is str:
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


def parse(
    argv: Sequence[str], *options: type, positional: str | None = None
) -> tuple[Any, ...]:
    """Parses a command line into dataclasses; nothing unknown passes.

    A flag given twice takes its last value, so that a command line can override the
    flagfile before it; a repeatable one takes them all.

    Args:
      argv: The command line, the program's name first.
      *options: Dataclasses whose fields are the flags.
      positional: Name of the text flag that an argument without a flag's name sets.

    Returns:
      One instance for each of `options`, in their order.

    Raises:
      UsageError: For an unknown flag, a value out of its type, choices or range, a
        missing required flag, a flagfile that cannot be read, an argument that is no
        flag, or a path that is an address or in the home of an unknown user.
      SystemExit: With code 0 after `--help` has been printed.
    """
    values = flags.FlagValues()
    for dataclass in options:
        define_flags(dataclass, values)
    if any(argument in _HELP_ARGUMENTS for argument in argv[1:]):
        show(help_text(program_name(argv[0]), *options, positional=positional))
        raise SystemExit(0)
    arguments = list(_expand_flagfiles(map(_Argument, argv[1:])))
    fields = {f.name: f for d in options for f in dataclasses.fields(d)}
    # absl lets every flag pass that --undefok names.
    for argument in arguments:
        if argument.flag == "undefok":
            raise UsageError(
                f"unknown flag --undefok{argument.origin}: --help lists the flags"
            )
    try:
        stray = values([argv[0], *(argument.text for argument in arguments)])[1:]
    except (flags.Error, ValueError) as error:
        raise UsageError(_explain(error, fields, arguments)) from error
    if stray and positional and not values[positional].present:
        values[positional].parse(stray.pop(0))
    if stray:
        origin = next((a.origin for a in reversed(arguments) if a.text == stray[0]), "")
        option_form = "every option is --name=value"
        if positional:
            option_form = f"one {positional.upper()} is expected, and {option_form}"
        raise UsageError(f"unexpected argument '{stray[0]}'{origin}: {option_form}")
    for field in fields.values():
        name = field.name.upper() if field.name == positional else f"--{field.name}"
        flag = values[field.name]

        def shown(value: Any, field: dataclasses.Field = field, name: str = name):
            return f"{name}={value}{_origin(arguments, field.name, value)}"

        flag.value = _with_home(shown, flag.value, field.metadata["path"])
        _require_usable(field, name, flag.value, shown)
    return tuple(collect(dataclass, values) for dataclass in options)


_HELP_ARGUMENTS = ("--help", "-help", "-h", "--helpfull", "--helpshort")


@dataclasses.dataclass(frozen=True)
class _Argument:
    """An argument, and where it stands if in a file."""

    text: str
    origin: str = ""

    @property
    def flag(self) -> str:
        """The name of the flag that it sets, or nothing."""
        name, _, _ = self.text.partition("=")
        return name.lstrip("-") if name.startswith("-") else ""


def _origin(arguments: Sequence[_Argument], name: str, value: Any = None) -> str:
    """Where a flag got its value, as words, if in a file."""
    named = [a for a in arguments if a.flag in (name, f"no{name}")]
    exact = [a for a in named if a.text.endswith(f"={value}")]
    return next((a.origin for a in reversed(exact or named)), "")


def _expand_flagfiles(
    arguments: Iterator[_Argument], opened: tuple[str, ...] = ()
) -> Iterator[_Argument]:
    """The arguments, flagfiles replaced by what they hold.

    absl's own expansion passes over a file that includes itself, and over an empty
    name.
    """
    for argument in arguments:
        if argument.text == "--":
            yield argument
            yield from arguments
        elif argument.flag != "flagfile":
            yield argument
        else:
            origin = argument.origin
            _, separator, path = argument.text.partition("=")
            path = path if separator else next(arguments, _Argument("")).text
            path = _with_home(lambda p, o=origin: f"--flagfile={p}{o}", path, "local")
            if not path:
                raise UsageError(f"--flagfile{origin} needs a file's name")
            if os.path.realpath(path) in map(os.path.realpath, opened):
                raise UsageError(f"--flagfile={path}{origin} includes itself")
            lines = (
                _Argument(text, f" (in {path}, line {number})")
                for text, number in read_flagfile(path)
            )
            yield from _expand_flagfiles(lines, (*opened, path))


def _explain(
    error: Exception,
    fields: dict[str, dataclasses.Field],
    arguments: Sequence[_Argument],
) -> str:
    """What absl found, with what was expected and where it stands."""
    if isinstance(error, flags.UnrecognizedFlagError):
        name = error.flagname
        origin = _origin(arguments, name)
        similar = difflib.get_close_matches(name, fields)
        advice = f"did you mean --{similar[0]}=VALUE? " if similar else ""
        return f"unknown flag --{name}{origin}: {advice}--help lists the flags"
    reason = " ".join(str(error).split())
    name = next((n for n in fields if f"--{n}=" in reason.split(": ")[0]), None)
    if isinstance(error, flags.IllegalFlagValueError) and name:
        cause = " ".join(str(error.__context__).split())
        given = reason.removeprefix("flag ").removesuffix(f": {cause}")
        origin = _origin(arguments, name, given.partition("=")[2])
        return f"{given}{origin}: expected {_expected(fields[name])}"
    return f"{reason.removeprefix('flag ')}: every option is --name=value"


def _with_home(shown: Callable[[Any], str], value: Any, kind: PathKind | None) -> Any:
    """The value of a flag, or each of several, with `~` and `~user` replaced.

    Args:
      shown: How a message calls the flag with a value.
      value: The value.
      kind: Of the flag.

    Raises:
      UsageError: For an address where none can be opened, or a user without a home.
    """
    if isinstance(value, list):
        return [_with_home(shown, text, kind) for text in value]
    if value is None or kind is None:
        return value
    label, path = "", value
    if kind == "named":
        before, separator, after = value.partition("=")
        if separator and before and os.sep not in before:
            label, path = before + separator, after
    if kind != "any" and _ADDRESS.match(path):
        raise UsageError(
            f"{shown(value)} is an address: expected a path in a local or mounted "
            "folder"
        )
    try:
        expanded = os.path.expanduser(path)
    except ValueError:  # a null in the user's name
        expanded = path
    if expanded.startswith("~"):
        user = path.split(os.sep)[0]
        raise UsageError(
            f"{shown(value)}: no home folder is known for {user}; for a folder or file "
            f"of that name write {label}.{os.sep}{path}"
        )
    return label + expanded


def _require_usable(
    field: dataclasses.Field, name: str, value: Any, shown: Callable[[Any], str]
) -> None:
    """Refuses what absl accepts and nothing later can use.

    Args:
      field: The flag's.
      name: What the flag is called.
      value: Its value.
      shown: How a message calls the flag with a value.

    Raises:
      UsageError: For a missing required flag, an empty name, a number that is not
        finite or not among its choices, or a text that a line of `flags.cfg` cannot
        hold.
    """
    kind = _base_type(field)
    if _is_required(field) and value in (None, ""):
        raise UsageError(f"{name} is missing: {field.metadata['help']}")
    is_number = kind in (int, float) and value is not None
    choices = field.metadata["choices"]
    if is_number and (not math.isfinite(value) or (choices and value not in choices)):
        raise UsageError(f"{shown(value)}: expected {_expected(field)}")
    texts = value or () if kind == tuple[str, ...] else (value,)
    for text in texts:
        if not isinstance(text, str):
            continue
        if kind == tuple[str, ...] and not text:
            raise UsageError(f"{shown(text)} is empty: {field.metadata['help']}")
        # Surrogates (Cs) stand for bytes of the command line that are not UTF-8.
        unusable = any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
        if unusable or text != text.strip() or len(text.splitlines()) > 1:
            raise UsageError(
                f"{shown(text)}: expected UTF-8 text without line breaks, control "
                "characters or outer spaces; rename it"
            )


def _expected(field: dataclasses.Field) -> str:
    """What a flag takes, in words."""
    if field.metadata["choices"]:
        return "one of " + ", ".join(map(str, field.metadata["choices"]))
    kind = _base_type(field)
    lower, upper = field.metadata["lower"], field.metadata["upper"]
    noun = {bool: "true or false", int: "an integer", float: "a finite number"}
    words = noun.get(kind, "a text")
    if lower is not None and upper is not None:
        return f"{words} from {lower} to {upper}"
    if lower is not None:
        return f"{words} of at least {lower}"
    return words if upper is None else f"{words} of at most {upper}"


def show(text: str) -> None:
    """Prints a text of which, as with `--help | head`, not all need be read."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is still held would be written at exit, and complained about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def program_name(path: str) -> str:
    """What a program is called, of the path by which it was started."""
    return re.split(r"[\\/]", path)[-1].removesuffix(".exe")


def help_text(program: str, *options: type, positional: str | None = None) -> str:
    """The flags with defaults, limits and help, one paragraph each."""
    argument = f" {positional.upper()}" if positional else ""
    lines = [f"usage: {program}{argument} [--flagfile=FILE] --name=value ..."]
    for dataclass in options:
        title = (dataclass.__doc__ or dataclass.__name__).splitlines()[0]
        lines += ["", title]
        for field in dataclasses.fields(dataclass):
            shown = describe_values(field)
            if field.name == positional:
                lines.append(f"  {field.name.upper()} or --{field.name}={shown}")
            else:
                lines.append(f"  --{field.name}={shown}")
            lines.append(f"      {field.metadata['help']}")
    return "\n".join(lines)


def markdown_reference(*options: type) -> str:
    """The same as `help_text`, as a Markdown table for each group of flags."""
    lines = []
    for dataclass in options:
        title = (dataclass.__doc__ or dataclass.__name__).splitlines()[0].rstrip(".")
        lines += [f"**{title}**", "", "| flag | values | meaning |", "|---|---|---|"]
        for field in dataclasses.fields(dataclass):
            values = describe_values(field).replace("|", "\\|")
            meaning = field.metadata["help"].replace("|", "\\|")
            lines.append(f"| `--{field.name}` | {values} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def describe_values(field: dataclasses.Field) -> str:
    """What a flag takes and its default, as `{a,b} (default a)`."""
    kind = _base_type(field)
    if field.metadata["choices"]:
        takes = "{" + ",".join(map(str, field.metadata["choices"])) + "}"
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
                lines += [to_line(field.name, item) for item in value]
            elif isinstance(value, bool):
                lines.append(f"--{field.name}={str(value).lower()}")
            else:
                lines.append(to_line(field.name, str(value)))
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """The text with line breaks and control characters, as of file names, escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
