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


def test_prepared_folder(start, source, tmp_path):
    done = start("prepare", "--source=images", "--output=out", "--splits=test")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["splits"]["test"]["per_class"]["happiness"] == 4
    assert content["splits"]["test"]["per_class"]["sadness"] == 3
    with open(tmp_path / "out" / "rejected.csv", newline="") as file:
        rejected = [row["path"] for row in csv.DictReader(file)]
    assert sorted(rejected) == ["neutral/0.png", "neutral/1.png", "sad/bad\nname.jpg"]
    first, *lines = done.stdout.splitlines()
    assert first.startswith("images: folder of images")
    assert lines[0] == "out:"
    assert lines[2].split() == ["test", "0", "0", "0", "4", "3", "0", "7"]
    assert lines[3] == "rejected: 3, listed in rejected.csv"
    assert lines[4] == (
        "  2 × unknown class 'neutral': --classes=anger,disgust,fear,happiness,sadness,"
        "surprise,neutral takes it"
    )
    assert lines[-1] == "warning: no image of anger, disgust, fear, surprise"
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
        (("--source=none", "--output=out"), "--source=none does not exist"),
        (
            ("--source=images/sad", "--output=out"),
            "images/sad has no file of one of the classes",
        ),
        (("--source=images", "--output=images/sad/../../file/out"), "cannot make"),
        (("--source=images", "--output=file"), "not an empty folder"),
        (
            ("--source=images", "--output=out", "--classes=bad,worse"),
            "(found: unknown class 'Happy', unknown class 'neutral', unknown",
        ),
    ],
)
def test_failure(refused, source, tmp_path, arguments, expected):
    (tmp_path / "file").write_text("")
    assert expected in refused("prepare", *arguments, code=1)


def test_only_bad_images(run, source, tmp_path):
    for file in source.rglob("*.png"):
        file.write_bytes(b"text")
    done = run("prepare", "--source=images", "--output=out")
    assert done.returncode == 1
    assert done.stderr == (
        "prepare.py: no image can be taken: 8 × cannot be decoded: text, not a "
        "picture; 2 × unknown class 'neutral'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_names_and_terminals_without_unicode(start, source, tmp_path):
    folder = os.fsdecode(b"caf\xc3\xa9-\xff")
    (source / folder).mkdir()
    (source / folder / "a.png").write_bytes(b"text")
    done = start("prepare", "--source=images", "--output=out", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"1 \xd7 unknown class 'caf\xe9-\udcff'" in done.stdout


@pytest.fixture
def table(tmp_path):
    """A table with paths, labels, splits and persons, and its pictures."""
    rows = ["path,emotion,usage,subject"]
    for number in range(24):
        Image.new("RGB", (40, 30), (number * 9, 5, 5)).save(tmp_path / f"{number}.png")
        label = ("joy", "AN", "sad")[number % 3]
        usage = ("Training", "Training", "PrivateTest")[number // 8]
        rows.append(f"{number}.png,{label},{usage},person {number // 4}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    return tmp_path / "list.csv"


def splits_of(folder):
    content = json.loads((folder / "dataset.json").read_text())
    return {name: split["count"] for name, split in content["splits"].items()}


def test_table_with_splits(run, table, tmp_path):
    arguments = ("prepare", "--source=list.csv", "--alias=AN=anger")
    done = run(*arguments, "--output=out", "--validation_share=0.25")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("list.csv: ")
    assert splits_of(tmp_path / "out") == {"train": 12, "validation": 4, "test": 8}
    done = run(*arguments, "--output=dealt", "--splits=test")
    assert splits_of(tmp_path / "dealt") == {"test": 24}
    done = run(*arguments, "--output=small", "--max_side=20", "--shard_bytes=2000")
    content = json.loads((tmp_path / "small" / "dataset.json").read_text())
    assert content["image_sizes"] == {"20x15": 24}
    assert len(content["splits"]["train"]["shards"]) > 1


def test_beam_gives_the_same_bytes(start, table, tmp_path):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed")
    arguments = ("prepare", "--source=list.csv", "--alias=AN=anger")
    start(*arguments, "--output=local", "--shard_bytes=2000")
    done = start(
        *arguments,
        "--output=beamed",
        "--shard_bytes=2000",
        "--beam",
        "--beam_option=--runner=DirectRunner",
    )
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "local").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "beamed").iterdir())
    for name in files:
        expected = (tmp_path / "local" / name).read_bytes()
        assert (tmp_path / "beamed" / name).read_bytes() == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--beam_option=--runner=DirectRunner",), "needs --beam"),
        (("--beam", "--beam_option=--nope"), "--beam_option=--nope: give an option"),
        (("--splits=test", "--validation_share=0.1"), "for sources that say the"),
        (("--alias=AN",), "--alias=AN"),
        (("--alias=AN=rage",), "--alias=AN=rage"),
        (("--subject_pattern=(",), "--subject_pattern=("),
        (("--vote_labels=soft",), "needs votes: give --votes"),
        (("--format=none",), "--format=none"),
        (("--crop=head",), "--crop=head"),
        (("--no_face=drop",), "--no_face=drop"),
        (("--max_side=-1",), "--max_side=-1"),
    ],
)
def test_wrong_options(refused, table, arguments, expected):
    message = refused(
        "prepare", "--source=list.csv", "--output=out", *arguments, code=2
    )
    assert expected in message
