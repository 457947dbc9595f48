import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys

import pytest
from PIL import Image

from byel_tf.cli.summary import describe, summarize
from byel_tf.data.manifest import Manifest, Shard, Split
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset

CLASSES = ("anger", "fear", "a/b")


def png(number, size=(5, 4), mode="RGB"):
    buffer = io.BytesIO()
    Image.new(mode, size, (number, 9, 9) if mode == "RGB" else number).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A data set in `set`: two classes of three, grey and unlabelled images."""
    with write_dataset(
        tmp_path / "set", CLASSES, {"kind": "folder", "seed": 3}, shard_bytes=1000
    ) as writer:
        for number in range(20):
            label = (0, 2, -1, 0)[number % 4]
            size = ((5, 4), (40, 7))[number % 2]
            content = png(number, size, "L" if number == 8 else "RGB")
            if number == 15:
                content = png(19, size)  # as the last one, which has another class
            writer.add(
                ("train", "test")[number % 5 == 0],
                Record(
                    content,
                    "png",
                    size[1],
                    size[0],
                    label,
                    CLASSES[label] if label >= 0 else "",
                    f"{number}.png",
                ),
            )
        writer.reject("x", "bad\nreason")
    return tmp_path / "set"


def test_table_and_sheets(start, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = start("inspect", "set")
    assert (done.returncode, done.stderr) == (0, "")
    sha256 = hashlib.sha256(before["dataset.json"]).hexdigest()
    size = sum(len(v) for k, v in before.items() if k.endswith("tfrecord"))
    shards = sum(name.endswith("tfrecord") for name in before)
    assert done.stdout.splitlines() == [
        "set:",
        "            train  test  total",
        "anger           8     2     10",
        "fear            0     0      0",
        "a/b             4     1      5",
        "unlabelled      4     1      5",
        "total          16     4     20",
        "image sizes: 2, width 5 to 40, height 4 to 7; 10 of 40x7, 10 of 5x4",
        "grey: 1 of 20 images (5.0 %)",
        "duplicates: 1 (equal to an earlier image); contradictory: 0 (under several "
        "labels)",
        "rejected: 1, listed in rejected.csv",
        r"  1 × bad\nreason",
        "warning: no image of fear",
        f"shards: {shards}, {size / 1000:.1f} kB",
        "source: kind folder, seed 3",
        f"SHA-256 of dataset.json: {sha256}",
        "contact sheets: 3 in set/sheets",
        "  no sheet of fear: it has no images",
    ]
    names = ["00-anger.png", "02-a_b.png", "unlabelled.png"]
    assert sorted(os.listdir(folder / "sheets")) == names
    for name, content in before.items():
        assert (folder / name).read_bytes() == content
    assert start("inspect", "--verify", "set").returncode == 0


def test_only_the_table(run, folder):
    before = sorted(folder.iterdir())
    for arguments in (("set", "--nosheets"), ("--sheets=false", "set/")):
        done = run("inspect", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "contact sheets" not in done.stdout
        assert sorted(folder.iterdir()) == before


def test_sheets_elsewhere(run, folder, tmp_path):
    before = sorted(folder.iterdir())
    done = run(
        "inspect", "set", "--output=my/own", "--sheet_images=3", "--sheet_columns=2"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(folder.iterdir()) == before
    with Image.open(tmp_path / "my" / "own" / "00-anger.png") as image:
        assert image.width == 2 * 98 + 2


@pytest.mark.parametrize(
    "arguments", [("--verify", "set"), ("set", "--verify"), ("--data=set", "--verify")]
)
def test_untouched_set(run, folder, arguments):
    before = sorted(folder.iterdir())
    done = run("inspect", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    shards = len(list(folder.glob("*.tfrecord")))
    assert done.stdout == (
        f"OK: 20 records in {shards} shards, every hash, count and record as written\n"
    )
    assert sorted(folder.iterdir()) == before


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_problems_line_by_line(run, folder):
    shard = sorted(folder.glob("train-*"))[0]
    flip(shard, 60)
    flip(folder / "rejected.csv", 3)
    (folder / "new\nline.tfrecord").write_text("")
    done = run("inspect", "--verify", "set")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == r"new\nline.tfrecord: dataset.json does not name it"
    assert lines[1].startswith("rejected.csv: SHA-256: expected ")
    assert lines[2] == f"{shard.name}: is damaged: record 0 does not match its checksum"
    assert len(lines) == 4
    assert done.stderr == (
        "inspect.py: set is not as it was written, 4 problems: copy or prepare it "
        "again\n"
    )


def test_many_problems_are_not_all_shown(run, tmp_path):
    with write_dataset(tmp_path / "set", CLASSES, {"kind": "test"}) as writer:
        for number in range(60):
            record = Record(png(number), "png", 4, 5, 0, "fear", f"{number}.png")
            writer.add("test", record)
    done = run("inspect", "--verify", "set")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 51
    assert lines[49].startswith("test-00000-of-00001.tfrecord: record 49: class of")
    assert lines[50] == "and 10 other problems"
    assert "60 problems" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--verify",), ("--nosheets",)])
def test_folder_that_is_no_data_set(refused, tmp_path, arguments):
    (tmp_path / "images").mkdir()
    message = refused("inspect", "images", *arguments, code=1)
    assert "images is not a prepared data set" in message
    assert "none is not a" in refused("inspect", "none", *arguments, code=1)


def test_edited_manifest(refused, folder):
    file = folder / "dataset.json"
    file.write_text(file.read_text().replace('"grey": 1', '"grey": 2'))
    for arguments in ((), ("--verify",)):
        message = refused("inspect", "set", *arguments, code=1)
        assert "set/dataset.json was changed after it was written" in message


def test_damaged_set_without_verify(refused, folder):
    shard = sorted(folder.glob("train-*"))[0]
    os.truncate(shard, 50)
    assert f"set/{shard.name} has 50 bytes" in refused("inspect", "set", code=1)


def test_damaged_image_says_how_to_go_on(run, folder):
    """Sizes and headers are right, so that it is met with when sheets are drawn."""
    shard = sorted(folder.glob("train-*"))[0]
    flip(shard, 160)
    done = run("inspect", "set")
    assert done.returncode == 1
    assert "record 0 does not match its checksum" in done.stderr
    assert "byel_tf.cli.inspect --verify set" in done.stderr
    assert done.stderr.count("\n") == 1


def test_sheets_that_cannot_be_written(run, folder):
    (folder / "sheets").write_text("")
    done = run("inspect", "set")
    assert done.returncode == 1
    assert "total" in done.stdout
    assert "cannot write contact sheets to set/sheets" in done.stderr
    assert "--output, or --nosheets" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "DATA is missing: Folder of the prepared data set."),
        (("",), "DATA is missing"),
        (("set", "more"), "unexpected argument 'more': one DATA is expected"),
        (("set", "--data=set"), "unexpected argument 'set': one DATA is expected"),
        (("set", "--nope"), "unknown flag --nope"),
        (("--nope", "set"), "unknown flag --nope"),
        (("set", "--verify=maybe"), "--verify=maybe: expected true or false"),
        (("set", "--sheet_images=0"), "--sheet_images=0: expected an integer from 1"),
        (("set", "--sheet_columns=0"), "--sheet_columns=0: expected an integer from"),
        (("a\nb",), r"DATA=a\nb: expected UTF-8 text"),
    ],
)
def test_wrong_usage(refused, folder, arguments, expected):
    assert expected in refused("inspect", *arguments, code=2)


def test_help(run):
    done = run("inspect", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "inspect.py DATA [--flagfile=FILE] --name=value ...\n" in done.stdout
    assert "DATA or --data=TEXT (required)" in done.stdout
    for name in ("verify", "sheets", "sheet_images", "sheet_columns", "output"):
        assert f"--{name}=" in done.stdout


def test_neither_pandas_nor_tensorflow_is_imported():
    code = (
        "import sys, byel_tf.cli.inspect\n"
        "print([m for m in ('pandas', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    checkout = pathlib.Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


# The texts alone.


def manifest(**changes):
    shard = Shard("train-00000-of-00001.tfrecord", 3, 2_345_678, "0" * 64)
    content = {
        "classes": ("anger", "fear"),
        "splits": {"train": Split(3, {"anger": 1, "fear": 2}, 0, (shard,))},
        "image_sizes": {"48x48": 3},
        "grey": 0,
        "duplicates": {"images": 0, "contradictory": 0},
        "source": {"kind": "test"},
        "action_units": (),
        "rejected": {"count": 0, "reasons": {}, "sha256": ""},
    }
    return Manifest(**{**content, **changes})


def described(**changes):
    dataset = PreparedDataset("set", pathlib.Path("set"), manifest(**changes), "ab")
    return describe(dataset).splitlines()


def test_short_summary():
    assert summarize(manifest(), "out").splitlines() == [
        "out:",
        "       anger  fear  total",
        "train      1     2      3",
    ]


def test_summary_says_what_stands_out():
    reasons = {f"reason {number}": 1 for number in range(10)}
    split = Split(4, {"anger": 1, "fear": 2}, 1, ())
    text = summarize(
        manifest(
            splits={"train": split, "test": split},
            grey=2,
            duplicates={"images": 5, "contradictory": 1},
            rejected={"count": 10, "reasons": reasons, "sha256": ""},
            no_face={"count": 7, "sha256": ""},
        ),
        "out",
    )
    assert text.splitlines() == [
        "out:",
        "       anger  fear  unlabelled  total",
        "train      1     2           1      4",
        "test       1     2           1      4",
        "rejected: 10, listed in rejected.csv",
        *(f"  1 × reason {number}" for number in range(8)),
        "  and 2 other reasons",
        "no face found: 7, kept whole, listed in no_face.csv",
        "duplicates: 5 (equal to an earlier image); contradictory: 1 (under several "
        "labels)",
        "grey: 2 of 8 images (25.0 %)",
    ]


def counts(**per_class):
    return Split(sum(per_class.values()), per_class, 0, ())


def warnings(reasons=(), **splits):
    classes = ("anger", "fear", "happiness")
    text = summarize(
        manifest(
            classes=classes,
            splits=splits,
            rejected={
                "count": len(reasons),
                "reasons": dict.fromkeys(reasons, 1),
                "sha256": "",
            },
        ),
        "out",
    )
    return [line for line in text.splitlines() if line.startswith("warning")]


def test_classes_without_images():
    full = counts(anger=1, fear=1, happiness=1)
    assert warnings(train=full, test=full) == []
    half = counts(anger=1, fear=0, happiness=0)
    assert warnings(train=half, validation=full, test=half) == [
        "warning: no image of fear, happiness in train, test"
    ]
    some = counts(anger=0, fear=0, happiness=3)
    assert warnings(train=half, test=some) == [
        "warning: no image of anger in test",
        "warning: no image of fear",
        "warning: no image of happiness in train",
    ]
    unlabelled = Split(3, {"anger": 0, "fear": 0, "happiness": 0}, 3, ())
    assert warnings(train=full, test=unlabelled) == []


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        (("feer",), "; did 'feer' mean fear? --alias=feer=fear"),
        (("cat", "Faer"), "; did 'Faer' mean fear? --alias=Faer=fear"),
        (("scarred",), "; did 'scarred' mean fear? --alias=scarred=fear"),
        (("neutral", "cat", "f"), ""),
    ],
)
def test_misspelt_classes(unknown, meant):
    reasons = [f"unknown class '{name}'" for name in unknown]
    split = counts(anger=1, fear=0, happiness=1)
    assert warnings(reasons, train=split) == [f"warning: no image of fear{meant}"]


def test_known_classes_that_are_not_listed():
    reasons = {
        "unknown class 'Neutral'": 607,
        "unknown class 'contempt'": 3,
        "unknown class 'happy'": 2,
        "unknown class 'cat'": 1,
    }
    text = summarize(
        manifest(rejected={"count": 613, "reasons": reasons, "sha256": ""}), "out"
    )
    assert text.splitlines()[4:] == [
        "  607 × unknown class 'Neutral': --classes=anger,fear,neutral takes it",
        "  3 × unknown class 'contempt': --classes=anger,fear,contempt takes it",
        "  2 × unknown class 'happy': --classes=anger,fear,happiness takes it",
        "  1 × unknown class 'cat'",
    ]
    both = manifest(
        classes=("happy", "happiness"),
        splits={"train": counts(happy=1, happiness=1)},
        rejected={"count": 1, "reasons": {"unknown class 'joy'": 1}, "sha256": ""},
    )
    assert summarize(both, "out").endswith("unknown class 'joy'")  # means either
    lines = described(rejected={"count": 613, "reasons": reasons, "sha256": ""})
    assert text.splitlines()[4] in lines


def test_other_lines_of_the_description():
    lines = described(
        no_face={"count": 2},
        action_units=("brow", "lip"),
        source={"kind": "folder", "splits": {"train": 1.0}},
    )
    assert lines[5:] == [
        "image sizes: all 48x48",
        "grey: 0 of 3 images (0.0 %)",
        "duplicates: 0 (equal to an earlier image); contradictory: 0 (under several "
        "labels)",
        "no face found: 2, kept whole",
        "rejected: none",
        "shards: 1, 2.3 MB",
        'source: kind folder, splits {"train": 1.0}',
        "action units: brow, lip",
        "SHA-256 of dataset.json: ab",
    ]


def test_many_image_sizes():
    sizes = {f"{number}x{100 - number}": number for number in range(1, 10)}
    (line,) = [line for line in described(image_sizes=sizes) if "image sizes" in line]
    assert line == (
        "image sizes: 9, width 1 to 9, height 91 to 99; 9 of 9x91, 8 of 8x92, "
        "7 of 7x93, 6 of 6x94, 5 of 5x95, …"
    )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (144 * 10**6, "144.0 MB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_size_in_words(size, expected):
    shard = Shard("a", 3, size, "")
    split = Split(3, {"anger": 1, "fear": 2}, 0, (shard,))
    assert f"shards: 1, {expected}" in described(splits={"train": split})


def test_set_without_images():
    lines = described(splits={}, image_sizes={})
    assert lines[1:4] == ["       total", "anger      0", "fear       0"]
    assert "grey: 0 of 0 images (0.0 %)" in lines


def test_names_with_line_breaks_and_json(folder):
    content = json.loads((folder / "dataset.json").read_text())
    assert content["rejected"]["reasons"] == {"bad\nreason": 1}
    split = Split(1, {"a\nb": 1}, 0, ())
    text = summarize(manifest(classes=("a\nb",), splits={"train": split}), "o\nut")
    assert text.splitlines()[:2] == [r"o\nut:", r"       a\nb  total"]
