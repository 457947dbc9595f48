import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.data.manifest import open_dataset
from byel_tf.errors import RunError, UsageError
from byel_tf.synthesis import dataset as synthesis_dataset
from byel_tf.synthesis.action_units import ACTION_UNITS
from byel_tf.synthesis.dataset import CONTACT_SHEET_FILE_NAME, synthesize
from byel_tf.synthesis.domains import DOMAINS
from byel_tf.synthesis.drawing import draw
from byel_tf.synthesis.sampling import sample_face

CLASSES = ("anger", "happiness", "neutral")
SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


@pytest.fixture
def make(tmp_path):
    def synthesized(name="out", **changes):
        options = {
            "domain": DOMAINS["synthetic"],
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


def test_same_bytes_with_one_worker_and_two(make):
    one = make("one", count=70)
    assert contents(one) == contents(make("two", count=70, workers=2))


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
    assert manifest.action_units == tuple(ACTION_UNITS)
    assert manifest.rejected["count"] == 0
    assert manifest.source == {
        "kind": "synthesis",
        "domain": "synthetic",
        "seed": 3,
        "count": 24,
        "splits": SHARES,
    }


def test_records_show_what_they_say(make):
    dataset = make(count=40)  # more than a worker draws at a time
    subjects = set()
    for split in dataset.manifest.splits:
        for example in examples_of(dataset, split):
            name = example["image/filename"].bytes_list.value[0].decode()
            index = int(name.removesuffix(".png").rpartition("-")[2])
            label = example["image/class/label"].int64_list.value[0]
            assert label == index % 3
            class_name = example["image/class/text"].bytes_list.value[0].decode()
            assert class_name == CLASSES[label]
            subjects.add(example["image/subject"].bytes_list.value[0])
            face = sample_face(3, index, class_name, DOMAINS["synthetic"])
            encoded = example["image/encoded"].bytes_list.value[0]
            np.testing.assert_array_equal(tf.io.decode_png(encoded), draw(face, 16))
            units = example["image/face/action_units"].float_list.value
            expected = [face.action_units[name] for name in ACTION_UNITS]
            np.testing.assert_allclose(units, expected, rtol=1e-6)
            pose = example["image/face/pose"].float_list.value
            angles = (face.pose.yaw, face.pose.pitch, face.pose.roll)
            np.testing.assert_allclose(pose, angles, rtol=1e-6)
    assert len(subjects) == 40


@pytest.mark.parametrize("change", [{"seed": 4}, {"domain": DOMAINS["shifted"]}])
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
    with pytest.raises(UsageError, match="no synthetic faces for 'happy', only for"):
        make(classes=("happy", "sadness"))
    assert list(tmp_path.iterdir()) == []


def test_output_that_holds_something(make, tmp_path):
    make()
    before = contents(open_dataset(str(tmp_path / "out")))
    with pytest.raises(RunError, match="not an empty folder"):
        make()
    assert contents(open_dataset(str(tmp_path / "out"))) == before


def test_lost_worker_is_told_in_one_line(make, tmp_path, monkeypatch):
    class Pool:
        def __init__(self, *arguments, **options):
            del arguments, options

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def map(self, make, tasks):
            raise synthesis_dataset.concurrent.futures.process.BrokenProcessPool

    futures = synthesis_dataset.concurrent.futures
    monkeypatch.setattr(futures, "ProcessPoolExecutor", Pool)
    with pytest.raises(RunError, match="give fewer --workers"):
        make(count=70, workers=2)
    assert list(tmp_path.iterdir()) == []


def test_contact_sheet_shows_a_row_of_each_class(tmp_path):
    synthesize(
        tmp_path / "faces",
        domain=DOMAINS["synthetic"],
        count=5,
        classes=("happiness", "sadness"),
        size=16,
        seed=1,
        shares={"train": 1.0},
        workers=1,
    )
    sheet = Image.open(tmp_path / "faces" / CONTACT_SHEET_FILE_NAME)
    assert sheet.size == (3 * 18 + 2, 2 * 18 + 2)  # three columns, two rows
    pixels = np.asarray(sheet)
    first = draw(sample_face(1, 0, "happiness", DOMAINS["synthetic"]), 16)
    second = draw(sample_face(1, 1, "sadness", DOMAINS["synthetic"]), 16)
    np.testing.assert_array_equal(pixels[2:18, 2:18], first)
    np.testing.assert_array_equal(pixels[20:36, 2:18], second)
    assert (pixels[20:36, 38:54] == 255).all()
