import dataclasses
import hashlib
import json
import os
import pathlib

import pytest

from byel_tf.data.manifest import Manifest, open_dataset, split_name
from byel_tf.errors import RunError, UsageError


def test_round_trip(make_dataset):
    manifest = make_dataset(train=7, test=2).manifest
    assert Manifest.from_json(manifest.to_json(), "x") == manifest


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


def test_file_states_the_hash_of_the_rest(make_dataset, tmp_path):
    make_dataset(train=2)
    content = json.loads((tmp_path / "set" / "dataset.json").read_text())
    stated = content.pop("sha256")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert stated == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["classes"].reverse(),
        lambda content: content["splits"]["train"].update(count=3),
        lambda content: content["source"].update(kind="real"),
        lambda content: content.update(note="mine"),
        lambda content: content.pop("action_units"),
    ],
)
def test_edited_manifest_is_refused(make_dataset, tmp_path, edit):
    make_dataset(train=2)
    file = tmp_path / "set" / "dataset.json"
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"dataset\.json was changed after"):
        open_dataset(str(tmp_path / "set"))


def test_other_format_version(make_dataset, tmp_path):
    make_dataset(train=2)
    file = tmp_path / "set" / "dataset.json"
    text = file.read_text().replace('"format_version": 1', '"format_version": 2')
    file.write_text(text)
    with pytest.raises(RunError, match="format version 2"):
        open_dataset(str(tmp_path / "set"))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"sha256": 1}'],
)
def test_file_that_is_no_manifest(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(RunError, match="is not the manifest"):
        open_dataset(str(tmp_path))


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


def test_manifest_is_frozen(make_dataset):
    manifest = make_dataset(train=1).manifest
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.classes = ()


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


def test_name_too_long_for_a_file():
    with pytest.raises(UsageError, match="longer than 100 bytes.*NAME=x"):
        split_name("é" * 51 + "=x")
