"""Runs the programs as a user does."""

import importlib
import os
import pathlib
import subprocess
import sys
import types

import pytest

from byel_tf.program import run_program

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def start(tmp_path):
    """Runs `python -m byel_tf.cli.<name>` in an empty folder, as a process."""

    def start_program(name, *arguments, cwd=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", f"byel_tf.cli.{name}", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        )

    return start_program


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """As `start`, here."""

    def run_here(name, *arguments):
        main = importlib.import_module(f"byel_tf.cli.{name}").main
        monkeypatch.chdir(tmp_path)
        capfd.readouterr()
        try:
            code = run_program(main, [f"{name}.py", *arguments])
        except SystemExit as ended:  # of --help
            code = ended.code
        return types.SimpleNamespace(
            returncode=code,
            **dict(zip(("stdout", "stderr"), capfd.readouterr(), strict=True)),
        )

    return run_here


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Runs a program, here, that must fail with one line and leave nothing behind."""

    def run_refused(name, *arguments, code):
        main = importlib.import_module(f"byel_tf.cli.{name}").main
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.chdir(tmp_path)
        capfd.readouterr()
        found = run_program(main, [f"{name}.py", *arguments])
        out, error = capfd.readouterr()
        assert found == code, error
        # Bad data may come to light after it was said how they are read.
        assert out.count("\n") <= (code == 1)
        assert error.count("\n") == 1, error
        assert error.startswith(f"{name}.py: ")
        assert sorted(tmp_path.rglob("*")) == before
        return error

    return run_refused
