import dataclasses
import hashlib
import json

import pytest

from byel_tf.data.manifest import Manifest
from byel_tf.data.prepared_dataset import (
    open_dataset,
)
from byel_tf.errors import RunError


def test_round_trip(make_dataset):
    manifest = make_dataset(train=7, test=2).manifest
    assert Manifest.from_json(manifest.to_json(), "x") == manifest


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
        lambda content: content.update(grey=1),
        lambda content: content["duplicates"].update(images=1),
        lambda content: content.update(no_face={"count": 1}),
        lambda content: content.update(sha256="0" * 64),
    ],
)
def test_edited_manifest_is_refused(make_dataset, tmp_path, edit):
    make_dataset(train=2)
    file = tmp_path / "set" / "dataset.json"
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    with pytest.raises(RunError, match=r"dataset\.json was changed after"):
        open_dataset(str(tmp_path / "set"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: text.rstrip(),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("  ", "\t"),
        lambda text: json.dumps(json.loads(text)),
        lambda text: json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n",
        lambda text: text.replace('"grey": 0', '"grey": 0, "grey": 0'),
    ],
)
def test_other_writing_of_the_same_content_is_refused(make_dataset, change):
    """What is hashed is what is read: each byte of the file counts."""
    text = make_dataset(train=2).manifest.to_json()
    assert change(text) != text
    with pytest.raises(RunError, match="was changed after"):
        Manifest.from_json(change(text), "x")


def test_byte_that_is_not_utf8(make_dataset, tmp_path):
    """A replacement character of the text is no excuse for one."""
    manifest = make_dataset(train=2).manifest
    manifest = dataclasses.replace(manifest, source={"kind": "\ufffd."})
    file = tmp_path / "set" / "dataset.json"
    file.write_text(manifest.to_json(), encoding="utf-8", newline="\n")
    assert open_dataset(str(tmp_path / "set")).manifest == manifest
    content = file.read_bytes()
    other = content.replace(b"\xef\xbf\xbd.", b"\xf1\xbf\xbd.")
    assert other.decode(errors="replace") == content.decode()
    file.write_bytes(other)
    with pytest.raises(RunError, match="was changed after"):
        open_dataset(str(tmp_path / "set"))


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.update(note="mine"),
        lambda content: content.pop("action_units"),
        lambda content: content.pop("sha256"),
        lambda content: content.update(classes=[1, 2, 3]),
        lambda content: content.update(grey="1"),
        lambda content: content.update(grey=True),
        lambda content: content.update(source="folder"),
        lambda content: content["image_sizes"].update({"4x4": 1.0}),
        lambda content: content["rejected"].pop("reasons"),
        lambda content: content["rejected"].update(sha256=None),
        lambda content: content.update(no_face=[]),
        lambda content: content["splits"].update(holdout=content["splits"]["train"]),
        lambda content: content["splits"]["train"].pop("unlabelled"),
        lambda content: content["splits"]["train"].update(per_class=[]),
        lambda content: content["splits"]["train"]["shards"][0].update(file="../a"),
        lambda content: content["splits"]["train"]["shards"][0].update(file="/a"),
        lambda content: content["splits"]["train"]["shards"][0].update(file="\0"),
        lambda content: content["splits"]["train"]["shards"][0].update(file=1),
        lambda content: content["splits"]["train"]["shards"][0].update(more=1),
    ],
)
def test_content_that_no_manifest_has(make_dataset, tmp_path, edit):
    make_dataset(train=2)
    file = tmp_path / "set" / "dataset.json"
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content, indent=2) + "\n")
    with pytest.raises(RunError, match=r"dataset\.json is not the manifest"):
        open_dataset(str(tmp_path / "set"))


def test_other_format_version(make_dataset, tmp_path):
    make_dataset(train=2)
    file = tmp_path / "set" / "dataset.json"
    text = file.read_text().replace('"format_version": 2', '"format_version": 1')
    file.write_text(text)
    with pytest.raises(RunError, match="format version 1, this program reads 2"):
        open_dataset(str(tmp_path / "set"))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"sha256": 1}'],
)
def test_file_that_is_no_manifest(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(RunError, match="is not the manifest"):
        open_dataset(str(tmp_path))


def test_manifest_is_frozen(make_dataset):
    manifest = make_dataset(train=1).manifest
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.classes = ()
