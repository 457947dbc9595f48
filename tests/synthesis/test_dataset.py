import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.records import read_records
from byel_tf.data.verify import verify
from byel_tf.errors import RunError, UsageError
from byel_tf.locks import locked_folder
from byel_tf.synthesis import dataset as dataset_module
from byel_tf.synthesis import drawing
from byel_tf.synthesis.action_units import LABEL_NAMES, label_values
from byel_tf.synthesis.dataset import (
    CONTACT_SHEET_FILE_NAME,
    PROTOTYPE_SHEET_FILE_NAME,
    _votes,
    synthesize,
)
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face

CLASSES = ("anger", "happiness", "neutral")
SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


@pytest.fixture(autouse=True)
def _no_prototypes(request, monkeypatch):
    """The sheet of prototypes, which takes longer than the few faces of a set."""
    if request.function is not test_prototypes_are_beside_the_shards:
        empty = np.zeros((2, 2, 3), np.uint8)
        monkeypatch.setattr(dataset_module, "prototype_sheet", lambda *_: empty)


@pytest.fixture
def make(tmp_path):
    def synthesized(name="out", **changes):
        options = {
            "domain": "synthetic",
            "head": "built-in",
            "count": 24,
            "classes": CLASSES,
            "size": 16,
            "seed": 3,
            "shares": SHARES,
            "workers": 1,
        }
        synthesize(tmp_path / name, **{**options, **changes})
        return open_dataset(str(tmp_path / name))

    return synthesized


def contents(dataset):
    return {path.name: path.read_bytes() for path in dataset.path.iterdir()}


def examples_of(dataset, split):
    for serialized in tf.data.TFRecordDataset(dataset.shard_paths(split)):
        yield tf.train.Example.FromString(serialized.numpy()).features.feature


def test_mixtures_of_two_classes_have_votes():
    classes = ("anger", "fear", "happiness")
    assert _votes({"fear": 1.0}, classes) is None
    assert _votes({"fear": 0.75, "anger": 0.25}, classes) == (0.25, 0.75, 0.0)
    # What is no class has no vote.
    assert _votes({"fear": 0.75, "sadness": 0.25}, classes) is None


def test_same_bytes_with_one_worker_and_two(make, monkeypatch):
    monkeypatch.setattr(drawing, "_PERSONS_A_TASK", 1)  # three tasks
    one = make("one", count=14)
    assert contents(one) == contents(make("two", count=14, workers=2))


def test_neutral_pairs(make, draw, synthetic):
    plain, paired = make("plain"), make("paired", pairs="neutral")
    assert paired.manifest.source == {**plain.manifest.source, "pairs": "neutral"}
    assert list(verify(paired.path)) == []
    for split in plain.manifest.splits:
        records = [read_records(d, split, range(6)) for d in (plain, paired)]
        for without, record in zip(*records, strict=True):
            assert dataclasses.replace(record, pair=None) == without
            index = int(record.filename.removesuffix(".png").rpartition("-")[2])
            face = sample_face(synthetic, record.class_name, 3, index)
            rest = dataclasses.replace(face, action_units={})
            pixels = tf.io.decode_png(record.pair.encoded)
            np.testing.assert_array_equal(pixels, draw.render(rest, 16))
            assert record.pair.subject == record.subject


def test_manifest(make):
    manifest = make().manifest
    assert manifest.classes == CLASSES
    assert {name: split.count for name, split in manifest.splits.items()} == {
        "train": 12,
        "validation": 6,
        "test": 6,
    }
    for split in manifest.splits.values():
        assert len(set(split.per_class.values())) == 1
    assert manifest.image_sizes == {"16x16": 24}
    assert manifest.action_units == LABEL_NAMES
    assert manifest.rejected["count"] == 0
    assert manifest.source == {
        "kind": "synthesis",
        "head": "built-in",
        "domain": "synthetic",
        "domain_sha256": load_domain("synthetic").digest,
        "seed": 3,
        "count": 24,
        "grey": False,
        "size": 16,
        "splits": SHARES,
    }


def test_records_show_what_they_say(make, draw, synthetic):
    dataset = make(count=40)
    subjects = {}
    for split in dataset.manifest.splits:
        for example in examples_of(dataset, split):
            name = example["image/filename"].bytes_list.value[0].decode()
            index = int(name.removesuffix(".png").rpartition("-")[2])
            label = example["image/class/label"].int64_list.value[0]
            assert label == index % 3
            class_name = example["image/class/text"].bytes_list.value[0].decode()
            assert class_name == CLASSES[label]
            face = sample_face(synthetic, class_name, 3, index)
            subject = example["image/subject"].bytes_list.value[0].decode()
            assert subject == face.subject
            subjects.setdefault(subject, set()).add(split)
            encoded = example["image/encoded"].bytes_list.value[0]
            pixels = tf.io.decode_png(encoded)
            np.testing.assert_array_equal(pixels, draw.render(face, 16))
            units = example["image/face/action_units"].float_list.value
            np.testing.assert_allclose(
                units, label_values(face.action_units), rtol=1e-6
            )
            pose = example["image/face/pose"].float_list.value
            angles = (face.pose.yaw, face.pose.pitch, face.pose.roll)
            np.testing.assert_allclose(pose, angles, rtol=1e-6)
    assert len(subjects) == 7
    assert all(len(splits) == 1 for splits in subjects.values())


@pytest.mark.parametrize("change", [{"seed": 4}, {"domain": "shifted"}])
def test_seed_and_domain_decide(make, change):
    pictures = [
        {e["image/encoded"].bytes_list.value[0] for e in examples_of(dataset, "train")}
        for dataset in (make("a"), make("b", **change))
    ]
    assert not pictures[0] & pictures[1]


def test_more_faces_begin_with_the_same(make):
    few, many = (
        [e["image/encoded"].bytes_list.value[0] for e in examples_of(dataset, "test")]
        for dataset in (
            make("few", count=6, shares={"test": 1.0}),
            make("many", count=9, shares={"test": 1.0}),
        )
    )
    assert many[:6] == few


def test_fewer_faces_than_classes(make):
    manifest = make(count=2, shares={"train": 1.0}).manifest
    assert manifest.splits["train"].per_class == {
        "anger": 1,
        "happiness": 1,
        "neutral": 0,
    }


def test_class_without_a_prototype(make, tmp_path):
    with pytest.raises(UsageError, match="the domain 'synthetic' has no 'happy', only"):
        make(classes=("happy", "sadness"))
    assert list(tmp_path.iterdir()) == []


def test_output_that_holds_something(make, tmp_path):
    make()
    before = contents(open_dataset(str(tmp_path / "out")))
    with pytest.raises(RunError, match="not an empty folder"):
        make()
    assert contents(open_dataset(str(tmp_path / "out"))) == before


def test_nothing_is_left_beside_it(make, tmp_path):
    make()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_while_one_draws_another_is_told_who(make, tmp_path):
    folder = tmp_path / ".out.drawing"
    with locked_folder(folder, ""):
        (folder / "00000000.faces").write_bytes(b"of the first")
        for change in ({}, {"seed": 4}):
            message = rf"process {os.getpid()} on .* is drawing the same data set"
            with pytest.raises(RunError, match=message):
                make(**change)
        assert (folder / "00000000.faces").read_bytes() == b"of the first"
    make()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_left_over_after_the_end_it_goes(make, tmp_path):
    make()
    (tmp_path / ".out.drawing").mkdir()
    (tmp_path / ".out.drawing/00000000.faces").write_bytes(b"")
    (tmp_path / ".out.partial-0123abcd").mkdir()
    with pytest.raises(RunError, match="not an empty folder"):
        make()
    shutil.rmtree(tmp_path / "out")
    make()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture
def still_head(monkeypatch):
    """Another head's name: the built-in one, which no expression moves."""
    head = dataclasses.replace(load_head("built-in"), name="still", expressions={})
    monkeypatch.setattr(
        drawing, "load_head", lambda name: head if name == "still" else load_head(name)
    )
    drawing.renderer.cache_clear()
    yield Renderer(head)
    drawing.renderer.cache_clear()


def test_several_heads_in_one_set(make, draw, synthetic, still_head):
    dataset = make(head="built-in:2,still:1", count=54, shares={"train": 1.0})
    assert dataset.manifest.source["head"] == "built-in:2,still:1"
    heads = {}
    for example in examples_of(dataset, "train"):
        name = example["image/filename"].bytes_list.value[0].decode()
        head, _, name = name.partition("/")
        subject = example["image/subject"].bytes_list.value[0]
        heads.setdefault(subject, set()).add(head)
        index = int(name.removesuffix(".png").rpartition("-")[2])
        face = sample_face(synthetic, CLASSES[index % 3], 3, index)
        renderer = {"built-in": draw, "still": still_head}[head]
        pixels = tf.io.decode_png(example["image/encoded"].bytes_list.value[0])
        np.testing.assert_array_equal(pixels, renderer.render(face, 16))
    # A person keeps one head.
    assert all(len(of_person) == 1 for of_person in heads.values())
    counts = [
        sum(head in of for of in heads.values()) for head in ("built-in", "still")
    ]
    assert counts == [7, 2]


def test_bad_shares_of_heads(make, tmp_path):
    with pytest.raises(
        UsageError, match="--head=built-in:0: the share '0' of built-in"
    ):
        make(head="built-in:0")
    assert list(tmp_path.iterdir()) == []


def test_own_domain_is_recorded(make, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('base = "synthetic"\n[pose]\nyaw = 0\n')
    one = make("one", domain=str(file), count=6).manifest.source
    file.write_text('base = "synthetic"\n[pose]\nyaw = 1\n')
    two = make("two", domain=str(file), count=6).manifest.source
    assert one["domain"] == two["domain"] == "mine"
    assert one["domain_sha256"] != two["domain_sha256"]


def test_grey_images(make):
    dataset = make(grey=True)
    for example in examples_of(dataset, "train"):
        encoded = example["image/encoded"].bytes_list.value[0]
        assert tf.io.decode_png(encoded).shape == (16, 16, 1)


def test_contact_sheet_shows_a_row_of_each_class(make, draw, synthetic):
    dataset = make(count=5, classes=("happiness", "sadness"), shares={"train": 1.0})
    sheet = Image.open(dataset.path / CONTACT_SHEET_FILE_NAME)
    assert sheet.size == (3 * 18 + 2, 2 * 18 + 2)  # three columns, two rows
    pixels = np.asarray(sheet)
    first = draw.render(sample_face(synthetic, "happiness", 3, 0), 16)
    second = draw.render(sample_face(synthetic, "sadness", 3, 1), 16)
    np.testing.assert_array_equal(pixels[2:18, 2:18], first)
    np.testing.assert_array_equal(pixels[20:36, 2:18], second)
    assert (pixels[20:36, 38:54] == 255).all()


def test_prototypes_are_beside_the_shards(make):
    sheet = Image.open(make().path / PROTOTYPE_SHEET_FILE_NAME)
    assert sheet.size[1] == len(CLASSES) * (128 + 18)
