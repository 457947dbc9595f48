import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import byel_tf
from byel_tf.errors import RunError
from byel_tf.serving.image_inputs import encode_image

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CLASSES = ("anger", "fear", "happiness")


@pytest.fixture(scope="module")
def model(export):
    return byel_tf.load(export)


@pytest.fixture(scope="module")
def outputs(export, images):
    """What the SavedModel says itself."""
    signature = tf.saved_model.load(str(export)).signatures["serving_default"]
    encoded = [encode_image(image) for image in images]
    found = signature(image_bytes=tf.constant(encoded))
    return {name: value.numpy() for name, value in found.items()}


def test_importing_the_package_imports_nothing_large():
    code = (
        "import sys, byel_tf; byel_tf.load\n"
        "print([m for m in ('numpy', 'PIL', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_classes_and_metadata(model):
    assert model.classes == CLASSES
    assert model.metadata["note"] == "é"


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_result_is_that_of_the_saved_model(model, images, outputs, batch_size):
    result = model.predict(images, batch_size=batch_size, with_representation=True)
    assert len(result) == len(images)
    assert result.labels == [label.decode() for label in outputs["label"]]
    assert result.errors == [""] * len(images)
    assert result.probabilities.dtype == np.float32
    for name in ("probabilities", "representation"):
        np.testing.assert_allclose(getattr(result, name), outputs[name], atol=1e-5)
    np.testing.assert_allclose(
        result.confidence, outputs["probabilities"].max(axis=1), atol=1e-5
    )
    assert model.predict(images).representation is None


def test_mixed_inputs_say_the_same(model, images, outputs, tmp_path):
    (tmp_path / "face.png").write_bytes(images[0])
    picture = Image.open(tmp_path / "face.png")
    mixed = [
        tmp_path / "face.png",
        str(tmp_path / "face.png"),
        images[0],
        picture,
        np.asarray(picture),
    ]
    result = model.predict(image for image in mixed)
    for row in result.probabilities:
        np.testing.assert_allclose(row, outputs["probabilities"][0], atol=1e-5)
    for single in mixed:
        assert model.predict(single).labels == result.labels[:1]


def test_what_cannot_be_read_costs_the_others_nothing(model, images):
    expected = model.predict(images)
    bad = ["missing.png", b"text", None, np.zeros((2, 2)), images[1][:-30]]
    mixed = [item for pair in zip(bad, images, strict=True) for item in pair]
    result = model.predict(mixed, batch_size=3, with_representation=True)
    assert result.labels[1::2] == expected.labels
    np.testing.assert_allclose(
        result.probabilities[1::2], expected.probabilities, atol=1e-5
    )
    assert result.errors[1::2] == [""] * len(images)
    assert result.labels[::2] == [""] * len(bad)
    assert all(result.errors[::2])
    assert "No such file" in result.errors[0]
    np.testing.assert_allclose(result.probabilities[::2], 1 / 3)
    assert not result.confidence[::2].any()
    assert not result.representation[::2].any()


def test_no_image(model):
    result = model.predict([], with_representation=True)
    assert (len(result), result.labels, result.errors) == (0, [], [])
    assert result.probabilities.shape == (0, 3)
    assert result.representation.shape == (0, 32)


def test_batch_size(model):
    with pytest.raises(ValueError, match="batch_size=0"):
        model.predict([], batch_size=0)


def test_a_run_means_its_newest_version(export, tmp_path):
    for version in ("9", "10"):
        folder = tmp_path / "export" / version
        folder.parent.mkdir(exist_ok=True)
        folder.symlink_to(export)
    (tmp_path / "export" / "11").mkdir()  # no export
    from byel_tf.serving.load import find_export

    newest = tmp_path / "export" / "10"
    for given in (tmp_path, tmp_path / "export", newest, str(tmp_path)):
        assert find_export(given) == newest
    assert byel_tf.load(tmp_path).classes == CLASSES


def test_no_export(tmp_path):
    with pytest.raises(RunError, match="is not an exported model"):
        byel_tf.load(tmp_path)
