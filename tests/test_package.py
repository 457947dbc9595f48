"""What `pip install .` and the archives of a release hold: built, installed, run."""

import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import pytest
import setuptools

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    int(setuptools.__version__.split(".")[0]) < 77,
    reason=f"the build needs setuptools 77, here is {setuptools.__version__}: pip "
    "install -r requirements-dev.txt",
)


def requirements(*names):
    """The requirements of files, without comments and references to other files."""
    lines = [
        line.partition("#")[0].strip()
        for name in names
        for line in (CHECKOUT / name).read_text().splitlines()
    ]
    return [line for line in lines if line and not line.startswith("-r")]


def build(what, source, folder):
    """Has setuptools build an archive as pip does, offline."""
    code = f"import sys, setuptools.build_meta as b; b.build_{what}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code, str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deprecat" not in done.stderr, done.stderr
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source archive, of a copy, since building leaves files beside the source."""
    source = tmp_path_factory.mktemp("checkout") / "byel_tf"
    left_out = shutil.ignore_patterns(
        *(".*", "__pycache__", "*.egg-info", "build", "dist", "data", "runs", "venv"),
        *("bazel-*", "evaluations"),
    )

    def ignore(folder, names):
        # The package has folders of these names as well.
        return left_out(folder, names) if folder == str(CHECKOUT) else {"__pycache__"}

    shutil.copytree(CHECKOUT, source, ignore=ignore)
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    """The wheel, built of nothing but the source archive."""
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts of an environment with the wheel, and the packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    paths = {"base": str(folder), "platbase": str(folder)}
    site = (
        pathlib.Path(sysconfig.get_path("purelib", "venv", paths))
        if ("venv" in sysconfig.get_scheme_names())
        else next(folder.glob("lib/python*/site-packages"))
    )
    here = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    (site / "others.pth").write_text("\n".join(here))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python")]
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    # Of files that are already compiled nothing is tested.
    options += ["--no-compile", "--force-reinstall"]
    done = subprocess.run(
        [*pip, "install", *options, str(wheel)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return scripts


@pytest.fixture
def run(installed, tmp_path):
    def run_script(name, *arguments):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run(
            [str(installed / name), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run_script


def test_source_archive(unpacked):
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}
    assert names >= {
        *("LICENSE", "README.md", "pyproject.toml", "setup.py", "train_main.py"),
        *(file.name for file in CHECKOUT.glob("requirements*.txt")),
        *("flags/quickstart.cfg", "byel_tf/py.typed", "tests/test_package.py"),
        *("tests/conftest.py", "docs/data.md", "recipes/slurm.sbatch"),
    }
    assert not [n for n in names if re.search(r"__pycache__|\.pyc$|(^|/)BUILD$", n)]


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    held = {n for n in names if not n.startswith("byel_tf-")}
    expected = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "byel_tf").rglob("*")
        if path.is_file() and path.name != "BUILD" and path.parent.name != "__pycache__"
    }
    expected |= {f"byel_tf/flags/{f.name}" for f in (CHECKOUT / "flags").glob("*.cfg")}
    assert held == expected
    assert {n.rpartition("/")[2] for n in names - held} == {
        *("LICENSE", "METADATA", "RECORD", "WHEEL", "entry_points.txt"),
        "top_level.txt",
    }


def test_metadata_is_that_of_the_requirements_files(wheel):
    (found,) = importlib.metadata.distributions(name="byel-tf", path=[str(wheel)])
    assert found.metadata["Requires-Python"] == "<3.14,>=3.10"
    assert found.metadata["License-Expression"] == "Apache-2.0"

    def normal(requirement):
        name, _, marker = requirement.partition(";")
        name, bounds = re.fullmatch(r"([\w.\[\]-]+)\s*(.*)", name.strip()).groups()
        return name, sorted(bounds.split(",")), marker.replace(" ", "")

    expected = [normal(line) for line in requirements("requirements.txt")]
    extras = {
        "beam": ["requirements-beam.txt"],
        "export": ["requirements-export.txt"],
        "gpu": ["requirements-cuda.txt"],
        "dev": [f"requirements-{name}.txt" for name in ("beam", "export", "test")],
    }
    for extra, names in extras.items():
        for line in requirements(*names):
            name, bounds, marker = normal(line)
            condition = f'extra=="{extra}"'
            both = f"{marker}and{condition}" if marker else condition
            expected.append((name, bounds, both))
    assert sorted(map(normal, found.requires)) == sorted(expected)
    assert found.metadata.get_all("Provides-Extra") == list(extras)
    # The files that pip takes hold the same.
    dev = (CHECKOUT / "requirements-dev.txt").read_text().split()
    assert dev[1::2] == ["requirements.txt", *extras["dev"]]


def test_every_program_runs(run, installed):
    (found,) = importlib.metadata.distributions(
        name="byel-tf", path=[str(p) for p in installed.parent.rglob("site-packages")]
    )
    names = {script.name for script in found.entry_points} - {"byel"}
    assert len(names) >= 7
    for name in names:
        done = run(name, "--help")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert done.stdout.startswith(f"usage: {name} ")
    done = run("byel", "--version")
    assert done.returncode == 0
    assert re.match(r"byel_tf \d+\.\d+\.\d+, Python 3\.\d", done.stdout)
    done = run("python", "-m", "byel_tf", "predict", "--help")
    assert done.stdout.startswith("usage: python -m byel_tf predict ")
    assert not (installed.parent / "share").exists()


def test_installed_files_are_read(run, installed):
    done = run("byel-train", "--flagfile=quickstart.cfg", "--no.such")
    assert done.returncode == 2
    said, error = done.stderr.splitlines()
    assert said.startswith("--flagfile=quickstart.cfg is not here: ")
    assert str(installed.parent) in said
    assert error.startswith("byel-train: unknown flag --no.such")
    code = (
        "import byel_tf\n"
        "from byel_tf.evaluation.report.html import to_html\n"
        "from byel_tf.synthesis.domain import load_domain\n"
        "print(byel_tf.__file__)\n"
        "print(len(to_html('# x', {}, 'x')) > 1000, load_domain('shifted').name)"
    )
    done = run("python", "-c", code)
    assert done.stdout.startswith(str(installed.parent)), done.stderr
    assert done.stdout.endswith("\nTrue shifted\n")
