"""An export in half precision, made from a real one, and found by name."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

import byel_tf
from byel_tf import pretrained
from byel_tf.errors import RunError
from byel_tf.serving import half_precision
from byel_tf.serving.action_units import ActionUnitReader
from byel_tf.serving.decoded import decoded_classifier
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.half_precision import write_in_half_precision
from byel_tf.serving.load import find_export, load_export

CLASSES = ("anger", "fear", "happiness")
UNITS = ("AU04_browDown", "AU12_mouthSmile")
SIZE = 24
GREY = {"channels": 1, "normalization": "per_image", "flip_average": True}


@pytest.fixture(scope="module")
def files(tiny_pictures):
    pictures = tiny_pictures(70)  # more than a batch
    return {f"{i}.png": tf.io.encode_png(p).numpy() for i, p in enumerate(pictures)}


@pytest.fixture(scope="module")
def original(tmp_path_factory, tiny_network):
    network = tiny_network(**GREY)
    generator = np.random.default_rng(8)
    kernel = generator.normal(size=(network.head.kernel.shape[0], len(UNITS)))
    reader = ActionUnitReader(kernel, generator.normal(size=len(UNITS)))
    path = tmp_path_factory.mktemp("run") / "export" / "1"
    facts = {"classes": list(CLASSES), "image_size": SIZE, "action_units": list(UNITS)}
    module = ServingModule(network, CLASSES, SIZE, 2.0, reader)
    export_saved_model(path, module, facts)
    return load_export(path), path, network, reader


@pytest.fixture(scope="module")
def halved(original, files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    return folder, write_in_half_precision(folder, original[0], files)


def outputs(model, files):
    found = model.signature(image_bytes=tf.constant(list(files.values())))
    return {name: value.numpy() for name, value in found.items()}


def test_action_units_follow_from_the_representation(original, files):
    model, _, network, reader = original
    found = outputs(model, files)
    expected = found["representation"] @ reader.kernel.numpy() + reader.bias.numpy()
    assert (expected < 0).any() and (expected > 0).any()
    np.testing.assert_allclose(
        found["action_units"], np.maximum(expected, 0), rtol=1e-4, atol=1e-4
    )
    bad = outputs(model, {"a": b"text"})
    assert not bad["valid"].any() and not bad["action_units"].any()
    assert model.action_units == UNITS


def test_it_says_the_same_from_half_the_bytes(
    original, halved, files, count_convolutions
):
    model, path, *_ = original
    folder, parity = halved
    copy = load_export(folder)
    found, expected = outputs(copy, files), outputs(model, files)
    assert list(found) == list(expected)
    difference = np.abs(found["probabilities"] - expected["probabilities"]).max()
    assert 0 < difference < half_precision.HALF_LIMIT
    assert parity["max_probability_difference"] == pytest.approx(difference)
    np.testing.assert_allclose(
        found["action_units"], expected["action_units"], atol=0.02
    )
    sizes = [
        sum(file.stat().st_size for file in one.glob("variables/*.data*"))
        for one in (folder, path)
    ]
    assert sizes[0] < 0.6 * sizes[1]
    # Of the network and its mirror image, once.
    assert count_convolutions(folder) == count_convolutions(path) == 12
    facts = json.loads((folder / "byel.json").read_text(encoding="utf-8"))
    assert facts["weights"] == "float16"
    assert facts["weights_parity"] == parity
    # What ONNX and LiteRT are made from.
    pixels = np.stack([tf.io.decode_png(file).numpy() for file in files.values()])
    decoded = decoded_classifier(copy).function(pixels)
    for name in ("probabilities", "action_units"):
        np.testing.assert_allclose(decoded[name], found[name], atol=1e-4)


def test_weights_that_do_not_fit_are_refused(original, files, tmp_path, monkeypatch):
    monkeypatch.setattr(half_precision, "HALF_LIMIT", 1e-9)
    with pytest.raises(RunError, match="half precision is not written"):
        write_in_half_precision(tmp_path / "a", original[0], files)
    monkeypatch.undo()
    monkeypatch.setattr(half_precision, "HALF_UNIT_LIMIT", 1e-9)
    with pytest.raises(RunError, match="action units differ"):
        write_in_half_precision(tmp_path / "b", original[0], files)
    with pytest.raises(RunError, match="beyond 65504"):
        half_precision._half(np.full((2, 2), 1e5, np.float32))


def test_found_by_name_and_only_whole(halved, tmp_path, monkeypatch, files):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path / "package")
    folder = tmp_path / "package" / "people"
    shutil.copytree(halved[0], folder)
    assert find_export("people") == folder
    model = byel_tf.load("people", classes=("happiness", "anger"))
    result = model.predict(list(files.values())[:3], crop="none")
    assert result.probabilities.shape == (3, 2)
    assert model.action_units == UNITS and result.action_units.shape == (3, 2)

    own = tmp_path / "people"
    own.mkdir()
    (own / "run.json").write_text("{}")
    with pytest.raises(RunError, match="a run without an export, and also the name"):
        find_export("people")
    shutil.rmtree(own)

    data = folder / "variables" / "variables.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(RunError, match="damaged: variables/variables.data.*again"):
        byel_tf.load("people")
    shutil.rmtree(folder)
    with pytest.raises(RunError, match="people did not come"):
        byel_tf.load("people")
