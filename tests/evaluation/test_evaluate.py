import io
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.metrics import f1_score

from byel_tf.data.manifest import open_dataset
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError
from byel_tf.evaluation.evaluate import (
    evaluate,
    predict_test_split,
    require_classes,
    require_split,
)
from byel_tf.serving.load import load_export

CLASSES = ("dark", "bright")


class Brightness(tf.Module):
    """Stands for an exported model: bright pictures are class 1."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def serve(self, image_bytes):
        def decode(encoded):
            if tf.strings.substr(encoded, 0, 4) == b"\x89PNG":
                return tf.reduce_mean(tf.cast(tf.io.decode_png(encoded), tf.float32))
            return -1.0

        mean = tf.map_fn(decode, image_bytes, tf.float32)
        bright = tf.cast(mean > 127, tf.float32)
        return {
            "probabilities": tf.stack([1 - bright, bright], axis=1),
            "valid": mean >= 0,
        }


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "1"
    module = Brightness()
    tf.saved_model.save(module, str(path), {"serving_default": module.serve})
    (path / "byel.json").write_text(json.dumps({"classes": CLASSES, "note": 1}))
    return path


@pytest.fixture(scope="module")
def model(export):
    return load_export(export)


@pytest.fixture
def make_dataset(tmp_path):
    """A data set of grey pictures: (brightness, label) of each; None: undecodable."""

    def make(pictures, classes=CLASSES, split="test", shard_bytes=10**6):
        folder = tmp_path / "set"
        with write_dataset(
            folder, classes, {"kind": "test"}, shard_bytes=shard_bytes
        ) as writer:
            for index, (brightness, label) in enumerate(pictures):
                buffer = io.BytesIO()
                pixels = np.full((2, 2), brightness or 0, np.uint8)
                # The model that stands in for one decodes no JPEG.
                kind = "JPEG" if brightness is None else "PNG"
                Image.fromarray(pixels).save(buffer, kind)
                record = Record(
                    buffer.getvalue(), "png", 2, 2, label, "", f"{index}.png"
                )
                writer.add(split, record)
        return open_dataset(str(folder))

    return make


def test_loaded_export(model):
    assert model.classes == CLASSES
    assert model.metadata == {"classes": list(CLASSES), "note": 1}


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_scores(model, make_dataset, batch_size):
    pictures = [(0, 0), (255, 1), (255, 0), (10, 1), (0, 0), (200, 1), (3, 0)]
    scores = evaluate(model, make_dataset(pictures, shard_bytes=300), batch_size)
    labels = [label for _, label in pictures]
    predictions = [int(brightness > 127) for brightness, _ in pictures]
    assert scores.count == 7
    assert scores.macro_f1 == f1_score(labels, predictions, average="macro")
    assert scores.confusion_matrix == [[3, 1], [1, 2]]


def test_unlabelled_records_are_not_scored(model, make_dataset):
    scores = evaluate(model, make_dataset([(0, 0), (255, -1), (255, 1)]))
    assert (scores.count, scores.accuracy) == (2, 1)


def test_predictions_are_in_the_order_of_the_records(model, make_dataset):
    pictures = [(0, 0), (255, -1), (255, 1), (9, 1)]
    predictions = predict_test_split(model, make_dataset(pictures, shard_bytes=300), 3)
    assert predictions.filenames == ("0.png", "1.png", "2.png", "3.png")
    assert predictions.labels.tolist() == [0, -1, 1, 1]
    assert predictions.predicted.tolist() == [0, 1, 1, 0]
    assert predictions.probabilities.tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


def test_other_classes(model, make_dataset):
    dataset = make_dataset([(0, 0)], classes=("bright", "dark"))
    with pytest.raises(RunError, match="data set set .* --classes=dark,bright"):
        evaluate(model, dataset)
    with pytest.raises(RunError, match="has the classes bright, dark"):
        require_classes(dataset, CLASSES)
    require_classes(dataset, ["bright", "dark"])


@pytest.mark.parametrize(
    ("pictures", "split"), [([(0, 0)], "train"), ([(0, -1)], "test")]
)
def test_no_test_split(model, make_dataset, pictures, split):
    dataset = make_dataset(pictures, split=split)
    with pytest.raises(RunError, match=f"no test split to report on.*{split}"):
        evaluate(model, dataset)
    with pytest.raises(RunError, match="no validation split to choose by"):
        require_split(dataset, "validation", "choose by")


def test_undecodable_image_is_named(model, make_dataset):
    with pytest.raises(RunError, match=r"data set set: 1\.png cannot be decoded"):
        evaluate(model, make_dataset([(0, 0), (None, 1), (255, 1)]))


def test_damaged_file(model, make_dataset):
    dataset = make_dataset([(0, 0), (255, 1)])
    (shard,) = map(pathlib.Path, dataset.shard_paths("test"))
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1
    shard.write_bytes(content)
    with pytest.raises(RunError, match="data set set .* has a damaged file") as caught:
        evaluate(model, dataset)
    assert "\n" not in str(caught.value)


def test_file_that_ends_early(model, make_dataset):
    dataset = make_dataset([(0, 0)] * 5)
    (shard,) = map(pathlib.Path, dataset.shard_paths("test"))
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 5 * 3])
    with pytest.raises(RunError, match="3 test records were read, its manifest says 5"):
        evaluate(model, dataset)


def damage(path, kind):
    """One way in which a folder is no export."""
    if kind == "missing":
        shutil.rmtree(path)
    elif kind == "no metadata":
        (path / "byel.json").unlink()
    elif kind == "metadata of another kind":
        (path / "byel.json").write_text("[]")
    elif kind == "metadata without classes":
        (path / "byel.json").write_text("{}")
    elif kind == "metadata not UTF-8":
        (path / "byel.json").write_bytes(b"\xff")
    elif kind == "no model":
        (path / "saved_model.pb").unlink()
    elif kind == "damaged model":
        (path / "saved_model.pb").write_bytes(b"\x0a\xff\xff\xff")
    else:
        for file in (path / "variables").iterdir():
            file.unlink()


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "no metadata",
        "metadata of another kind",
        "metadata without classes",
        "metadata not UTF-8",
        "no model",
        "damaged model",
        "no variables",
    ],
)
def test_folder_that_is_no_export(export, tmp_path, kind):
    path = tmp_path / "copy"
    shutil.copytree(export, path)
    damage(path, kind)
    with pytest.raises(RunError, match="copy is not an exported model") as caught:
        load_export(path)
    assert "\n" not in str(caught.value)
