"""What `prepare` says of how it understands a source, and where it stops."""

import json

import pytest
from PIL import Image

from byel_tf.cli import prepare
from byel_tf.program import run_program


@pytest.fixture
def make(tmp_path):
    """Makes different pictures below a folder."""

    def make_pictures(*names):
        for number, name in enumerate(names):
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (number, 9, 9)).save(path)
        return tmp_path / "images"

    return make_pictures


@pytest.fixture
def run_prepare(tmp_path, monkeypatch, capsys):
    """Runs the program in this process; returns exit code, output and error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        argv = ["prepare.py", "--workers=1", *arguments]
        code = run_program(prepare.main, argv)
        captured = capsys.readouterr()
        # Progress bars are for terminals alone.
        return code, captured.out.splitlines(), captured.err.splitlines()

    return run


def splits_of(folder):
    content = json.loads((folder / "dataset.json").read_text())
    return {name: split["count"] for name, split in content["splits"].items()}


def published(*splits, count=3):
    return [
        f"archive/{split}/{name}/{number}.png"
        for split in splits
        for name in ("happy", "sad")
        for number in range(count)
    ]


def test_published_splits_are_kept(make, run_prepare, tmp_path):
    make(*published("train", "val", "test"))
    code, lines, _ = run_prepare("--source=images", "--output=out")
    assert code == 0
    assert lines[0].endswith("splits from the folders test, train, val (validation)")
    assert splits_of(tmp_path / "out") == {"train": 6, "validation": 6, "test": 6}
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["source"]["splits"] == "given"


def test_splits_dealt_anew_are_said(make, run_prepare, tmp_path):
    make(*published("train", "test"))
    code, lines, _ = run_prepare("--source=images", "--output=out", "--splits=train")
    assert code == 0
    assert lines[1].startswith("--splits=train: the splits that the source gives are n")
    assert splits_of(tmp_path / "out") == {"train": 12}


def test_train_and_test_alone(make, run_prepare, tmp_path):
    make(*published("train", "test", count=5))
    advice = "gives no validation split, which training needs: repeat with --validation"
    code, lines, _ = run_prepare("--source=images", "--output=out")
    assert code == 0
    assert advice in lines[-1]
    code, lines, _ = run_prepare(
        "--source=images", "--output=other", "--validation_share=0.2"
    )
    assert code == 0
    assert splits_of(tmp_path / "other") == {"train": 8, "validation": 2, "test": 10}
    assert not any(advice in line for line in lines)


def test_unclear_splits_stop_before_anything_is_written(make, run_prepare, tmp_path):
    make(*published("train", "more"))
    code, lines, errors = run_prepare("--source=images", "--output=out")
    assert (code, lines) == (2, [])
    assert "archive/train/happy (train), archive/more/happy (no split)" in errors[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    code, lines, _ = run_prepare("--source=images", "--output=out", "--splits=test")
    assert code == 0
    assert lines[0].endswith("splits named by some folders, not by all")


def test_numbers_stop_and_are_read_once_explained(make, run_prepare, tmp_path):
    make("1.png", "2.png", "7.png")
    text = "path,label\n1.png,1\n2.png,2\n7.png,7\n"
    (tmp_path / "images" / "list.csv").write_text(text)
    arguments = ("--source=images/list.csv", "--output=out", "--splits=train")
    code, _, errors = run_prepare(*arguments)
    assert code == 2
    assert "0 is missing and 7 is out of range" in errors[-1]
    assert not (tmp_path / "out").exists()
    code, lines, _ = run_prepare(*arguments, "--label_numbers=raf-db")
    assert code == 0
    assert "numbers as --label_numbers=raf-db says" in lines[0]
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    per_class = content["splits"]["train"]["per_class"]
    assert (per_class["surprise"], per_class["fear"]) == (1, 1)
    assert content["rejected"]["reasons"] == {"unknown class 'neutral'": 1}


def test_boxes_of_a_table_are_cropped(make, run_prepare, tmp_path):
    make("a.png")
    (tmp_path / "images" / "list.csv").write_text(
        "path,label,x,y,w,h\na.png,fear,1,2,10,10\na.png,anger,20,2,12,12\n"
    )
    code, _, _ = run_prepare(
        "--source=images/list.csv", "--output=out", "--splits=train"
    )
    assert code == 0
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["image_sizes"] == {"10x10": 1, "12x12": 1}


def test_dry_run_writes_nothing(make, run_prepare, tmp_path):
    source = make(*published("train", "test"), "archive/train/neutral/0.png")
    (source / "archive" / "test" / "sad" / "bad.png").write_bytes(b"text")
    (source / "archive" / "train" / ".DS_Store").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    code, lines, errors = run_prepare("--source=images", "--dry_run")
    assert code == 0, errors
    assert lines[0].endswith("splits from the folders test, train")
    assert lines[1] == "dry run: the source is listed whole, nothing is written"
    assert [line.split() for line in lines[2:5]] == [
        ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "total"],
        ["train", "0", "0", "0", "3", "3", "0", "6"],
        ["test", "0", "0", "0", "3", "4", "0", "7"],
    ]
    assert lines[5:] == [
        "would be rejected by what the source says: 2",
        "  1 × hidden or system file",
        "  1 × unknown class 'neutral': --classes=anger,disgust,fear,happiness,sadness,"
        "surprise,neutral takes it",
        "of 13 images opened, would be rejected: 1",
        "  1 × cannot be decoded: text, not a picture",
        "the first images, as understood:",
        "  archive/test/happy/0.png: class happiness, split test",
        "  archive/test/happy/1.png: class happiness, split test",
        "  archive/test/happy/2.png: class happiness, split test",
        "warning: no image of anger, disgust, fear, surprise",
        "the source gives no validation split, which training needs: repeat with "
        "--validation_share=0.1 to take it from train",
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_dry_run_of_a_table(make, run_prepare, tmp_path):
    make("a.png", "b.png")
    (tmp_path / "images" / "list.csv").write_text(
        "path,label,person,x,y,w,h\na.png,fear,p 1,1.5,2,10,10\nb.png,,p 2,0,0,9,9\n"
        "c.png,fear,p 2,1,2,3,4\n"
    )
    code, lines, _ = run_prepare("--source=images/list.csv", "--dry_run")
    assert code == 0
    shares = "dealt by train=0.8,validation=0.1,test=0.1"
    assert lines[3].startswith(shares)
    assert lines[3].removeprefix(shares).split() == [
        "0",
        "0",
        "2",
        "0",
        "0",
        "0",
        "1",
        "3",
    ]
    assert lines[5:-1] == [
        "of 3 images opened, would be rejected: 1",
        "  1 × cannot be read: No such file or directory",
        "the first images, as understood:",
        "  a.png#box=2,2,12,12: class fear, subject p 1, box 1.5, 2, 11.5, 12",
        "  b.png#box=0,0,9,9: unlabelled, subject p 2, box 0, 0, 9, 9",
        "  c.png#box=1,2,4,6: class fear, subject p 2, box 1, 2, 4, 6",
    ]


def test_dry_run_with_shares_and_options(make, run_prepare, tmp_path):
    make(*published("train", "val"))
    code, lines, _ = run_prepare(
        "--source=images", "--dry_run", "--output=out", "--splits=test"
    )
    assert code == 0
    assert lines[1].startswith("--splits=test: the splits that the source gives are no")
    assert lines[4].split() == [
        "dealt",
        "by",
        "test",
        "0",
        "0",
        "0",
        "6",
        "6",
        "0",
        "12",
    ]
    code, lines, _ = run_prepare(
        "--source=images", "--dry_run", "--validation_share=0.3"
    )
    assert lines[-1] == "0.3 of train goes to validation (--validation_share=0.3)"
    assert run_prepare("--source=images", "--dry_run", "--output=images/x")[0] == 2
    assert not (tmp_path / "out").exists()
    assert run_prepare("--source=images")[2][-1].endswith(
        "--output is missing: give the folder to make"
    )


def test_dry_run_of_what_has_no_image(run_prepare, make):
    make("1.png")
    code, _, errors = run_prepare("--source=images", "--dry_run")
    assert code == 1
    assert "photographs without labels are for the program predict" in errors[-1]
