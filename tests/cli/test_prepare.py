import csv
import json
import os

import pytest
from PIL import Image


@pytest.fixture
def source(tmp_path):
    """Two class folders under other spellings, an unknown class and a bad file."""
    for name, count in (("Happy", 4), ("sad", 3), ("neutral", 2)):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (5, 4), (index * 40, 9, 9)).save(folder / f"{index}.png")
    (tmp_path / "images" / "sad" / "bad\nname.jpg").write_bytes(b"text")
    return tmp_path / "images"


def test_prepared_folder(run, source, tmp_path):
    done = run("prepare", "--source=images", "--output=out", "--splits=test")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["splits"]["test"]["per_class"]["happiness"] == 4
    assert content["splits"]["test"]["per_class"]["sadness"] == 3
    with open(tmp_path / "out" / "rejected.csv", newline="") as file:
        rejected = [row["path"] for row in csv.DictReader(file)]
    assert sorted(rejected) == ["neutral/0.png", "neutral/1.png", "sad/bad\nname.jpg"]
    lines = done.stdout.splitlines()
    assert lines[0] == "out:"
    assert lines[2].split() == ["test", "0", "0", "0", "4", "3", "0", "7"]
    assert lines[3] == "rejected: 3, listed in rejected.csv"
    assert lines[4] == "  2 × unknown class 'neutral'"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "out"]


def test_flagfile_and_own_classes(run, source, tmp_path):
    (tmp_path / "my flags.cfg").write_text(
        "# mine\n--source=images\n--classes=sad,happy,neutral\n--splits=train\n"
    )
    done = run("prepare", "--flagfile=my flags.cfg", "--output=öut/deep", "--seed=9")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "öut" / "deep" / "dataset.json").read_text())
    assert content["classes"] == ["sad", "happy", "neutral"]
    assert content["splits"]["train"]["count"] == 9
    assert content["source"] == {"kind": "folder", "seed": 9, "splits": {"train": 1.0}}


def test_help(run):
    done = run("prepare", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("source", "output", "classes", "splits", "seed"):
        assert f"--{name}=" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--source is missing"),
        (("--source=images",), "--output is missing"),
        (("--source=images", "--output="), "--output is missing"),
        (("--source=images", "--output=out", "--nope=1"), "unknown flag --nope"),
        (("--source=images", "--output=out", "more"), "unexpected argument 'more'"),
        (("--source=images", "--output=out", "--seed=-1"), "--seed=-1: expected"),
        (("--source=images", "--output=out", "--splits=all"), "--splits=all: give"),
        (("--source=images", "--output=out", "--splits=train=nan"), "--splits="),
        (("--source=images", "--output=out", "--classes=a"), "--classes=a: give"),
        (("--source=images", "--output=out", "--classes=a,A"), "stands twice"),
        (("--source=images", "--output=images/out"), "choose a folder outside it"),
        (("--source=images", "--output=a\nb"), r"--output=a\nb: expected UTF-8 text"),
        (("--flagfile=none.cfg",), "--flagfile=none.cfg cannot be read"),
    ],
)
def test_wrong_usage(refused, source, arguments, expected):
    assert expected in refused("prepare", *arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--source=none", "--output=out"), "none is not a folder"),
        (("--source=images/sad", "--output=out"), "has no file in a folder named"),
        (("--source=images", "--output=images/sad/../../file/out"), "cannot make"),
        (("--source=images", "--output=file"), "not an empty folder"),
        (
            ("--source=images", "--output=out", "--classes=bad,worse"),
            "(found: Happy, neutral, sad): rename",
        ),
    ],
)
def test_failure(refused, source, tmp_path, arguments, expected):
    (tmp_path / "file").write_text("")
    assert expected in refused("prepare", *arguments, code=1)


def test_only_bad_images(refused, source, tmp_path):
    for file in source.rglob("*.png"):
        file.write_bytes(b"text")
    message = refused("prepare", "--source=images", "--output=out", code=1)
    assert "none of the 8 images of images can be taken" in message


def test_names_and_terminals_without_unicode(run, source, tmp_path):
    folder = os.fsdecode(b"caf\xc3\xa9-\xff")
    (source / folder).mkdir()
    (source / folder / "a.png").write_bytes(b"text")
    done = run("prepare", "--source=images", "--output=out", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"1 \xd7 unknown class 'caf\xe9-\udcff'" in done.stdout
