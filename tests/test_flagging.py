import dataclasses
import os
import pwd

import pytest

from byel_tf.errors import UsageError
from byel_tf.flagging import describe_values, option, parse, to_flagfile


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the test."""

    folder: str = option(dataclasses.MISSING, "Where it goes.")
    size: int = option(8, "Side.", lower=2, upper=64)
    steps: int | None = option(None, "Steps.", lower=1)
    rate: float = option(0.5, "Rate.", lower=0)
    kind: str = option("b", "Kind.", choices=("a", "b"))
    depth: int = option(3, "Depth.", choices=(1, 3))
    quick: bool = option(True, "Whether to hurry.")
    extra: tuple[str, ...] = option((), "More.")
    note: str = option("", "A note.")


def parsed(*arguments):
    (options,) = parse(["program", "--folder=out", *arguments], Options)
    return options


def refused(*arguments, folder="--folder=out"):
    with pytest.raises(UsageError) as caught:
        parse(["program", folder, *arguments], Options)
    return str(caught.value)


@pytest.fixture
def flagfile(tmp_path):
    def write(content, name="run.cfg"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return f"--flagfile={file}"

    return write


def test_defaults():
    assert parsed() == Options(folder="out")


def test_every_type():
    assert parsed(
        "--size=3",
        "--steps=7",
        "--rate=1e-3",
        "--kind=a",
        "--depth=1",
        "--noquick",
        "--extra=x",
        "--extra=y",
        "--note=ünï, a=b",
    ) == Options("out", 3, 7, 1e-3, "a", 1, False, ("x", "y"), "ünï, a=b")


def test_value_may_follow_its_name():
    assert parsed("--size", "3").size == 3


def test_last_value_wins():
    assert parsed("--size=3", "--size=4").size == 4


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--size=1", "--size=1: expected an integer from 2 to 64"),
        ("--size=65", "--size=65: expected an integer from 2 to 64"),
        ("--size=big", "--size=big: expected an integer from 2 to 64"),
        ("--size=4.0", "--size=4.0: expected an integer from 2 to 64"),
        ("--size=", "--size=: expected an integer from 2 to 64"),
        ("--steps=0", "--steps=0: expected an integer of at least 1"),
        ("--rate=-1", "--rate=-1: expected a finite number of at least 0"),
        ("--rate=nan", "--rate=nan: expected a finite number of at least 0"),
        ("--rate=inf", "--rate=inf: expected a finite number of at least 0"),
        ("--kind=c", "--kind=c: expected one of a, b"),
        ("--kind=A", "--kind=A: expected one of a, b"),
        ("--depth=2", "--depth=2: expected one of 1, 3"),
        ("--depth=deep", "--depth=deep: expected one of 1, 3"),
        ("--quick=maybe", "--quick=maybe: expected true or false"),
        ("--extra=", "--extra= is empty: More."),
    ],
)
def test_value_that_cannot_be_meant(argument, expected):
    assert refused(argument) == expected


@pytest.mark.parametrize(
    "argument", ["--sise=3", "--siz=3", "--nofolder", "--=3", "-?", "--v=1", "--pdb"]
)
def test_unknown_flag(argument):
    assert argument.partition("=")[0].lstrip("-") in refused(argument)


def test_unknown_flag_says_what_is_near():
    assert "did you mean --size=VALUE?" in refused("--sise=3")


def test_undefok_lets_nothing_pass(flagfile):
    assert "unknown flag --undefok" in refused("--undefok=nope", "--nope=1")
    assert "--undefok" in refused(flagfile("--undefok=nope\n--nope=1\n"))


@pytest.mark.parametrize(
    "arguments", [("stray",), ("--", "stray"), ("-",), ("--size=3", "stray")]
)
def test_stray_argument(arguments):
    message = refused(*arguments)
    assert message.startswith(f"unexpected argument '{arguments[-1]}'")


@dataclasses.dataclass(frozen=True)
class Positional:
    """Options with an argument that needs no name."""

    data: str = option(dataclasses.MISSING, "What to read.")
    check: bool = option(False, "Whether to check.")
    size: int = option(8, "Side.")


def parsed_positional(*arguments):
    (options,) = parse(["program", *arguments], Positional, positional="data")
    return options


@pytest.mark.parametrize(
    "arguments",
    [
        ("in", "--check", "--size=3"),
        ("--check", "in", "--size=3"),
        ("--check", "--size", "3", "in"),
        ("--check", "--size=3", "--", "in"),
        ("--data=in", "--check", "--size=3"),
        ("--size=3", "--check", "--data", "in"),
    ],
)
def test_positional_argument(arguments):
    assert parsed_positional(*arguments) == Positional("in", True, 3)


def test_positional_argument_of_a_flagfile(flagfile):
    assert parsed_positional(flagfile("in\n--check\n")) == Positional("in", True)


def test_positional_argument_like_a_flag():
    assert parsed_positional("--", "--check").data == "--check"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "DATA is missing: What to read."),
        (("--check",), "DATA is missing: What to read."),
        (("",), "DATA is missing: What to read."),
        (("--data=",), "DATA is missing: What to read."),
        (("a", "b"), "unexpected argument 'b': one DATA is expected, and every option"),
        (("a", "--check", "b"), "unexpected argument 'b': one DATA is expected"),
        (("--data=a", "b"), "unexpected argument 'b': one DATA is expected"),
        (("a", "--chek"), "unknown flag --chek: did you mean --check=VALUE?"),
        (("a", "--undefok=b", "--b"), "unknown flag --undefok"),
        ((" a",), "DATA= a: expected UTF-8 text without line breaks"),
        (("a", "--size=x"), "--size=x: expected an integer"),
    ],
)
def test_positional_argument_that_cannot_be_meant(arguments, expected):
    with pytest.raises(UsageError) as caught:
        parsed_positional(*arguments)
    assert str(caught.value).startswith(expected)


def test_help_shows_the_positional_argument(capsys):
    with pytest.raises(SystemExit):
        parsed_positional("--help")
    shown = capsys.readouterr().out
    assert shown.startswith("usage: program DATA [--flagfile=FILE] --name=value ...\n")
    assert "  DATA or --data=TEXT (required)\n      What to read.\n" in shown


def test_missing_value():
    assert "--size" in refused("--size")


def test_switch_takes_no_value_after_no():
    assert "--noquick=true" in refused("--noquick=true")


@pytest.mark.parametrize("folder", ["--folder=", "--size=3"])
def test_required_flag(folder):
    assert refused(folder=folder) == "--folder is missing: Where it goes."


@pytest.mark.parametrize(
    "text", ["a\nb", "a\x1b[31m", "a\u2028b", " a", "a ", os.fsdecode(b"a\xff")]
)
def test_text_that_a_flagfile_cannot_hold(text):
    assert "--note=" in refused(f"--note={text}")


def test_flagfile(flagfile):
    argument = flagfile("# a comment\n// another\n\n  --size=3  \n--noquick\n")
    assert parsed(argument) == Options("out", size=3, quick=False)


def test_flagfile_in_a_flagfile(flagfile):
    inner = flagfile("--size=3\n--kind=a\n", "inner.cfg")
    assert parsed(flagfile(f"{inner}\n--size=5\n")) == Options("out", size=5, kind="a")


def test_order_decides_between_flagfile_and_command_line(flagfile):
    argument = flagfile("--size=3\n")
    assert parsed(argument, "--size=5").size == 5
    assert parsed("--size=5", argument).size == 3


def test_flagfile_after_its_name(flagfile):
    assert parsed(*flagfile("--size=3\n").split("=", 1)).size == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--nope=1", "unknown flag --nope (in "),
        ("--size five", "--size=five (in "),
        ("--size=nan", "--size=nan (in "),
        ("--rate=nan", "--rate=nan (in "),
        ("--depth=2", "--depth=2 (in "),
        ("--extra=", "--extra= (in "),
        ("--sise 5", "unknown flag --sise (in "),
        ("--note=a\x1bb", "--note=a\x1bb (in "),
        ("stray", "unexpected argument 'stray' (in "),
        ("--flagfile=", "--flagfile (in "),
    ],
)
def test_bad_line_of_a_flagfile_is_named_with_its_file(flagfile, line, expected):
    message = refused(flagfile(f"--size=4\n{line}\n"))
    assert message.startswith(expected)
    assert "run.cfg, line 2)" in message


def test_a_value_is_named_with_the_place_it_is_from(flagfile):
    first = flagfile("--size=4\n\n--depth=2\n", "first.cfg")
    second = flagfile("--depth=1\n", "second.cfg")
    assert "line" not in refused(second, "--depth=2")
    assert "line" not in refused(second, "--depth", "2")
    message = refused(flagfile("--size=big\n", "third.cfg"), "--size=4")
    assert message.startswith("--size=big (in ") and "third.cfg, line 1)" in message
    message = refused(second, flagfile(f"--kind=a\n{first}\n"))
    assert message.startswith("--depth=2 (in ") and "first.cfg, line 3)" in message


def test_flagfile_that_is_missing(tmp_path):
    file = tmp_path / "none.cfg"
    expected = f"--flagfile={file} cannot be read: No such file or directory"
    assert refused(f"--flagfile={file}") == expected


@pytest.mark.parametrize("arguments", [("--flagfile=",), ("--flagfile",)])
def test_flagfile_without_name(arguments):
    assert refused(*arguments) == "--flagfile needs a file's name"


def test_flagfile_that_is_a_folder(tmp_path):
    assert "Is a directory" in refused(f"--flagfile={tmp_path}")


def test_flagfile_that_is_no_text(flagfile):
    message = refused(flagfile(b"--size=3\n--note=M\xfcller\n"))
    assert "run.cfg, line 2: this is not UTF-8 text" in message
    assert "UTF-8" in refused(flagfile("--size=3".encode("utf-16-le")))


def test_flagfile_that_includes_itself(flagfile, tmp_path):
    message = refused(flagfile(f"--flagfile={tmp_path}/run.cfg\n"))
    assert message.endswith("includes itself")


def test_flagfile_round_trip(flagfile):
    options = Options("öut", 3, 9, 0.1, "a", 1, False, ("x=1", "y z"), "# no comment")
    argument = flagfile(to_flagfile(options))
    assert parse(["program", argument], Options) == (options,)
    unset = Options("out")
    assert parse(["program", flagfile(to_flagfile(unset))], Options) == (unset,)


@dataclasses.dataclass(frozen=True)
class Paths:
    """Paths and what looks like one."""

    folder: str = option("", "Where.", path="local")
    data: tuple[str, ...] = option((), "What.", path="named")
    staging: str | None = option(None, "Between.", path="any")
    note: str = option("", "A note.")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return str(tmp_path)


def parsed_paths(*arguments, positional=None):
    (paths,) = parse(["program", *arguments], Paths, positional=positional)
    return paths


def refused_paths(*arguments, positional=None):
    with pytest.raises(UsageError) as caught:
        parsed_paths(*arguments, positional=positional)
    return str(caught.value)


def test_paths_that_are_not_given():
    assert parsed_paths() == Paths()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--folder=~", Paths("{home}")),
        ("--folder=~/x", Paths("{home}/x")),
        ("--folder=~//x/", Paths("{home}//x/")),
        ("--folder=a=~/x", Paths("a=~/x")),  # takes no name
        ("--folder=./~/x", Paths("./~/x")),
        ("--folder=x~", Paths("x~")),
        ("--folder=-", Paths("-")),
        ("--folder=./gs://x", Paths("./gs://x")),
        ("--folder=gs:/x", Paths("gs:/x")),
        ("--data=~/x", Paths(data=("{home}/x",))),
        ("--data=a=~/x", Paths(data=("a={home}/x",))),
        ("--data=~/a=b", Paths(data=("{home}/a=b",))),
        ("--data=a/b=~/x", Paths(data=("a/b=~/x",))),  # as split_name: no name
        ("--data=~a=x", Paths(data=("~a=x",))),
        ("--data=a=", Paths(data=("a=",))),
        ("--staging=~/x", Paths(staging="{home}/x")),
        ("--staging=gs://bucket/x", Paths(staging="gs://bucket/x")),
        ("--note=~/x", Paths(note="~/x")),
        ("--note=gs://bucket/x", Paths(note="gs://bucket/x")),
    ],
)
def test_home(home, argument, expected):
    assert repr(parsed_paths(argument)) == repr(expected).replace("{home}", home)


def test_home_of_a_user():
    user = pwd.getpwall()[0]
    path = f"{user.pw_dir.rstrip('/')}/x"
    assert parsed_paths(f"--folder=~{user.pw_name}/x").folder == path
    assert parsed_paths(f"--data=a=~{user.pw_name}/x").data == (f"a={path}",)


def test_home_in_positional_argument_and_in_each_of_several(home):
    arguments = ("--data=~/a", "~/x", "--data", "~/b")
    expected = Paths(f"{home}/x", (f"{home}/a", f"{home}/b"))
    assert parsed_paths(*arguments, positional="folder") == expected


def test_home_in_and_of_flagfiles(home, flagfile):
    flagfile("--folder=~/x\n", "inner.cfg")
    flagfile("--flagfile=~/inner.cfg\n--data=a=~/y\n", "outer.cfg")
    expected = Paths(f"{home}/x", (f"a={home}/y",))
    assert parsed_paths("--flagfile=~/outer.cfg") == expected
    assert parsed_paths("--flagfile", "~/outer.cfg") == expected


def test_flagfile_holds_the_path_with_the_home_in_it(home):
    paths = parsed_paths("--folder=~/x", "--data=a=~/y")
    assert to_flagfile(paths) == f"--folder={home}/x\n--data=a={home}/y\n--note=\n"


def test_home_that_a_flagfile_cannot_hold(monkeypatch):
    monkeypatch.setenv("HOME", os.fsdecode(b"/home/\xff"))
    assert "expected UTF-8 text" in refused_paths("--folder=~/x")


@pytest.mark.parametrize(
    ("argument", "user", "instead"),
    [
        ("--folder=~no.such/x", "~no.such", "./~no.such/x"),
        ("--folder=~no.such", "~no.such", "./~no.such"),
        ("--data=~no.such/x", "~no.such", "./~no.such/x"),
        ("--data=a=~no.such/x", "~no.such", "a=./~no.such/x"),
        ("--staging=~no.such/x", "~no.such", "./~no.such/x"),
        ("--flagfile=~no.such/x", "~no.such", "./~no.such/x"),
    ],
)
def test_home_of_an_unknown_user(argument, user, instead):
    assert refused_paths("--data=b", argument) == (
        f"{argument}: no home folder is known for {user}; for a folder or file of that "
        f"name write {instead}"
    )


@pytest.mark.parametrize("argument", ["--folder=~a\0/x", "--flagfile=~a\0/x"])
def test_home_of_a_user_with_a_null_in_the_name(argument):
    assert "no home folder is known for ~a\0;" in refused_paths(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "--folder=gs://bucket/x",
        "--folder=file:///x",
        "--folder=git+ssh://host/x",
        "--data=S3://bucket/x",
        "--data=s3://bucket/a=b",
        "--data=a=hdfs://host/x",
        "--flagfile=http://host/x",
    ],
)
def test_address(argument):
    assert refused_paths("--data=b", argument) == (
        f"{argument} is an address: expected a path in a local or mounted folder"
    )


def test_address_as_positional_argument_and_in_a_flagfile(flagfile):
    expected = "=gs://b/x is an address: expected a path in a local or mounted folder"
    assert refused_paths("gs://b/x", positional="folder") == f"FOLDER{expected}"
    message = refused_paths(flagfile("--folder=gs://b/x\n"))
    assert message.startswith("--folder=gs://b/x (in ")
    assert message.endswith(f"line 1){expected.removeprefix('=gs://b/x')}")


def test_several_dataclasses_come_back_in_order():
    @dataclasses.dataclass(frozen=True)
    class Others:
        """Others."""

        count: int = option(1, "Count.")

    assert parse(["program", "--folder=out", "--count=2"], Others, Options) == (
        Others(2),
        Options("out"),
    )


@pytest.mark.parametrize("argument", ["--help", "-h", "-help", "--helpfull"])
def test_help_names_every_flag(argument, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["program", "--nope", argument], Options)
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for field in dataclasses.fields(Options):
        assert f"--{field.name}=" in shown
        assert field.metadata["help"] in shown


def test_described_values():
    shown = {f.name: describe_values(f) for f in dataclasses.fields(Options)}
    assert shown == {
        "folder": "TEXT (required)",
        "size": "INTEGER (default 8)",
        "steps": "INTEGER",
        "rate": "NUMBER (default 0.5)",
        "kind": "{a,b} (default b)",
        "depth": "{1,3} (default 3)",
        "quick": "{true,false} (default true)",
        "extra": "TEXT (repeatable)",
        "note": "TEXT",
    }


def test_field_type_without_a_flag():
    @dataclasses.dataclass
    class Wrong:
        values: dict = option(None, "Values.")

    with pytest.raises(TypeError, match="values"):
        parse(["program"], Wrong)
