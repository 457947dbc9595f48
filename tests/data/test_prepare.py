import collections
import csv
import os
import pathlib
import zipfile

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.data import prepare
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.data.manifest import open_dataset
from byel_tf.data.prepare import assign_splits, parse_ratios, prepare_folder
from byel_tf.errors import RunError, UsageError

THIRDS = {"train": 0.5, "validation": 0.25, "test": 0.25}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def examples_of(dataset, split):
    files = dataset.shard_paths(split)
    for serialized in tf.data.TFRecordDataset(files):
        yield tf.train.Example.FromString(serialized.numpy()).features.feature


def rejects_of(dataset):
    with open(dataset.path / "rejected.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train=0.8,validation=0.1,test=0.1", [0.8, 0.1, 0.1]),
        ("test", [1.0]),
        ("train=1", [1.0]),
        (" test=.5 , train=.5", [0.5, 0.5]),
        ("train=0.3333333,test=0.6666666", [0.3333333, 0.6666666]),
    ],
)
def test_parse_ratios(text, expected):
    shares = parse_ratios(text)
    assert list(shares.values()) == expected
    assert list(shares) == [n for n in ("train", "validation", "test") if n in text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train",
        "train,test",
        "training=1",
        "train=0.5",
        "train=0.5,train=0.5",
        "train=1,test=0",
        "train=2,test=-1",
        "train=half,test=half",
        "train=nan",
        "train=0.5,test=nan",
        "train=inf,test=-inf",
        "train=",
        "test,",
        "Train=1",
    ],
)
def test_shares_that_cannot_be_meant(text):
    if text == "train":
        assert parse_ratios(text) == {"train": 1.0}
        return
    with pytest.raises(UsageError, match="--splits="):
        parse_ratios(text)


@given(
    labels=st.lists(st.integers(0, 4), max_size=200),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_each_class_is_dealt_by_the_shares(labels, weights):
    shares = {
        name: weight / sum(weights)
        for name, weight in zip(("train", "validation", "test"), weights, strict=False)
    }
    items = list(range(len(labels)))
    dealt = list(assign_splits(items, labels, shares))
    assert [item for _, item in dealt] == items
    for label in set(labels):
        of_class = [s for s, i in dealt if labels[i] == label]
        for name, share in shares.items():
            assert abs(of_class.count(name) - share * len(of_class)) <= 1


def test_counts_in_are_counts_out_and_rejects(make_folder, tmp_path, classes, encode):
    source = make_folder(anger=9, fear=5, happiness=12, neutral=2)
    (source / "anger" / "text.jpg").write_bytes(b"text")
    (source / "fear" / "empty.png").write_bytes(b"")
    os.mkfifo(source / "fear" / "fifo")
    (source / "stray.png").write_bytes(encode_one(encode))
    files = [path for path in source.rglob("*") if not path.is_dir()]
    manifest = prepare_folder(source, tmp_path / "out", classes, THIRDS)
    dataset = open_dataset(str(tmp_path / "out"))
    assert dataset.manifest == manifest
    rejected = rejects_of(dataset)
    assert set(rejected) == {
        "anger/text.jpg",
        "fear/empty.png",
        "fear/fifo",
        "stray.png",
        "neutral/000.png",
        "neutral/001.png",
    }
    assert sum(s.count for s in manifest.splits.values()) + len(rejected) == len(files)
    names = collections.Counter()
    for split, content in manifest.splits.items():
        per_class = collections.Counter()
        for example in examples_of(dataset, split):
            name = example["image/filename"].bytes_list.value[0].decode()
            names[name] += 1
            class_name = example["image/class/text"].bytes_list.value[0].decode()
            label = example["image/class/label"].int64_list.value[0]
            assert classes[label] == class_name == name.partition("/")[0]
            encoded = example["image/encoded"].bytes_list.value[0]
            assert encoded == (source / name).read_bytes()
            per_class[class_name] += 1
        assert content.per_class == {name: per_class[name] for name in classes}
    assert set(names.values()) == {1}
    assert {*names, *rejected} == {str(path.relative_to(source)) for path in files}


def encode_one(encode):
    import numpy as np

    return encode(np.zeros((2, 2, 3), np.uint8))


def test_splits_are_stratified(make_folder, tmp_path, classes):
    source = make_folder(anger=40, fear=8, happiness=20)
    manifest = prepare_folder(source, tmp_path / "out", classes, THIRDS)
    assert {n: list(s.per_class.values()) for n, s in manifest.splits.items()} == {
        "train": [20, 4, 10],
        "validation": [10, 2, 5],
        "test": [10, 2, 5],
    }


def test_same_bytes_again_and_other_ones_with_another_seed(
    make_folder, tmp_path, classes
):
    source = make_folder(anger=9, fear=5)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        prepare_folder(source, tmp_path / name, classes, THIRDS, seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_one_more_image_leaves_the_order_of_the_others(
    make_folder, tmp_path, classes, encode
):
    source = make_folder(anger=9, fear=9)

    def names(output):
        prepare_folder(source, tmp_path / output, classes, {"test": 1.0})
        dataset = open_dataset(str(tmp_path / output))
        return [
            example["image/filename"].bytes_list.value[0]
            for example in examples_of(dataset, "test")
        ]

    before = names("a")
    assert before != sorted(before)
    (source / "fear" / "new.png").write_bytes(encode_one(encode))
    after = names("b")
    assert [name for name in after if name != b"fear/new.png"] == before


def test_hostile_names_are_kept(make_folder, tmp_path, classes, encode):
    source = make_folder(anger=1)
    hostile = [b"line\nbreak.png", 'ünï,"☺".png'.encode(), b"\xff.png"]
    for name in hostile:
        (source / "anger" / os.fsdecode(name)).write_bytes(encode_one(encode))
        (source / "anger" / os.fsdecode(b"bad " + name)).write_bytes(b"text")
    prepare_folder(source, tmp_path / "out", classes, {"train": 1.0})
    dataset = open_dataset(str(tmp_path / "out"))
    taken = {
        example["image/filename"].bytes_list.value[0]
        for example in examples_of(dataset, "train")
    }
    assert taken == {b"anger/000.png", *(b"anger/" + name for name in hostile)}
    assert set(rejects_of(dataset)) == {
        "anger/bad line\nbreak.png",
        'anger/bad ünï,"☺".png',
        r"anger/bad \udcff.png",
    }


def test_no_image_can_be_taken(make_folder, tmp_path, classes):
    source = make_folder(anger=0)
    (source / "anger" / "a.png").write_bytes(b"text")
    with pytest.raises(RunError, match="none of the 1 images.*anger/a.png: cannot be"):
        prepare_folder(source, tmp_path / "out", classes, THIRDS)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_interruption_leaves_nothing(make_folder, tmp_path, classes, monkeypatch):
    source = make_folder(anger=4)
    read, calls = prepare.read_image, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read(*arguments)

    monkeypatch.setattr(prepare, "read_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_folder(source, tmp_path / "out", classes, THIRDS)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


@pytest.mark.parametrize("output", [".", "out", "anger/out", "link/out"])
def test_output_within_the_source(make_folder, classes, output):
    source = make_folder(anger=1)
    (source / "link").symlink_to(source / "anger")
    before = sorted(source.rglob("*"))
    with pytest.raises(UsageError, match="choose a folder outside it"):
        prepare_folder(source, source / output, classes, THIRDS)
    assert sorted(source.rglob("*")) == before


def test_output_beside_the_source_with_its_name_as_a_beginning(
    make_folder, tmp_path, classes
):
    source = make_folder(anger=2)
    prepare_folder(source, f"{source}-prepared", classes, {"test": 1.0})
    assert (tmp_path / "images-prepared" / "dataset.json").exists()


def test_window_of_results_keeps_the_order(make_folder, tmp_path, classes, monkeypatch):
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = prepare._map_in_order(pool, str, range(1000), window=7)
        assert list(results) == [str(number) for number in range(1000)]


def test_import_of_real_faces(tmp_path):
    checkout = pathlib.Path(__file__).resolve().parents[2]
    archive = checkout.parent / "shared" / "real_dev" / "fer2013_public.zip"
    if not archive.exists():
        pytest.skip("the real faces are not on this machine")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "real")
    source = tmp_path / "real"
    count = sum(path.is_file() for path in source.rglob("*"))
    manifest = prepare_folder(
        source, tmp_path / "out", DEFAULT_CLASSES, parse_ratios("test")
    )
    assert list(manifest.splits) == ["test"]
    test = manifest.splits["test"]
    assert (count, test.count, manifest.rejected["count"]) == (3589, 2982, 607)
    assert manifest.rejected["reasons"] == {"unknown class 'neutral'": 607}
    assert manifest.image_sizes == {"48x48": 2982}
    (folder,) = source.iterdir()
    found = {
        path.name: len(list(path.iterdir()))
        for path in folder.iterdir()
        if path.name != "neutral"
    }
    assert test.per_class == {
        {"happy": "happiness", "sad": "sadness"}.get(name, name): number
        for name, number in found.items()
    }
    assert test.per_class["disgust"] == 56
