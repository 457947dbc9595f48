import dataclasses
import hashlib
import json
import os
import random
import shutil
import struct

import numpy as np
import pytest

from byel_tf.data import verify as module
from byel_tf.data.manifest import Manifest
from byel_tf.data.prepared_dataset import read_manifest
from byel_tf.data.record import serialize
from byel_tf.data.tfrecord import frame, read_frames
from byel_tf.data.verify import Problem, verify
from byel_tf.data.writer import write_dataset, write_manifest, write_table
from byel_tf.errors import RunError


@pytest.fixture
def folder(tmp_path, classes, make_record, encode):
    """A data set of three splits with all that a manifest counts."""
    grey = encode(np.full((4, 4), 9, np.uint8))
    path = tmp_path / "set"
    with write_dataset(
        path, classes, {"kind": "test"}, ("brow", "lip"), shard_bytes=1200
    ) as writer:
        for number in range(15):
            split = ("train", "train", "validation", "test", "test")[number % 5]
            record = make_record(number, side=4 + number % 2)
            if number in (3, 11):  # grey, and one picture of two labels
                record = dataclasses.replace(record, encoded=grey, width=4, height=4)
            if number == 8:
                record = dataclasses.replace(record, label=-1, class_name="")
            writer.add(split, record)
        writer.reject("a.png", "empty file")
        writer.reject('b "ü"\n.png', "not a regular file")
        writer.reject("c.png", "empty file")
    rows = [("d.png",), ("e.png",)]
    sha256 = write_table(path / "no_face.csv", ("path",), rows)
    rewrite(path, no_face={"count": 2, "sha256": sha256})
    return path


def rewrite(path, **changes):
    """Writes the manifest with other values and the right hash."""
    manifest, _ = read_manifest(path)
    write_manifest(path, dataclasses.replace(manifest, **changes))


def problems(path):
    return [str(problem) for problem in verify(path)]


def shards(path):
    return sorted(path.glob("*.tfrecord"))


def test_untouched_set(folder):
    manifest, _ = read_manifest(folder)
    assert manifest.grey == 2
    assert manifest.duplicates == {"images": 1, "contradictory": 1}
    assert sum(split.unlabelled for split in manifest.splits.values()) == 1
    assert len(shards(folder)) == 5
    assert problems(folder) == []


def test_prepared_sets_of_other_tests(make_dataset):
    dataset = make_dataset(train=7, test=2, unlabelled=2, action_units=("a", "b"))
    assert problems(dataset.path) == []


def test_records_are_told_as_they_are_read(folder):
    steps = []
    list(verify(folder, steps.append))
    assert sum(steps) == 15


def test_order_and_number_of_records_do_not_depend_on_chunks(folder, monkeypatch):
    last = shards(folder)[-1]
    flip(last, last.stat().st_size - 1)
    before = problems(folder)
    monkeypatch.setattr(module, "_CHUNK_RECORDS", 1)
    assert problems(folder) == before
    monkeypatch.setattr(module, "_CHUNK_RECORDS", 64)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1)
    assert problems(folder) == before


# What 200 random trials do to a copy of the set.


def flip(path, position=None, mask=None):
    content = bytearray(path.read_bytes())
    position = random.randrange(len(content)) if position is None else position
    content[position] ^= mask or random.randrange(1, 256)
    path.write_bytes(content)


def flip_in_a_shard(path):
    flip(random.choice(shards(path)))


def flip_in_the_manifest(path):
    flip(path / "dataset.json")


def flip_in_a_table(path):
    flip(path / random.choice(["rejected.csv", "no_face.csv"]))


def truncate_a_shard(path):
    shard = random.choice(shards(path))
    os.truncate(shard, random.randrange(shard.stat().st_size))


def truncate_another_file(path):
    file = path / random.choice(["rejected.csv", "no_face.csv", "dataset.json"])
    os.truncate(file, random.randrange(file.stat().st_size))


def extend_a_file(path):
    files = [*shards(path), *path.glob("*.csv"), path / "dataset.json"]
    with random.choice(files).open("ab") as file:
        file.write(random.choice([b"\0", b"\n", frame(b""), b"x,y\n", b" "]))


def remove_a_file(path):
    files = [*shards(path), *path.glob("*.csv"), path / "dataset.json"]
    random.choice(files).unlink()


def swap_shards(path):
    first, second = random.sample(shards(path), 2)
    first.rename(path / "aside")
    second.rename(first)
    (path / "aside").rename(second)


def add_a_shard(path):
    name = random.choice(
        ["test-00009-of-00010.tfrecord", "extra.tfrecord", "train-00000.open"]
    )
    shutil.copy(random.choice(shards(path)), path / name)


def _change_a_leaf(content):
    """Changes one count, name or hash somewhere in the manifest."""
    while True:
        key = random.choice(list(content) if isinstance(content, dict) else [0])
        # Nothing else in the folder says where images came from, or what was measured.
        if key in ("format_version", "source", "action_units"):
            continue
        value = content[key]
        if isinstance(value, dict | list) and value:
            content = value
            continue
        if isinstance(value, int):
            content[key] = value + random.choice([-1, 1, 10])
        elif isinstance(value, str):
            content[key] = value + "x"
        else:
            content[key] = {"count": 1}
        return


def edit_the_manifest(path):
    content = json.loads((path / "dataset.json").read_text("utf-8"))
    _change_a_leaf(content)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (path / "dataset.json").write_bytes(text.encode())


def edit_the_manifest_and_its_hash(path):
    """As someone would who wants other counts to pass."""
    manifest, _ = read_manifest(path)
    before = (path / "dataset.json").read_text("utf-8")
    content = json.loads(before)
    _change_a_leaf(content)
    content.pop("sha256", None)
    text = text_of(content)
    if text == before:  # the hash itself was changed
        flip_in_the_manifest(path)
    else:
        (path / "dataset.json").write_bytes(text.encode())


def text_of(content):
    """A manifest's text with the right hash."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def move_a_record(path):
    """From one class to another in a shard, with its checksums and manifest right."""
    manifest, _ = read_manifest(path)
    name = random.choice(list(manifest.splits))
    split = manifest.splits[name]
    index = random.randrange(len(split.shards))
    shard = split.shards[index]
    records = list(read_frames(path / shard.file))
    victim = random.randrange(len(records))
    label = random.choice([b"anger", b"fear", b"happiness"])
    others = {b"anger": b"angry", b"fear": b"feed", b"happiness": b"happiless"}
    records[victim] = records[victim].replace(label, others[label])
    write_shard(path, manifest, name, index, records)


def write_shard(path, manifest, name, index, records):
    """Writes a shard of serialized records and says so in the manifest."""
    split = manifest.splits[name]
    content = b"".join(map(frame, records))
    (path / split.shards[index].file).write_bytes(content)
    shard = dataclasses.replace(
        split.shards[index],
        records=len(records),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    changed = dataclasses.replace(
        split, shards=(*split.shards[:index], shard, *split.shards[index + 1 :])
    )
    rewrite(path, splits={**manifest.splits, name: changed})


DAMAGES = (
    flip_in_a_shard,
    flip_in_a_shard,
    flip_in_a_shard,
    flip_in_the_manifest,
    flip_in_a_table,
    truncate_a_shard,
    truncate_another_file,
    extend_a_file,
    remove_a_file,
    swap_shards,
    add_a_shard,
    edit_the_manifest,
    edit_the_manifest_and_its_hash,
)


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_all_damage_is_detected(folder, tmp_path):
    random.seed(20220720)
    untouched = contents(folder)
    missed = []
    for trial in range(200):
        copy = tmp_path / f"copy-{trial}"
        shutil.copytree(folder, copy)
        damage = DAMAGES[trial % len(DAMAGES)]
        damage(copy)
        assert contents(copy) != untouched, damage.__name__
        try:
            found = problems(copy)
        except RunError as error:
            found = [str(error)]
        if not found:
            missed.append((trial, damage.__name__))
        assert all(line.count("\n") == 0 for line in found)
    assert missed == []


def test_any_byte_of_a_shard_counts(folder):
    (shard,) = folder.glob("validation-00000*")
    content = shard.read_bytes()
    for position in range(0, len(content), 5):
        flip(shard, position, 0x20)
        # Once, for whatever breaks; and that nothing could be counted.
        (line, _) = problems(folder)
        assert line.startswith(f"{shard.name}: is damaged: record ")
        shard.write_bytes(content)


@pytest.mark.parametrize("name", ["rejected.csv", "no_face.csv"])
def test_any_byte_of_a_table_counts(folder, name):
    file = folder / name
    content = file.read_bytes()
    for position in range(0, len(content), 3):
        flip(file, position, 0x81)
        (line,) = problems(folder)
        assert line.startswith(f"{name}: SHA-256: expected ")
        file.write_bytes(content)


def test_any_byte_of_the_manifest_counts(folder):
    file = folder / "dataset.json"
    content = file.read_bytes()
    for position in range(0, len(content), 3):
        flip(file, position, 0x01)
        with pytest.raises(RunError, match=r"dataset\.json"):
            problems(folder)
        file.write_bytes(content)


# Which words are found for what.


def test_broken_record_is_named(folder):
    shard = shards(folder)[-1]
    flip(shard, shard.stat().st_size - 1)
    number = len(list(walk(shard))) - 1
    assert problems(folder) == [
        f"{shard.name}: is damaged: record {number} does not match its checksum",
        "dataset.json: its counts are not compared, since not every record can be read",
    ]


def walk(shard):
    content, position = shard.read_bytes(), 0
    while position < len(content):
        (length,) = struct.unpack_from("<Q", content, position)
        position += length + len(frame(b""))
        yield position


def test_missing_files(folder):
    shard = shards(folder)[0]
    for file in (shard, folder / "rejected.csv", folder / "no_face.csv"):
        file.unlink()
    assert problems(folder) == [
        "rejected.csv: is missing, dataset.json names it",
        "no_face.csv: is missing, dataset.json names it",
        f"{shard.name}: is missing, dataset.json names it",
        "dataset.json: its counts are not compared, since not every record can be read",
    ]


def test_unlisted_files(folder):
    names = ("a.TFRecord", "test-00000-of-00001.tfrecord.part", "train-00003.open")
    for name in (*names, "contact_sheet.png", "notes.txt"):
        (folder / name).write_text("")
    (folder / "sheets").mkdir()
    rewrite(folder, no_face={"count": 2})
    assert problems(folder) == [
        f"{name}: dataset.json does not name it"
        for name in sorted((*names, "no_face.csv"))
    ]


def test_swapped_shards_of_one_size(tmp_path, classes, make_record):
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        record = dataclasses.replace(make_record(0), action_units=None)
        writer.add("train", record)
        writer.add("test", dataclasses.replace(record, filename="1.png"))
    first, second = shards(tmp_path / "set")
    assert first.stat().st_size == second.stat().st_size
    swap_shards(tmp_path / "set")
    found = problems(tmp_path / "set")
    assert [line.partition(": expected")[0] for line in found] == [
        f"{second.name}: SHA-256",
        f"{first.name}: SHA-256",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grey": 3}, "dataset.json: images in grey: expected 3, found 2"),
        (
            {"duplicates": {"images": 0, "contradictory": 1}},
            "dataset.json: duplicates: images: expected 0, found 1",
        ),
        (
            {"duplicates": {"images": 1, "contradictory": 2}},
            "dataset.json: duplicates: contradictory: expected 2, found 1",
        ),
    ],
)
def test_count_that_was_edited_together_with_the_hash(folder, changes, expected):
    rewrite(folder, **changes)
    assert problems(folder) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"count": 7}, ["train: records in all"]),
        ({"unlabelled": 1}, ["unlabelled"]),
        ({"per_class": {"anger": 9, "fear": 2, "happiness": 2}}, ["class anger"]),
        (
            {"per_class": {"anger": 2, "fear": 2, "joy": 2}},
            ["classes of train", "class happiness", "class joy"],
        ),
    ],
)
def test_split_that_was_edited_together_with_the_hash(folder, changes, expected):
    manifest, _ = read_manifest(folder)
    train = dataclasses.replace(manifest.splits["train"], **changes)
    rewrite(folder, splits={**manifest.splits, "train": train})
    found = problems(folder)
    assert found
    assert all(line.startswith("dataset.json: ") for line in found)


def test_image_sizes_that_were_edited_together_with_the_hash(folder):
    manifest, _ = read_manifest(folder)
    sizes = {**manifest.image_sizes, "4x4": manifest.image_sizes["4x4"] - 1, "9x9": 1}
    rewrite(folder, image_sizes=sizes)
    assert problems(folder) == [
        f"dataset.json: images of 4x4: expected {sizes['4x4']}, "
        f"found {sizes['4x4'] + 1}",
        "dataset.json: images of 9x9: expected 1, found 0",
    ]


def test_tables_whose_counts_were_edited_together_with_the_hash(folder):
    manifest, _ = read_manifest(folder)
    reasons = {"empty file": 1, "not a regular file": 1, "other": 2}
    rejected = {**manifest.rejected, "count": 4, "reasons": reasons}
    rewrite(folder, rejected=rejected, no_face={**manifest.no_face, "count": 3})
    assert problems(folder) == [
        "rejected.csv: rows in all: expected 4, found 3",
        "rejected.csv: rows of empty file: expected 1, found 2",
        "rejected.csv: rows of other: expected 2, found 0",
        "no_face.csv: rows in all: expected 3, found 2",
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "another header"),
        (b"path\nx\n", "another header"),
        (b"path,reason\nx\n", "a row of 1 columns"),
        (b'path,reason\n"x\n', "unexpected end of data"),
        (b"path,reason\n\xff,y\n", "'utf-8' codec can't decode"),
        (
            b'path,reason\n"' + b"x" * 200_000 + b'",y\n',
            "field larger than field limit",
        ),
    ],
)
def test_table_that_is_none(folder, content, found):
    (folder / "rejected.csv").write_bytes(content)
    manifest, _ = read_manifest(folder)
    sha256 = hashlib.sha256(content).hexdigest()
    rewrite(folder, rejected={**manifest.rejected, "sha256": sha256})
    (line,) = problems(folder)
    assert line.startswith(
        f"rejected.csv: content: expected path,reason, found {found}"
    )


@pytest.mark.parametrize("attribute", ["records", "bytes", "sha256"])
def test_shard_that_was_edited_together_with_the_hash(folder, attribute):
    manifest, _ = read_manifest(folder)
    train = manifest.splits["train"]
    other = {"records": 9, "bytes": 9, "sha256": "0" * 64}[attribute]
    shard = dataclasses.replace(train.shards[0], **{attribute: other})
    train = dataclasses.replace(train, shards=(shard, *train.shards[1:]))
    rewrite(folder, splits={**manifest.splits, "train": train})
    (line,) = problems(folder)
    word = attribute.replace("sha256", "SHA-256")
    assert line.startswith(f"{shard.file}: {word}: expected {other}, found ")


def test_names_and_order_within_the_manifest(folder):
    manifest, _ = read_manifest(folder)
    train, *others = manifest.splits.items()
    shards = train[1].shards
    doubled = dataclasses.replace(train[1], shards=(shards[0], *shards))
    rewrite(folder, splits=dict([*others, ("train", doubled)]))
    found = problems(folder)
    assert found[0] == (
        "dataset.json: splits: expected train, validation, test, "
        "found validation, test, train"
    )
    assert found[1] == (
        "dataset.json: name of shard 0 of train: expected "
        f"train-00000-of-{len(shards) + 1:05d}.tfrecord, found {shards[0].file}"
    )


def test_records_that_disagree_with_the_manifest(tmp_path, classes, make_record):
    """Checksums and hashes are right: a faulty writer made it so."""
    good = dataclasses.replace(make_record(0, label=0), action_units=None)
    bad = [
        dataclasses.replace(good, label=7),
        dataclasses.replace(good, class_name="fear"),
        dataclasses.replace(good, width=5),
        dataclasses.replace(good, votes=(1.0,)),
    ]
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        for record in (good, *bad):
            writer.add("test", record)
    name = "test-00000-of-00001.tfrecord"
    assert problems(tmp_path / "set") == [
        f"{name}: record 1: label: expected -1 to 2, found 7",
        f"{name}: record 2: class of label 0: expected 'anger', found 'fear'",
        f"{name}: record 3: description of the image: expected png of 4x4, "
        "found png of 5x4",
        f"{name}: record 4: number of votes: expected 3, found 1",
    ]


def test_broken_image_and_broken_record(folder, make_record):
    manifest, _ = read_manifest(folder)
    broken = dataclasses.replace(make_record(0), encoded=b"text")
    write_shard(folder, manifest, "test", 0, [serialize(broken), b"\xff"])
    name = manifest.splits["test"].shards[0].file
    assert problems(folder) == [
        f"{name}: record 0: image: expected a whole JPEG or PNG file, "
        "found cannot be decoded: neither JPEG nor PNG, or damaged",
        f"{name}: record 1: content: expected the features of an image, "
        "found no tf.train.Example",
        "dataset.json: its counts are not compared, since not every record can be read",
    ]


def test_wrong_class_names_with_right_checksums_and_hashes(folder):
    random.seed(3)
    before = contents(folder)
    for _ in range(10):
        move_a_record(folder)
        if any(
            content != before[name]
            for name, content in contents(folder).items()
            if name.endswith(".tfrecord")
        ):
            break
    found = problems(folder)
    assert len(found) == 1
    assert ": class of label " in found[0]


def test_folder_that_is_no_data_set(tmp_path):
    with pytest.raises(RunError, match="is not a prepared data set"):
        list(verify(tmp_path))


def test_set_without_records(tmp_path, classes):
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}):
        pass
    assert problems(tmp_path / "set") == []


def test_empty_shard(tmp_path, classes, make_record):
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        writer.add("test", dataclasses.replace(make_record(0), action_units=None))
    manifest, _ = read_manifest(tmp_path / "set")
    (tmp_path / "set" / manifest.splits["test"].shards[0].file).write_bytes(b"")
    (first, *_) = problems(tmp_path / "set")
    assert first == "test-00000-of-00001.tfrecord: records: expected 1, found 0"


def test_problem_in_one_line():
    assert str(Problem("a", "is missing")) == "a: is missing"
    assert str(Problem("a", "rows", "1", "2")) == "a: rows: expected 1, found 2"


def test_hash_of_an_edited_manifest_in_the_tests_is_right(folder):
    text = (folder / "dataset.json").read_text("utf-8")
    content = json.loads(text)
    content.pop("sha256")
    assert text_of(content) == text
    assert Manifest.from_json(text, "x").to_json() == text
