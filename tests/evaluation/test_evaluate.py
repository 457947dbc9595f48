import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax
from sklearn.metrics import f1_score

from byel_tf.errors import RunError
from byel_tf.evaluation.evaluate import (
    LOGITS,
    REPRESENTATION,
    evaluate,
    predict_records,
    predict_split,
)
from byel_tf.serving.load import load_export

CLASSES = ("dark", "bright")


@pytest.fixture(scope="module")
def export(export_brightness, tmp_path_factory):
    return export_brightness(tmp_path_factory.mktemp("export") / "1", note=1)


@pytest.fixture(scope="module")
def model(export):
    return load_export(export)


@pytest.fixture
def make_dataset(prepare_brightness):
    """A data set of grey pictures: (brightness, label) of each; None: undecodable."""

    def make(pictures, classes=CLASSES, split="test", shard_bytes=10**6):
        return prepare_brightness("set", classes, shard_bytes, **{split: pictures})

    return make


def test_loaded_export(model):
    assert model.classes == CLASSES
    assert model.metadata == {"classes": list(CLASSES), "temperature": 1, "note": 1}


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
    dataset = make_dataset(pictures, shard_bytes=300)
    predictions = predict_split(model, dataset, batch_size=3)
    assert predictions.filenames == ("0.png", "1.png", "2.png", "3.png")
    assert predictions.labels.tolist() == [0, -1, 1, 1]
    assert predictions.predicted.tolist() == [0, 1, 1, 0]
    bright = (np.array([0, 255, 255, 9]) - 127) / 10
    expected = softmax(np.stack([-bright, bright], axis=1), axis=1)
    np.testing.assert_allclose(predictions.probabilities, expected, atol=1e-6)
    assert predictions.subjects == ("",) * 4
    assert predictions.logits is None
    assert predictions.representations is None


def test_further_outputs_are_kept_where_asked_for(model, make_dataset):
    pictures = [(0, 0, "Ada"), (137, 1), (255, -1, "Bo")]
    done = []
    predictions = predict_split(
        model,
        make_dataset(pictures),
        batch_size=2,
        keep=(LOGITS, REPRESENTATION),
        advance=done.append,
    )
    assert predictions.subjects == ("Ada", "", "Bo")
    np.testing.assert_allclose(predictions.logits[1], [-1, 1], rtol=1e-6)
    np.testing.assert_allclose(predictions.representations[:, 0], [0, 137 / 255, 1])
    assert predictions.logits.dtype == predictions.representations.dtype == np.float32
    assert done == [2, 1]


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_a_limit_takes_a_sample_in_order(model, make_dataset, limit):
    dataset = make_dataset([(index, index % 2) for index in range(40)], shard_bytes=900)
    predictions = predict_split(model, dataset, limit=limit, keep=(REPRESENTATION,))
    numbers = [int(name.removesuffix(".png")) for name in predictions.filenames]
    assert len(set(numbers)) == limit
    assert numbers == sorted(numbers)
    brightness = predictions.representations[:, 0] * 255
    np.testing.assert_allclose(brightness, numbers, atol=1e-4)
    assert predictions.labels.tolist() == [number % 2 for number in numbers]
    again = predict_split(model, dataset, limit=limit)
    assert again.filenames == predictions.filenames
    assert limit < 7 or {0, 1} == set(predictions.labels)


def test_other_splits(model, make_dataset):
    dataset = make_dataset([(0, 1), (255, 1)], split="validation")
    predictions = predict_split(model, dataset, "validation")
    assert predictions.predicted.tolist() == [0, 1]
    with pytest.raises(RunError, match="no train split to report on"):
        predict_split(model, dataset, "train")


def test_other_classes(model, make_dataset):
    dataset = make_dataset([(0, 0)], classes=("bright", "dark"))
    with pytest.raises(RunError, match="data set set .* --classes=dark,bright"):
        evaluate(model, dataset)


@pytest.mark.parametrize(
    ("pictures", "split", "expected"),
    [
        ([(0, 0)], "train", r"\(it has: train\): prepare it with a share"),
        ([(0, -1)], "test", r"\(it has: test without labels\): prepare it with labels"),
    ],
)
def test_no_test_split(model, make_dataset, pictures, split, expected):
    dataset = make_dataset(pictures, split=split)
    with pytest.raises(RunError, match=f"no test split to report on {expected}"):
        evaluate(model, dataset)


@pytest.mark.parametrize("label", [2, 99, -2])
def test_a_label_of_no_class_is_named(model, make_dataset, label):
    message = rf"1\.png has the label {label}, of 2 classes: prepare it again"
    with pytest.raises(RunError, match=message):
        evaluate(model, make_dataset([(0, 0), (255, label)]))


def test_undecodable_image_is_named(model, make_dataset):
    with pytest.raises(RunError, match=r"data set set: 1\.png cannot be decoded"):
        evaluate(model, make_dataset([(0, 0), (None, 1), (255, 1)]))


@pytest.mark.parametrize("output", ["probabilities", LOGITS, REPRESENTATION])
def test_output_that_is_not_finite(model, make_dataset, output):
    def signature(image_bytes):
        outputs = dict(model.signature(image_bytes=image_bytes))
        is_second = tf.range(tf.size(image_bytes))[:, tf.newaxis] == 1
        return {**outputs, output: tf.where(is_second, np.nan, outputs[output])}

    dataset = make_dataset([(0, 0), (255, 1)])
    keep = (LOGITS, REPRESENTATION)
    expected = rf"data set set: the model's output {output} for 1\.png is not finite"
    with pytest.raises(RunError, match=expected):
        predict_records(signature, dataset, "test", keep=keep)


def test_model_that_fails(make_dataset):
    def signature(image_bytes):
        tf.debugging.assert_less(tf.size(image_bytes), 2, "too many")

    with pytest.raises(RunError, match=r"data set set .* be run on it .*too many") as e:
        predict_records(signature, make_dataset([(0, 0), (255, 1)]), "test")
    assert "\n" not in str(e.value)


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
    elif kind == "classes of another kind":
        (path / "byel.json").write_text('{"classes": "ab"}')
    elif kind == "classes of another number":
        (path / "byel.json").write_text('{"classes": ["a", "b", "c"]}')
    elif kind == "metadata without end":
        (path / "byel.json").write_text("[" * 200_000)
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
        "classes of another kind",
        "classes of another number",
        "metadata without end",
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
    with pytest.raises(RunError, match="copy is (not an export|damaged)") as caught:
        load_export(path)
    assert "\n" not in str(caught.value)


def test_model_without_an_output(tmp_path):
    module = tf.Module()
    module.serve = tf.function(
        lambda image_bytes: {"valid": image_bytes != ""},
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
    )
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.serve})
    (tmp_path / "byel.json").write_text('{"classes": ["a", "b"]}')
    expected = "no output probabilities, logits, representation"
    with pytest.raises(RunError, match=expected):
        load_export(tmp_path)
