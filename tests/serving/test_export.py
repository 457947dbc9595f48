import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.data.image_files import ImageLimits, encode
from byel_tf.data.images import decode_and_resize
from byel_tf.errors import RunError
from byel_tf.models.encoders import build_encoder, normalize
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.serving import export as serving_export
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import ExportedModel
from tests import small_network

CLASSES = (b"anger", b"fear", b"happiness")
IMAGE_SIZE = 24


@pytest.fixture(scope="module")
def serve(export):
    loaded = tf.saved_model.load(str(export))
    signature = loaded.signatures["serving_default"]

    def run(images):
        outputs = signature(image_bytes=tf.constant(images, tf.string, [len(images)]))
        return {name: value.numpy() for name, value in outputs.items()}

    run.signature = signature
    run.loaded = loaded
    return run


def as_in_training(images):
    """Pixels as the import and the input pipeline make them."""
    kept = [encode(image, ImageLimits()).content for image in images]
    return tf.stack([decode_and_resize(image, IMAGE_SIZE) for image in kept])


def test_signature(serve):
    (arguments, named), outputs = (
        serve.signature.structured_input_signature,
        serve.signature.structured_outputs,
    )
    assert arguments == ()
    assert {n: (s.shape.as_list(), s.dtype) for n, s in named.items()} == {
        "image_bytes": ([None], tf.string)
    }
    assert {n: (s.shape.as_list(), s.dtype) for n, s in outputs.items()} == {
        "probabilities": ([None, 3], tf.float32),
        "logits": ([None, 3], tf.float32),
        "label": ([None], tf.string),
        "representation": ([None, 32], tf.float32),
        "valid": ([None], tf.bool),
    }


def test_outputs_are_those_of_the_classifier(serve, classifier, images):
    outputs = serve(images)
    pixels = as_in_training(images)
    representation, logits = classifier(tf.cast(pixels, tf.float32) / 255.0)
    assert outputs["valid"].all()
    np.testing.assert_allclose(outputs["representation"], representation, atol=1e-4)
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)
    expected = tf.nn.softmax(logits / 2.0)
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    assert np.ptp(expected, axis=1).min() > 0.01
    labels = [CLASSES[index] for index in np.argmax(logits, axis=1)]
    assert outputs["label"].tolist() == labels


def test_grey_and_mirrored_images_are_made_inside(images, tmp_path):
    keras.utils.set_random_seed(5)
    grey = {"channels": 1, "normalization": "per_image"}
    with small_network.there():
        encoder = build_encoder(
            small_network.NAME, image_size=IMAGE_SIZE, width=0.25, **grey
        )
    network = ExpressionNetwork(encoder, len(CLASSES), flip_average=True)
    module = ServingModule(network, ("a", "b", "c"), IMAGE_SIZE)
    export_saved_model(tmp_path / "1", module, {})
    signature = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    outputs = signature(image_bytes=tf.constant(images))
    pixels = as_in_training(images)
    pixels = pixels.numpy() / np.float32(255)
    grey = (pixels @ np.array([0.2989, 0.587, 0.114], np.float32))[..., None]
    both = [
        encoder.backbone(normalize(tf.constant(g), "per_image")).numpy()
        for g in (grey, grey[:, :, ::-1])
    ]
    assert np.abs(both[0] - both[1]).max() > 1e-3
    representation = (both[0] + both[1]) / 2
    np.testing.assert_allclose(outputs["representation"], representation, atol=1e-4)
    logits = representation @ network.head.kernel.numpy()
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)


def test_each_image_is_classified_on_its_own(serve, images):
    together = serve(images)
    for index, image in enumerate(images):
        alone = serve([image])
        for name in ("probabilities", "logits", "representation"):
            np.testing.assert_allclose(alone[name][0], together[name][index], atol=1e-5)


@pytest.mark.parametrize("position", [0, 2, 5])
@pytest.mark.parametrize("bad", [b"", b"text", "truncated"])
def test_undecodable_image_costs_the_others_nothing(serve, images, bad, position):
    if bad == "truncated":
        bad = images[1][: len(images[1]) // 2]
    mixed = [*images[:position], bad, *images[position:]]
    outputs, expected = serve(mixed), serve(images)
    assert outputs["valid"].tolist() == [i != position for i in range(len(mixed))]
    for name, value in expected.items():
        kept = np.delete(outputs[name], position, axis=0)
        if value.dtype.kind == "f":
            np.testing.assert_allclose(kept, value, atol=1e-5)
        else:
            np.testing.assert_array_equal(kept, value)
    np.testing.assert_allclose(outputs["probabilities"][position], 1 / 3)
    assert outputs["label"][position] == b""
    assert not outputs["logits"][position].any()
    assert not outputs["representation"][position].any()


def test_only_undecodable_images(serve):
    outputs = serve([b"", b"text"])
    assert not outputs["valid"].any()
    assert outputs["label"].tolist() == [b"", b""]
    assert np.isfinite(outputs["probabilities"]).all()


def test_no_image(serve):
    outputs = serve([])
    assert {name: value.shape for name, value in outputs.items()} == {
        "probabilities": (0, 3),
        "logits": (0, 3),
        "label": (0,),
        "representation": (0, 32),
        "valid": (0,),
    }


def test_class_names_are_in_the_artefact(serve):
    classes = serve.loaded.signatures["classes"]()["classes"]
    assert classes.numpy().tolist() == list(CLASSES)
    assert float(serve.loaded.temperature) == 2.0


def test_the_network_is_held_once(export, classifier, count_convolutions):
    kernels = [v for v in classifier.variables if v.shape.rank == 4]
    assert count_convolutions(export) == len(kernels) == 6


def test_of_earlier_releases_the_classifier_itself_was_saved():
    def classifier(pixels, training):
        return pixels, training

    saved = types.SimpleNamespace(classifier=classifier)
    assert ExportedModel(None, (), {}, saved).classify(3) == (3, False)


def test_artefact_needs_nothing_of_this_project(export, images, tmp_path):
    (tmp_path / "image").write_bytes(images[0])
    code = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "content = tf.constant([open(sys.argv[2], 'rb').read()])\n"
        "result = model.signatures['serving_default'](image_bytes=content)\n"
        "print(result['label'].numpy()[0].decode(), 'byel_tf' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(export), str(tmp_path / "image")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    label, imported = done.stdout.split()
    assert label.encode() in CLASSES
    assert imported == "False"


def test_metadata_is_beside_it(export):
    content = json.loads((export / "byel.json").read_text(encoding="utf-8"))
    assert list(content) == ["classes", "note", "limits", "files"]
    assert [name for name in content["files"] if "variables" not in name] == [
        "saved_model.pb"
    ]
    assert content["classes"] == ["anger", "fear", "happiness"]
    assert content["note"] == "é"


def test_existing_version_is_not_touched(export, classifier):
    before = sorted(export.rglob("*"))
    module = ServingModule(classifier, ("a", "b", "c"), IMAGE_SIZE)
    with pytest.raises(RunError, match="not an empty folder"):
        export_saved_model(export, module, {})
    assert sorted(export.rglob("*")) == before


def test_failed_export_leaves_nothing(classifier, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving_export.tf.saved_model, "save", fail)
    module = ServingModule(classifier, ("a", "b", "c"), IMAGE_SIZE)
    with pytest.raises(OSError, match="No space left"):
        export_saved_model(tmp_path / "export" / "1", module, {})
    assert list((tmp_path / "export").iterdir()) == []


def test_export_that_differs_from_memory_is_refused(tiny_encoder, images, tmp_path):
    network = ExpressionNetwork(tiny_encoder(), len(CLASSES))
    module = ServingModule(network, ("a", "b", "c"), 16)
    files = {f"set: {number}": content for number, content in enumerate(images)}
    export_saved_model(tmp_path / "1", module, {}, files)
    assert (tmp_path / "1" / "saved_model.pb").exists()

    original = module.serve

    def serve(image_bytes):
        outputs = original(image_bytes)
        return {**outputs, "probabilities": outputs["probabilities"] + 2e-5}

    serve.input_signature = original.input_signature
    module.serve = serve
    saved = serving_export.tf.saved_model.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            serving_export.tf.saved_model,
            "save",
            lambda module, path, signatures: saved(
                module, path, {**signatures, "serving_default": original}
            ),
        )
        message = r"the SavedModel is not written.*the model in memory.*\(set: \d\)"
        with pytest.raises(RunError, match=message):
            export_saved_model(tmp_path / "2", module, {}, files)
    assert not (tmp_path / "2").exists()
