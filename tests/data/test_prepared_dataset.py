import dataclasses
import hashlib
import os
import pathlib
import struct

import pytest

from byel_tf.data.prepared_dataset import (
    open_dataset,
    open_folder,
    read_manifest,
    require_classes,
    require_split,
    split_name,
)
from byel_tf.data.tfrecord import frame
from byel_tf.errors import RunError, UsageError


def test_opened_data_set(make_dataset, tmp_path):
    dataset = make_dataset(train=7, validation=2)
    file = tmp_path / "set" / "dataset.json"
    assert (dataset.name, dataset.path) == ("set", tmp_path / "set")
    assert dataset.manifest_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert set(dataset.manifest.splits) == {"train", "validation"}
    paths = [pathlib.Path(p) for p in dataset.shard_paths("train")]
    assert sum(path.stat().st_size for path in paths) == sum(
        shard.bytes for shard in dataset.manifest.splits["train"].shards
    )


def test_folder_is_opened_under_a_name(make_dataset, tmp_path):
    dataset = make_dataset("a=b", train=2)
    assert open_folder("mine", tmp_path / "a=b") == dataclasses.replace(
        dataset, name="mine", path=tmp_path / "a=b"
    )
    manifest, sha256 = read_manifest(tmp_path / "a=b")
    assert (manifest, sha256) == (dataset.manifest, dataset.manifest_sha256)


@pytest.mark.parametrize("name", ["none", "a file"])
def test_folder_that_is_no_data_set(tmp_path, name):
    (tmp_path / "a file").write_text("")
    with pytest.raises(RunError, match="is not a prepared data set.*cli.prepare"):
        open_dataset(str(tmp_path / name))


def test_missing_shard(make_dataset):
    dataset = make_dataset(train=7)
    pathlib.Path(dataset.shard_paths("train")[-1]).unlink()
    with pytest.raises(RunError, match=r"tfrecord is missing"):
        open_dataset(str(dataset.path))


@pytest.mark.parametrize("change", [-1, 1])
def test_shard_of_another_size(make_dataset, change):
    dataset = make_dataset(train=7)
    shard = dataset.shard_paths("train")[0]
    os.truncate(shard, os.path.getsize(shard) + change)
    with pytest.raises(RunError, match=r"-00000-of-\d+\.tfrecord has \d+ bytes"):
        open_dataset(str(dataset.path))


def test_shard_with_a_record_fewer(make_dataset):
    """Two records' frames become one of the same size: the headers are counted."""
    dataset = make_dataset(train=7)
    path = pathlib.Path(dataset.shard_paths("train")[0])
    content = path.read_bytes()
    sizes = []
    while sum(sizes) < len(content):
        (length,) = struct.unpack_from("<Q", content, sum(sizes))
        sizes.append(length + len(frame(b"")))
    merged = frame(content[12 : sum(sizes[:2]) - 4])
    assert len(merged) == sum(sizes[:2])
    path.write_bytes(merged + content[sum(sizes[:2]) :])
    assert path.stat().st_size == len(content)
    expected = rf"{path.name} has {len(sizes) - 1} records, .* says {len(sizes)}"
    with pytest.raises(RunError, match=expected):
        open_dataset(str(dataset.path))


def test_shard_with_a_damaged_header(make_dataset):
    dataset = make_dataset(train=7)
    path = pathlib.Path(dataset.shard_paths("train")[1])
    content = bytearray(path.read_bytes())
    content[1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=rf"{path.name} was altered: record 0 has no"):
        open_dataset(str(dataset.path))


def test_folder_in_place_of_a_shard(make_dataset):
    dataset = make_dataset(train=7)
    path = pathlib.Path(dataset.shard_paths("train")[1])
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=rf"{path.name} is missing"):
        open_dataset(str(dataset.path))


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("faces", "faces", "faces"),
        ("/data/faces", "faces", "/data/faces"),
        ("/data/faces/", "faces", "/data/faces"),
        ("mine=/data/faces", "mine", "/data/faces"),
        ("mine=a=b", "mine", "a=b"),
        ("./a=b", "a=b", "./a=b"),
        ("=a", "=a", "=a"),
        ("my faces=é", "my faces", "é"),
        ("/", "data", "/"),
    ],
)
def test_name_and_folder(text, name, path):
    assert split_name(text) == (name, pathlib.Path(path))


@pytest.mark.parametrize("text", [".", "..", "a/.."])
def test_folder_without_a_name_of_its_own(text, tmp_path, monkeypatch):
    work = tmp_path / "work"
    (work / "a").mkdir(parents=True)
    monkeypatch.chdir(work)
    name, path = split_name(text)
    assert (name, path) == (path.resolve().name, pathlib.Path(text))


@pytest.mark.parametrize("text", ["", "mine="])
def test_no_folder(text):
    with pytest.raises(UsageError, match="names no folder"):
        split_name(text)


@pytest.mark.parametrize("name", [".", "..", "a\udcff"])
def test_name_of_no_file(name):
    with pytest.raises(UsageError, match="cannot be named.*another name as NAME=x"):
        split_name(f"{name}=x")


def test_name_too_long_for_a_file():
    with pytest.raises(UsageError, match="longer than 100 bytes.*NAME=x"):
        split_name("é" * 51 + "=x")


def test_classes_that_the_model_does_not_have(make_dataset):
    dataset = make_dataset(test=1)
    classes = dataset.manifest.classes
    require_classes(dataset, list(classes))
    with pytest.raises(RunError) as caught:
        require_classes(dataset, classes[::-1])
    assert f"has the classes {', '.join(classes)}, the model has " in str(caught.value)
    assert f"--classes={','.join(classes[::-1])}" in str(caught.value)


def test_splits_that_are_needed(make_dataset):
    dataset = make_dataset(train=2, test=1)
    require_split(dataset, "test", "report on")
    expected = r"no validation split to choose by \(it has: train, test\): .*--splits"
    with pytest.raises(RunError, match=expected):
        require_split(dataset, "validation", "choose by")


def test_a_split_without_labels_is_none_to_report_on(prepare_brightness):
    dataset = prepare_brightness(test=[(0, -1)], train=[(0, 0)])
    require_split(dataset, "train", "learn from")
    expected = (
        "no test split to report on .*test without labels.*prepare it with labels"
    )
    with pytest.raises(RunError, match=expected):
        require_split(dataset, "test", "report on")
