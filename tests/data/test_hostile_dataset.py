"""Prepared data sets of strangers, through the real programs: one line each."""

import json
import os
import pathlib
import re

import pytest

from byel_tf.cli import evaluate, inspect
from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.data import manifest as module
from byel_tf.data.manifest import Manifest
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.errors import RunError
from byel_tf.flagging import parse
from byel_tf.program import run_program


def rewrite(folder, edit):
    """Writes a manifest of any content with its hash right."""
    file = folder / "dataset.json"
    content = json.loads(file.read_text())
    edit(content)
    del content["sha256"]
    content["sha256"] = module._content_hash(content)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def shard(**change):
    return lambda c: c["splits"]["train"]["shards"][0].update(change)


def split(**change):
    return lambda c: c["splits"]["train"].update(change)


SIXTY = 60 * "9"
CASES = {
    "shard of the disk": shard(file="/etc/passwd"),
    "shard above": shard(file="../private.tfrecord"),
    "shard below": shard(file="sub/private.tfrecord"),
    "shard of dots": shard(file=".."),
    "shard without a name": shard(file=""),
    "shard's name is long": shard(file="x" * 500),
    "shard's name is endless": shard(file="x" * 10**6),
    "shard's name has a null": shard(file="a\0b"),
    "shard's name is a number": shard(file=7),
    "shard is gone": shard(file="train\x1b[2J\u202e.tfrecord"),
    "shard twice": lambda c: c["splits"]["train"]["shards"].append(
        c["splits"]["train"]["shards"][0]
    ),
    "shard's records": shard(records=-1),
    "shard's records are many": shard(records=int(SIXTY)),
    "shard's records are true": shard(records=True),
    "shard's bytes": shard(bytes=1e300),
    "shard's hash": shard(sha256="\x1b]0;title\x07"),
    "shard has more": shard(note="mine"),
    "count": split(count=-5),
    "count is huge": split(count=10**4000),
    "count is another": split(count=6, per_class={"anger": 6, "fear": 0}),
    "classes of a split": split(per_class={"\x1b[31m": 5}),
    "split": lambda c: c["splits"].update({"\x1b[2J": c["splits"]["train"]}),
    "splits are a list": lambda c: c.update(splits=[1]),
    "splits are deep": lambda c: c.update(splits=nested(500)),
    "classes are numbers": lambda c: c.update(classes=[1, 2, 3]),
    "classes are one": lambda c: c.update(classes=["anger"] * 3),
    "class without a name": lambda c: c.update(classes=["", "fear", "happiness"]),
    "class of a megabyte": lambda c: c.update(classes=["x" * 10**6, "b", "c"]),
    "a class more": lambda c: c["classes"].append("fourth"),
    "action units": lambda c: c.update(action_units=[{}]),
    "sizes": lambda c: c.update(image_sizes={"4 by 4": 5}),
    "sizes are huge": lambda c: c.update(image_sizes={f"{SIXTY}x1": 5}),
    "grey": lambda c: c.update(grey="5"),
    "grey is huge": lambda c: c.update(grey=10**400),
    "duplicates": lambda c: c.update(duplicates={}),
    "source": lambda c: c.update(source=[]),
    "source's kind": lambda c: c["source"].update(kind=[]),
    "source's crop": lambda c: c["source"].update(crop={"a": 1}),
    "source's margin": lambda c: c["source"].update(crop="box", crop_margin="wide"),
    "source's margin is none": lambda c: c["source"].update(
        crop="box", crop_margin=float("nan")
    ),
    "source's pixels": lambda c: c["source"].update(max_pixels="all"),
    "rejected": lambda c: c.update(rejected={}),
    "rejected count": lambda c: c["rejected"].update(count=-1),
    "rejected reasons": lambda c: c["rejected"].update(reasons={"a": "b"}),
    "no face": lambda c: c.update(no_face={"count": "many"}),
    "no face is a list": lambda c: c.update(no_face=[1]),
    "outside": lambda c: c.update(outside={"count": 1}),
    "version": lambda c: c.update(format_version="\x1b[2J" * 10**6),
}


@pytest.fixture
def folder(make_dataset):
    return make_dataset(train=5, action_units=("brow", "lip")).path


def one_line_of(capsys, program, *arguments):
    """The line with which a program refuses what it is given."""
    capsys.readouterr()
    assert run_program(program, ["program.py", *arguments]) == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and len(err) < 700, err[:2000]
    assert err.startswith("program.py: ")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", out + err), out + err
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("edit", CASES.values(), ids=CASES)
def test_manifest(folder, tmp_path, capsys, edit):
    rewrite(folder, edit)
    line = one_line_of(capsys, inspect.main, str(folder))
    assert str(folder) in line
    out = tmp_path / "out"
    arguments = (f"--model={tmp_path}", f"--data={folder}", f"--output={out}")
    assert one_line_of(capsys, evaluate.main, *arguments) == line
    with pytest.raises(RunError):
        open_dataset(str(folder))


def test_train_opens_data_by_the_same_function(folder):
    from byel_tf.training.datasets import open_datasets

    rewrite(folder, CASES["shard above"])
    argv = ["p", f"--train_data={folder}", "--model_dir=run"]
    with pytest.raises(RunError, match="is no file's name"):
        open_datasets(TrainingConfig(*parse(argv, *TRAINING_OPTIONS)))


TEXTS = {
    "empty": b"",
    "nothing but zeros": bytes(1000),
    "no JSON": b"\x89PNG\r\n\x1a\n",
    "a list": b"[]",
    "a number of a million digits": b"1" * 10**6,
    "a depth of a million": b"[" * 10**6,
    "objects of a depth": b'{"a":' * 10**5,
    "keys twice": b'{"format_version": 2, "format_version": 2}',
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("more", [(), ("--verify",)])
def test_text(folder, capsys, content, more):
    (folder / "dataset.json").write_bytes(content)
    line = one_line_of(capsys, inspect.main, str(folder), *more)
    assert "is not the manifest of a prepared data set" in line


def test_a_file_beyond_all_measure(folder, capsys):
    with open(folder / "dataset.json", "wb") as file:
        file.truncate(100 * 2**20)
    line = one_line_of(capsys, inspect.main, str(folder))
    assert "larger than 67108864 bytes" in line


@pytest.mark.parametrize("name", ["dataset.json", "train-00000-of-00001.tfrecord"])
def test_what_is_no_file(folder, capsys, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    for more in ((), ("--verify",)):
        one_line = "not a regular file" if name == "dataset.json" else "is missing"
        capsys.readouterr()
        assert run_program(inspect.main, ["program.py", str(folder), *more]) == 1
        assert one_line in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "name", ["dataset.json", "rejected.csv", "train-00000-of-00001.tfrecord"]
)
def test_links_out_of_the_folder_are_not_followed(folder, tmp_path, capsys, name):
    elsewhere = tmp_path / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    for more in ((), ("--verify",)):
        if name == "rejected.csv" and not more:
            continue  # it is not read
        capsys.readouterr()
        assert run_program(inspect.main, ["program.py", str(folder), *more]) == 1
        assert "leads out of the data set's folder" in "".join(capsys.readouterr())


def test_links_within_the_folder_are_its_own(folder, tmp_path, capsys):
    name = "train-00000-of-00001.tfrecord"
    (folder / "objects").mkdir()
    (folder / name).rename(folder / "objects" / "1")
    (folder / name).symlink_to(pathlib.Path("objects", "1"))
    (tmp_path / "link").symlink_to(folder)
    for path in (folder, tmp_path / "link"):
        assert run_program(inspect.main, ["program.py", str(path), "--verify"]) == 0
    assert "OK: 5 records" in capsys.readouterr().out


def test_names_of_any_characters_reach_no_terminal(folder, capsys):
    red = "\x1b[31mred"

    def edit(content):
        content["classes"][0] = red
        per_class = content["splits"]["train"]["per_class"]
        content["splits"]["train"]["per_class"] = {
            red if name == "anger" else name: n for name, n in per_class.items()
        }
        content["source"]["\x1b]0;title\x07"] = "\x1b[2J\n"
        content["rejected"]["reasons"] = {"\x1b[2J": 3}
        content["rejected"]["count"] = 3
        content["source"]["note"] = "endless " * 10**5

    rewrite(folder, edit)
    assert run_program(inspect.main, ["program.py", str(folder), "--nosheets"]) == 0
    assert r"\x1b[31mred" in (out := capsys.readouterr().out)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", out)
    assert len(out) < 5000
    with pytest.raises(RunError):  # nor do they as the text of a manifest
        Manifest.from_json("\x1b[2J", "x")


def test_an_eps_file_starts_no_other_program(
    tmp_path, make_record, classes, capsys, monkeypatch
):
    import dataclasses

    from PIL import EpsImagePlugin

    from byel_tf.data.writer import write_dataset

    def called(*arguments, **more):
        raise AssertionError("Ghostscript is started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", called)
    eps = (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
        b"%%EOF\n"
    )
    record = dataclasses.replace(make_record(0), encoded=eps)
    monkeypatch.setattr("byel_tf.data.writer.is_grey", lambda content: False)
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        writer.add("test", record)
    path = str(tmp_path / "set")
    line = one_line_of(capsys, inspect.main, path, f"--output={tmp_path / 'sheets'}")
    assert "record 0: its image: cannot be decoded: neither JPEG" in line
    assert run_program(inspect.main, ["program.py", path, "--verify"]) == 1
    assert "neither JPEG nor PNG" in capsys.readouterr().out
