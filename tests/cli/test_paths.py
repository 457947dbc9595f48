"""`~` and addresses in the flags of every program, as its `main` parses them."""

import dataclasses
import importlib
import os
import pathlib
import pkgutil
import pwd
import re
import subprocess
import sys
import typing
from unittest import mock

import pytest

import byel_tf.cli
from byel_tf.errors import UsageError
from byel_tf.flagging import PathKind

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

PROGRAMS = [
    module
    for info in pkgutil.iter_modules(byel_tf.cli.__path__)
    if hasattr(module := importlib.import_module(f"byel_tf.cli.{info.name}"), "main")
]

# "program --flag" of all that work on addresses: each has to be shown to.
TAKE_ADDRESSES = {"prepare --beam_staging", "prepare --root"}

# Their help is about paths; their values are regular expressions.
NO_PATHS = {
    *(
        "prepare --label_pattern",
        "prepare --subject_pattern",
        "prepare --label_numbers",
    ),
    *("prepare --path_column", "prepare --label_column"),
    *("prepare --split_column", "prepare --subject_column"),
}


class Stop(Exception):
    """Raised in place of what comes after the command line is parsed."""


def dataclasses_of(program):
    spy = mock.Mock(side_effect=Stop)
    with mock.patch.object(program, "parse", spy), pytest.raises(Stop):
        program.main(["program"])
    return spy.call_args.args[1:], spy.call_args.kwargs.get("positional")


@dataclasses.dataclass(frozen=True)
class Flag:
    program: object
    field: dataclasses.Field
    positional: str | None

    def __str__(self):
        return f"{self.program.__name__.rpartition('.')[2]} --{self.field.name}"

    @property
    def shown(self):
        """What messages call it."""
        name = self.field.name
        return name.upper() if name == self.positional else f"--{name}"

    @property
    def is_text(self):
        return "str" in str(self.field.type) and not self.field.metadata["choices"]

    def others(self):
        """The other flags that the program cannot do without."""
        return [
            f"--{field.name}={(field.metadata['choices'] or 'x')[0]}"
            for dataclass in dataclasses_of(self.program)[0]
            for field in dataclasses.fields(dataclass)
            if field.default is dataclasses.MISSING and field.name != self.field.name
        ]

    def parsed(self, value, arguments=None):
        """Every value of the flag that the program's main gets."""
        arguments = arguments or [f"--{self.field.name}={value}"]
        argv = ["program", *self.others(), *arguments]
        parse, results = self.program.parse, []

        def parse_and_stop(*arguments, **options):
            results.extend(parse(*arguments, **options))
            raise Stop

        stopping = mock.patch.object(self.program, "parse", parse_and_stop)
        with stopping, pytest.raises(Stop):
            self.program.main(argv)
        (result,) = (r for r in results if hasattr(r, self.field.name))
        found = getattr(result, self.field.name)
        return found if isinstance(found, tuple) else (found,)


FLAGS = [
    Flag(program, field, positional)
    for program in PROGRAMS
    for options, positional in [dataclasses_of(program)]
    for dataclass in options
    for field in dataclasses.fields(dataclass)
]
PATHS = [flag for flag in FLAGS if flag.field.metadata["path"]]
NAMED = [flag for flag in PATHS if flag.field.metadata["path"] == "named"]
LOCAL = [flag for flag in PATHS if str(flag) not in TAKE_ADDRESSES]


def each(flags):
    return pytest.mark.parametrize("flag", flags, ids=str)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_program_is_here():
    assert {program.__name__.rpartition(".")[2] for program in PROGRAMS} >= {
        *("evaluate", "export", "inspect", "predict", "prepare", "synthesize"),
        "train",
    }
    assert len(PATHS) >= 27


@each([flag for flag in FLAGS if flag.is_text])
def test_what_speaks_of_files_is_marked_as_a_path(flag):
    name, text = flag.field.name, flag.field.metadata["help"]
    of_files = re.search(r"folder|\bfiles?\b|\bpaths?\b|\btable\b|\bRUN/", text, re.I)
    named_so = re.search(r"(dir|data|input|output|model|root|file|from)$", name)
    is_path = str(flag) not in NO_PATHS and bool(of_files or named_so)
    assert bool(flag.field.metadata["path"]) == is_path


@each(PATHS)
def test_kind_is_one_that_there_is(flag):
    assert flag.is_text
    kind = flag.field.metadata["path"]
    assert kind in typing.get_args(PathKind)
    assert (kind == "any") == (str(flag) in TAKE_ADDRESSES)
    assert (kind == "named") == ("[NAME=]FOLDER" in flag.field.metadata["help"])


@each(PATHS)
def test_home(flag, home):
    assert flag.parsed("~/a b/c=d") == (f"{home}/a b/c=d",)
    assert flag.parsed("~") == (str(home),)


@each(PATHS)
def test_home_of_a_user(flag):
    user = pwd.getpwall()[0]
    assert flag.parsed(f"~{user.pw_name}/x") == (f"{user.pw_dir.rstrip('/')}/x",)


@each(PATHS)
def test_home_in_a_flagfile(flag, home):
    (home / "run.cfg").write_text(f"--{flag.field.name}=~/x\n")
    assert flag.parsed(None, ["--flagfile=~/run.cfg"]) == (f"{home}/x",)


@each([flag for flag in PATHS if "tuple" in str(flag.field.type)])
def test_home_in_each_of_several(flag, home):
    arguments = [f"--{flag.field.name}={value}" for value in ("~/x", "y", "~/z")]
    assert flag.parsed(None, arguments) == (f"{home}/x", "y", f"{home}/z")


@each([flag for flag in PATHS if flag.field.name == flag.positional])
def test_positional_argument(flag, home):
    assert flag.parsed(None, ["~/x"]) == (f"{home}/x",)
    with pytest.raises(UsageError, match="^DATA=gs://bucket/x is an address: "):
        flag.parsed(None, ["gs://bucket/x"])


@each(NAMED)
def test_home_after_a_name(flag, home):
    assert flag.parsed("real=~/x") == (f"real={home}/x",)
    assert flag.parsed("~=x") == ("~=x",)


@each(PATHS)
def test_unknown_user(flag):
    value = "~nobody.of-that-name/x"
    with pytest.raises(UsageError) as caught:
        flag.parsed(value)
    assert str(caught.value) == (
        f"{flag.shown}={value}: no home folder is known for "
        f"~nobody.of-that-name; for a folder or file of that name write ./{value}"
    )


@each(PATHS)
@pytest.mark.parametrize("value", ["built-in", "-", "x/~/y", "./~", "/x://y", "x~"])
def test_what_stays_as_it_is(flag, value):
    assert flag.parsed(value) == (value,)


@each(LOCAL)
@pytest.mark.parametrize("scheme", ["gs", "s3", "hdfs", "http", "https", "file", "GS"])
def test_address(flag, scheme):
    with pytest.raises(UsageError) as caught:
        flag.parsed(f"{scheme}://bucket/x=y")
    assert str(caught.value) == (
        f"{flag.shown}={scheme}://bucket/x=y is an address: expected a path in a local "
        "or mounted folder"
    )


@each(NAMED)
def test_address_after_a_name(flag):
    with pytest.raises(UsageError, match="=real=gs://bucket/x is an address: "):
        flag.parsed("real=gs://bucket/x")


@each([flag for flag in PATHS if str(flag) in TAKE_ADDRESSES])
def test_address_where_it_is_taken(flag):
    assert flag.parsed("gs://bucket/~/x") == ("gs://bucket/~/x",)


@each([flag for flag in FLAGS if flag.is_text and not flag.field.metadata["path"]])
def test_what_is_no_path_stays_as_it_is(flag):
    assert flag.parsed("~/x") == ("~/x",)
    assert flag.parsed("gs://bucket/x") == ("gs://bucket/x",)


@pytest.mark.parametrize(
    "program",
    [one for one in PROGRAMS if any(flag.program is one for flag in LOCAL)],
    ids=lambda program: program.__name__,
)
def test_refused_in_one_line_before_tensorflow_is_imported(program, tmp_path):
    flag = next(flag for flag in LOCAL if flag.program is program)
    code = (
        f"import sys, {program.__name__} as program\n"
        "code = program.run()\n"
        "print(code, 'tensorflow' in sys.modules)"
    )
    argument = f"--{flag.field.name}=gs://bucket/x"
    done = subprocess.run(
        [sys.executable, "-c", code, *flag.others(), argument],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2 False\n", done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{flag.shown}=gs://bucket/x is an address: " in done.stderr
    assert list(tmp_path.iterdir()) == []
