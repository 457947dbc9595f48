import dataclasses
import io
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import byel_tf
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box, crop
from byel_tf.faces.detector import FaceDetector
from byel_tf.serving import image_inputs
from byel_tf.serving.image_inputs import encode_image
from byel_tf.serving.load import load_export
from byel_tf.serving.loaded_model import Model

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


class Face:
    """Fills the upper left quarter of a picture of 40 pixels."""

    def box(self, margin):
        return Box(0, 0, 20).with_margin(margin)


def drawn(mode="RGB"):
    pixels = np.random.default_rng(2).integers(0, 256, (40, 40, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def faces(monkeypatch):
    """Two faces on pictures in colour, none on grey ones."""
    monkeypatch.setattr(
        FaceDetector, "all", lambda self, image: [Face()] * 2 * (image.mode == "RGB")
    )


@pytest.fixture(scope="module")
def stating(export):
    """A function that makes a model that says how its images were cropped."""
    loaded = load_export(export)
    return lambda **facts: Model(
        dataclasses.replace(loaded, metadata={**loaded.metadata, **facts})
    )


def test_images_are_cropped_as_the_training_images(stating, faces, tmp_path):
    model = stating(crop="face", crop_margin=1.5)
    drawn().save(tmp_path / "a.png")
    images = [
        *(tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), drawn()),
        *(np.asarray(drawn()), drawn("L"), drawn(), b"none"),
    ]
    result = model.predict(images, batch_size=2)
    assert result.faces.tolist() == [2, 2, 2, 2, 0, 2, 0]
    assert [bool(error) for error in result.errors] == [False] * 6 + [True]
    cut = crop(drawn(), Box(0, 0, 20).with_margin(1.5))
    expected = model.predict([cut, drawn("L")], crop="none")
    assert expected.faces is None
    for place in (0, 1, 2, 3, 5):
        np.testing.assert_allclose(
            result.probabilities[place], expected.probabilities[0], atol=1e-5
        )
    np.testing.assert_allclose(
        result.probabilities[4], expected.probabilities[1], atol=1e-5
    )
    whole = model.predict(drawn(), crop="none").probabilities
    assert np.abs(whole - expected.probabilities[:1]).max() > 1e-3


@pytest.mark.parametrize("facts", [{}, {"crop": "none", "crop_margin": 1.0}])
def test_images_are_whole_where_nothing_is_said(stating, faces, facts):
    model = stating(**facts)
    assert model.predict(drawn()).faces is None
    expected = model.predict(drawn(), crop="none").probabilities
    np.testing.assert_array_equal(model.predict(drawn()).probabilities, expected)


def test_warnings_of_crops(stating, faces):
    model = stating(crop="face", crop_margin=1.5)
    with pytest.warns(UserWarning, match="no face was found on 1 of 4 images") as said:
        model.predict([drawn()] * 3 + [drawn("L"), b"none"])
    assert len(said) == 1
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="cropped to the face .margin 2.") as said:
        model.predict(drawn(), crop_margin=2)
    assert len(said) == 1
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict([drawn()] * 4 + [drawn("L")])
        model.predict(drawn(), crop="none")
        assert model.predict([]).faces.shape == (0,)


def test_warnings_of_pillow_are_not_shown(stating):
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn().save(content, "JPEG", exif=exif.tobytes()[:-9])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stating().predict(content.getvalue()).errors == [""]


def test_crops_that_cannot_be_meant(stating):
    model = stating(crop="none")
    with pytest.raises(ValueError, match="crop='box'"):
        model.predict([], crop="box")
    with pytest.raises(ValueError, match="crop_margin has no meaning"):
        model.predict([], crop_margin=2)
    for margin in (0, 5, float("nan")):
        with pytest.raises(ValueError, match="from 0.6 to 4. Received"):
            model.predict([], crop="face", crop_margin=margin)
    with pytest.raises(RunError, match="crop is 'eyes'"):
        stating(crop="eyes").predict([])


def test_no_export(tmp_path):
    with pytest.raises(RunError, match="is not an exported model"):
        byel_tf.load(tmp_path)


@pytest.mark.parametrize("name", ["mtcnn", "own", "haar"])
def test_the_detector_that_is_asked_for(export, monkeypatch, name):
    asked = []

    class Detector:
        def all(self, image):
            return []

    def make(given):
        asked.append(given)
        return Detector()

    monkeypatch.setattr(image_inputs, "face_detector", make)
    with pytest.warns(UserWarning, match="no face was found"):
        byel_tf.load(export).predict([drawn()], crop="face", detector=name)
    assert asked == [name]
