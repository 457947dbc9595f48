import csv
import dataclasses
import hashlib
import io
import os

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import serialize
from byel_tf.data.tfrecord import frame
from byel_tf.data.writer import DuplicateCounter, write_dataset, write_table
from byel_tf.errors import RunError


def records_of(dataset, split):
    files = dataset.shard_paths(split)
    return [r.numpy() for r in tf.data.TFRecordDataset(files)]


def test_records_come_back_in_order(make_dataset, make_record):
    dataset = make_dataset(train=7, test=3)
    expected = [serialize(make_record(number)) for number in range(7)]
    assert records_of(dataset, "train") == expected
    assert records_of(dataset, "test") == expected[:3]


def test_shards_roll_over(tmp_path, classes, make_record):
    size = len(frame(serialize(make_record(0, label=0))))
    with write_dataset(
        tmp_path / "out", classes, {"kind": "test"}, shard_bytes=2 * size
    ) as writer:
        for number in range(5):
            writer.add("train", make_record(number, label=0))
    shards = writer.manifest.splits["train"].shards
    assert [shard.file for shard in shards] == [
        f"train-0000{i}-of-00003.tfrecord" for i in range(3)
    ]
    assert [shard.records for shard in shards] == [2, 2, 1]
    files = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert files == ["dataset.json", "rejected.csv", *(s.file for s in shards)]
    for shard in shards:
        content = (tmp_path / "out" / shard.file).read_bytes()
        assert shard.bytes == len(content)
        assert shard.sha256 == hashlib.sha256(content).hexdigest()


def test_full_last_shard_is_followed_by_none(tmp_path, classes, make_record):
    with write_dataset(
        tmp_path / "out", classes, {"kind": "test"}, shard_bytes=1
    ) as writer:
        for number in range(2):
            writer.add("test", make_record(number))
    assert [s.records for s in writer.manifest.splits["test"].shards] == [1, 1]


def test_counts(tmp_path, classes, make_record):
    with write_dataset(tmp_path / "out", classes, {"kind": "test"}) as writer:
        for number, label in enumerate((0, 0, 2, -1)):
            writer.add("train", make_record(number, label, side=4 + number % 2))
        writer.reject("a", "bad")
        writer.reject("b", "worse")
        writer.reject("c", "bad")
    manifest = writer.manifest
    train = manifest.splits["train"]
    assert (train.count, train.unlabelled) == (4, 1)
    assert train.per_class == {"anger": 2, "fear": 0, "happiness": 1}
    assert list(manifest.splits) == ["train"]
    assert manifest.image_sizes == {"4x4": 2, "5x5": 2}
    assert manifest.rejected["count"] == 3
    assert manifest.rejected["reasons"] == {"bad": 2, "worse": 1}


def test_grey_images_and_duplicates(tmp_path, classes, make_record, encode):
    grey = encode(np.full((4, 4), 9, np.uint8))
    with write_dataset(tmp_path / "out", classes, {"kind": "test"}) as writer:
        for split, number, label, content in (
            ("train", 0, 0, None),
            ("train", 1, 1, None),
            ("test", 0, 1, None),  # the first once more, under another label
            ("test", 1, 1, None),
            ("test", 1, 1, None),
            ("test", 2, 2, grey),
            ("train", 3, 2, grey),
        ):
            record = dataclasses.replace(make_record(number), label=label)
            if content:
                record = dataclasses.replace(record, encoded=content)
            writer.add(split, record)
    assert writer.manifest.grey == 2
    assert writer.manifest.duplicates == {"images": 4, "contradictory": 1}
    assert writer.manifest.no_face == {}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 3)), max_size=30))
@settings(deadline=None)
def test_duplicates_are_those_of_a_plain_count(images):
    counter = DuplicateCounter()
    labels = {}
    for picture, label in images:
        counter.add(bytes([picture]), label)
        labels.setdefault(picture, []).append(label)
    assert counter.counts() == {
        "images": len(images) - len(labels),
        "contradictory": sum(len(set(seen) - {-1}) > 1 for seen in labels.values()),
    }


def test_table_is_hashed_as_it_is_written(tmp_path):
    rows = [(f"{number}.png", "reason " * 20) for number in range(2000)]
    file = tmp_path / "table.csv"
    digest = write_table(file, ("path", "reason"), iter(rows))
    content = file.read_bytes()
    assert len(content) > 4 * 2**16  # written in several pieces
    assert digest == hashlib.sha256(content).hexdigest()
    read = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert read == [["path", "reason"], *map(list, rows)]


def test_what_a_spreadsheet_would_run_is_text(tmp_path):
    file = tmp_path / "table.csv"
    write_table(file, ("path",), [("=HYPERLINK(1)",), ("-1.png",), ("'@a",), ("b",)])
    assert file.read_text() == ('path\n"\'=HYPERLINK(1)"\n"\'-1.png"\n"\'\'@a"\n"b"\n')


def test_table_without_rows(tmp_path):
    write_table(tmp_path / "table.csv", ("path",), ())
    assert (tmp_path / "table.csv").read_bytes() == b"path\n"


def test_rejects_with_hostile_names(tmp_path, classes, make_record):
    rows = [
        ("plain.png", "empty file"),
        ('comma, "quote"\nline\rreturn', "a, b"),
        ("ünï.png", "unknown class 'ö'"),
        (os.fsdecode(b"\xff.png"), "unknown class '" + os.fsdecode(b"\xfe'")),
    ]
    with write_dataset(tmp_path / "out", classes, {"kind": "test"}) as writer:
        writer.add("test", make_record(0))
        for row in rows:
            writer.reject(*row)
    content = (tmp_path / "out" / "rejected.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == writer.manifest.rejected["sha256"]
    header, *read = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ["path", "reason"]
    escaped = (r"\udcff.png", r"unknown class '\udcfe'")
    assert read == [list(row) for row in (*rows[:3], escaped)]
    assert open_dataset(str(tmp_path / "out")).manifest == writer.manifest


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_leaves_nothing(tmp_path, classes, make_record, error):
    with (
        pytest.raises(error),
        write_dataset(tmp_path / "out", classes, {"kind": "test"}) as writer,
    ):
        writer.add("train", make_record(0))
        raise error
    assert list(tmp_path.iterdir()) == []


def test_output_that_holds_something(tmp_path, classes):
    (tmp_path / "mine").write_text("")
    with pytest.raises(RunError, match="not an empty folder"):
        write_dataset(tmp_path, classes, {"kind": "test"}).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
