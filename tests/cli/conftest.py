"""Runs the programs as a user does."""

import os
import pathlib
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
    """Runs `python -m byel_tf.cli.<name>` in an empty folder."""

    def run_program(name, *arguments, cwd=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", f"byel_tf.cli.{name}", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        )

    return run_program


@pytest.fixture
def refused(run, tmp_path):
    """Runs a program that must fail with one line and leave nothing behind."""

    def run_refused(name, *arguments, code):
        before = sorted(tmp_path.rglob("*"))
        done = run(name, *arguments)
        assert done.returncode == code, done.stderr
        # Bad data may come to light after it was said how they are read.
        assert done.stdout.count("\n") <= (code == 1)
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith(f"{name}.py: ")
        assert sorted(tmp_path.rglob("*")) == before
        return done.stderr

    return run_refused
