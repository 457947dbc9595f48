"""Caches of a user who has no home folder, as in a container: real processes."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from byel_tf import cache_folders
from byel_tf.cache_folders import can_be_written, provide_folder, temporary_folder

PACKAGE = pathlib.Path(cache_folders.__file__).parent
USER = 12345  # of no entry in the list of users


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """An own folder for temporary files, and nothing remembered of another."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    temporary_folder.cache_clear()
    yield folder
    temporary_folder.cache_clear()


def test_what_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    assert can_be_written("~") and can_be_written("~/.cache/x/y")
    assert not can_be_written(str(tmp_path / "file"))
    assert not can_be_written(str(tmp_path / "file" / "x"))
    assert not can_be_written("~no.such.user/x")
    assert not pathlib.Path("~no.such.user").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_folder_is_provided_if_one_is_needed(temporary, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    no_folder = str(tmp_path / "file" / "x")
    monkeypatch.setenv("SOME_DIR", "set")
    provide_folder("SOME_DIR", no_folder)
    assert os.environ["SOME_DIR"] == "set"
    monkeypatch.setenv("SOME_DIR", "")
    provide_folder("SOME_DIR", str(tmp_path))
    assert os.environ["SOME_DIR"] == ""
    provide_folder("SOME_DIR", str(tmp_path), no_folder)
    assert os.environ["SOME_DIR"] == str(temporary / f"byel_tf-{os.getuid()}")


def test_it_is_the_users_alone(temporary):
    folder = pathlib.Path(temporary_folder())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    temporary_folder.cache_clear()
    assert temporary_folder() == str(folder)  # of later processes as well


@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_what_others_may_have_made_is_not_used(temporary, tmp_path, kind):
    place = temporary / f"byel_tf-{os.getuid()}"
    if kind == "open to others":
        place.mkdir()
        place.chmod(0o777)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.touch(0o600)
    folder = pathlib.Path(temporary_folder())
    assert folder != place and folder.parent == temporary
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nowhere_to_write(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "missing"))
    assert temporary_folder() is None
    provide_folder("SOME_DIR", "/dev/null/x")
    assert "SOME_DIR" not in os.environ


def as_user():
    """The words before a command that let it run without rights to write.

    It may still read this Python, wherever it is.
    """
    if os.getuid() != 0:
        return []
    rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *rights]
    if not shutil.which("setpriv") or subprocess.run([*words, "true"]).returncode:
        pytest.skip("needs setpriv, and the right to hand on rights")
    return words


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package where nothing can be written."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(
        PACKAGE, folder / "byel_tf", ignore=shutil.ignore_patterns("__pycache__")
    )
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in paths:
        path.chmod(0o755)


@pytest.fixture
def run(package, tmp_path_factory):
    """Runs Python as a user without a home folder."""
    # Below folders that anyone may enter, as pytest's own are not.
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        place.chmod(0o777)
        (place / "temporary").mkdir()
        (place / "work").mkdir()
        for path in place.iterdir():
            path.chmod(0o777)

        def run_python(*arguments, home="/nonexistent"):
            done = subprocess.run(
                [*as_user(), sys.executable, *arguments],
                cwd=place / "work",
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(package),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": str(place / "temporary"),
                    **({} if home is None else {"HOME": home}),
                },
                capture_output=True,
                text=True,
            )
            written = {path.name for path in (place / "work").iterdir()}
            return done, written, {p.name for p in (place / "temporary").iterdir()}

        yield run_python


COMPILES = (
    "import numpy, numba, byel_tf.synthesis.mesh as mesh\n"
    "mesh.transform(*(numpy.zeros(s, 'f') for s in ((1, 3), (3, 3), 3)))\n"
    "print(sum(mesh.transform.stats.cache_hits.values()), numba.config.CACHE_DIR)\n"
)


@pytest.mark.parametrize("home", [None, "/"])
def test_compiled_functions_are_kept_all_the_same(run, home):
    user = USER if os.getuid() == 0 else os.getuid()
    for hits in "01":
        done, written, temporary = run("-c", COMPILES, home=home)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout.startswith(f"{hits} ")
        assert done.stdout.endswith(f"byel_tf-{user}\n")
        assert not written
        assert temporary == {f"byel_tf-{user}"}


def test_without_any_folder_they_are_compiled_each_time(run):
    code = f"import tempfile; tempfile.tempdir = '/nonexistent'\n{COMPILES}"
    done, written, temporary = run("-c", code, home=None)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "0 \n")
    assert not written and not temporary


def test_charts_are_drawn_without_a_remark(run):
    code = (
        "import numpy; from byel_tf.evaluation.report import figures\n"
        "print(figures.similarity_png(numpy.eye(2), ('a', 'b'))[:4])"
    )
    done, written, _ = run("-c", code)
    assert (done.stdout, done.stderr) == ("b'\\x89PNG'\n", "")
    assert not written


def test_keras_makes_no_folder(run):
    done, written, _ = run("-c", "import byel_tf.compat", home=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not written


def test_a_path_in_the_home_that_there_is_not(run):
    arguments = ("-m", "byel_tf", "train", "--train_data=~/x", "--model_dir=y")
    done, written, _ = run(*arguments, home=None)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "python -m byel_tf train: --train_data=~/x: no home folder is known for ~;"
    )
    assert done.stderr.count("\n") == 1
    assert not written
