"""`byel COMMAND` and the programs behind it."""

import os
import pathlib
import re
import subprocess
import sys
import types

import pytest

import byel_tf
from byel_tf.cli import commands, train
from byel_tf.cli.commands import COMMANDS, run_command

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def python(*arguments, code=None):
    return subprocess.run(
        [sys.executable, *(["-c", code] if code else []), *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )


def test_every_program_is_a_command():
    folder = pathlib.Path(commands.__file__).parent
    programs = {f.stem for f in folder.glob("*.py") if "\ndef main(" in f.read_text()}
    assert programs == {name.replace("-", "_") for name in COMMANDS}
    scripts = re.findall(
        r"^(byel[\w-]*) = \"([\w.]+):run\"$",
        (CHECKOUT / "pyproject.toml").read_text(),
        re.MULTILINE,
    )
    assert dict(scripts) == {
        "byel": "byel_tf.cli.commands",
        **{f"byel-{c}": f"byel_tf.cli.{c.replace('-', '_')}" for c in COMMANDS},
    }


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command_in_a_line(arguments, capsys):
    assert run_command(["byel", *arguments]) == 0
    shown = capsys.readouterr()
    lines = [line for line in shown.out.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert max(map(len, shown.out.splitlines())) <= 88
    assert not shown.err


def test_version(capsys):
    assert run_command(["byel", "--version"]) == 0
    expected = (
        rf"byel_tf {byel_tf.__version__}, Python 3\.\d+\.\d+.*, TensorFlow 2\.\d+"
    )
    assert re.match(expected, capsys.readouterr().out)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("first", [True, False])
def test_help_of_a_command(name, first, capsys):
    arguments = ["help", name] if first else [name, "--help"]
    with pytest.raises(SystemExit) as caught:
        run_command(["byel", *arguments])
    assert caught.value.code == 0
    assert re.match(rf"usage: byel {name} .*--name=value", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("predct", "unknown command predct: did you mean predict? byel --help lists"),
        ("Train", "unknown command Train: did you mean train? byel --help lists"),
        ("zzz", "unknown command zzz: byel --help lists the commands"),
        ("summary", "unknown command summary: "),
        ("", "unknown command : byel --help lists"),
        ("--flagfile=x", "unknown option --flagfile=x: a command comes first"),
    ],
)
def test_what_is_no_command(argument, expected, capsys):
    assert run_command(["byel", argument]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"byel: {expected}")
    assert shown.err.count("\n") == 1 and not shown.out


@pytest.mark.parametrize("name", COMMANDS)
def test_errors_name_the_command(name, capsys):
    assert run_command(["byel", name, "--no.such=1"]) == 2
    assert capsys.readouterr().err.startswith(f"byel {name}: unknown flag --no.such")


@pytest.mark.parametrize(("name", "code"), [("train", 75), ("predict", 130)])
def test_exit_code_when_told_to_end(name, code, monkeypatch):
    def main(argv):
        raise KeyboardInterrupt

    module = types.SimpleNamespace(main=main)
    monkeypatch.setattr(commands.importlib, "import_module", lambda name: module)
    assert run_command(["byel", name]) == code
    assert train.INTERRUPTED == 75


def test_as_a_module():
    done = python("-m", "byel_tf", "inspct")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m byel_tf: unknown command inspct: did you")
    done = python("-m", "byel_tf", "inspect", "/no/such")
    assert done.returncode == 1
    assert done.stderr.startswith("python -m byel_tf inspect: /no/such")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "program", ["train_main.py", "-m byel_tf.cli.train", "-m byel_tf.cli.predict"]
)
def test_the_older_names(program):
    done = python(*program.split(), "--no.such")
    assert done.returncode == 2
    assert ": unknown flag --no.such: --help lists the flags" in done.stderr


def test_help_imports_nothing_that_takes_long():
    code = (
        "import sys, byel_tf.cli.commands as c; c.run_command(['byel'])\n"
        "c.run_command(['byel', '--version'])\n"
        "print([m for m in ('tensorflow', 'numpy', 'pandas') if m in sys.modules])"
    )
    done = python(code=code)
    assert done.stdout.endswith("[]\n"), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("arguments", ["", "train --help"])
def test_help_need_not_be_read_to_its_end(arguments):
    command = f"'{sys.executable}' -m byel_tf {arguments} | true"
    done = subprocess.run(
        ["sh", "-c", command], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 14, 0), (4, 0, 0)])
def test_another_python_is_told(version):
    code = f"import sys; sys.version_info = {version}; import byel_tf.cli.commands"
    done = python(code=code)
    assert done.returncode == 1
    assert done.stderr.startswith("byel_tf runs on Python 3.10 to 3.13")
    assert f"this is Python {version[0]}.{version[1]} (" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_without_the_packages_is_told():
    done = python("-S", "train_main.py")
    assert done.returncode == 1
    assert "has not the packages that byel_tf needs" in done.stderr
    assert os.path.basename(sys.executable) in done.stderr
    assert done.stderr.count("\n") == 1
