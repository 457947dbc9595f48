"""The converted models, run by their own runtimes."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.errors import RunError, UsageError
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.serving import formats, litert, packages
from byel_tf.serving.action_units import ActionUnitReader
from byel_tf.serving.decoded import decoded_classifier
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export
from byel_tf.serving.parity import CheckImages

pytest.importorskip("tf2onnx", reason="requirements-export.txt is not installed")
onnxruntime = pytest.importorskip("onnxruntime")
interpreters = pytest.importorskip("ai_edge_litert.interpreter")

CLASSES = ("anger", "fear", "happiness")
UNITS = ("AU04_browDown", "AU12_mouthSmile")
SIZE = 24
COUNT = 70  # more than a batch
GREY = {"channels": 1, "normalization": "per_image", "flip_average": True}


class Exported:
    """An export, the network it was made of, and what it says of pictures."""

    def __init__(self, folder, network, pixels):
        self.path = folder / "export" / "1"
        self.network = network
        size = pixels.shape[1]
        width = network.head.kernel.shape[0]
        kernel = np.random.default_rng(9).normal(size=(width, len(UNITS)))
        self.reader = ActionUnitReader(kernel, [0.5, -0.5])
        module = ServingModule(network, CLASSES, size, 2.0, self.reader)
        metadata = {
            "classes": list(CLASSES),
            "image_size": size,
            "action_units": list(UNITS),
        }
        export_saved_model(self.path, module, metadata)
        self.model = model = load_export(self.path)
        self.classifier = decoded_classifier(model)
        encoded = [tf.io.encode_png(picture).numpy() for picture in pixels]
        outputs = model.signature(image_bytes=tf.constant(encoded))
        probabilities = outputs["probabilities"].numpy()
        names = [f"set: {number}.png" for number in range(len(pixels))]
        labels = probabilities.argmax(axis=1)
        self.images = CheckImages(names, pixels, labels, probabilities)

    def require_outputs(self, outputs):
        """Compares with the network in memory, everything around it done here."""
        scaled = tf.cast(self.images.pixels, tf.float32) / 255.0
        representation, logits = (x.numpy() for x in self.network(scaled))
        powers = np.exp(logits.astype(np.float64) / 2.0)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        assert np.ptp(probabilities, axis=0).min() > 0.2
        for name, expected in (
            ("logits", logits),
            ("probabilities", probabilities),
            ("representation", representation),
            ("action_units", self.reader.read(representation).numpy()),
        ):
            assert outputs[name].dtype == np.float32
            limit = 1e-4 * max(1, np.abs(expected).max())
            np.testing.assert_allclose(outputs[name], expected, atol=limit)


@pytest.fixture(scope="module", params=["imagenet", "grey"])
def exported(request, tmp_path_factory, tiny_network, tiny_pictures):
    """A narrow ResNet, for colours or with everything that acts at inference."""
    network = tiny_network(**(GREY if request.param == "grey" else {}))
    folder = tmp_path_factory.mktemp(request.param)
    return Exported(folder, network, tiny_pictures(COUNT))


@pytest.fixture(scope="module")
def onnx_file(exported):
    return formats.convert_to_onnx(exported.classifier, exported.images)


@pytest.fixture(scope="module")
def litert_file(exported):
    return formats.convert_to_litert(exported.classifier, exported.images)


@pytest.fixture(scope="module")
def small(tmp_path_factory, tiny_encoder):
    """A network of one convolution, which is quickly converted."""
    rng = np.random.default_rng(20220720)
    network = ExpressionNetwork(tiny_encoder(), len(CLASSES))
    network.head.kernel.assign(rng.normal(size=network.head.kernel.shape))
    pixels = rng.integers(0, 256, (8, 16, 16, 3), np.uint8)
    return Exported(tmp_path_factory.mktemp("small"), network, pixels)


def test_onnx_runtime(onnx_file, exported):
    session = onnxruntime.InferenceSession(
        onnx_file.content, providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()
    assert (given.name, given.type) == ("images", "tensor(uint8)")
    assert given.shape == ["batch", SIZE, SIZE, 3]
    shapes = {output.name: output.shape for output in session.get_outputs()}
    assert shapes == {
        "logits": ["batch", 3],
        "probabilities": ["batch", 3],
        "representation": ["batch", 32],
        "action_units": ["batch", 2],
    }
    outputs = session.run(list(shapes), {"images": exported.images.pixels})
    exported.require_outputs(dict(zip(shapes, outputs, strict=True)))
    for count in (0, 1):
        (found,) = session.run(
            ["probabilities"], {"images": exported.images.pixels[:count]}
        )
        expected = exported.images.probabilities[:count]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list(CLASSES)
    assert (facts["temperature"], facts["image_size"]) == ("2.0", str(SIZE))


def test_litert_interpreter(litert_file, exported):
    interpreter = interpreters.Interpreter(model_content=litert_file.content)
    run = interpreter.get_signature_runner("serving_default")
    assert run.get_input_details()["images"]["dtype"] == np.uint8
    exported.require_outputs(run(images=exported.images.pixels))
    one = run(images=exported.images.pixels[5:6])["probabilities"]
    expected = exported.images.probabilities[5:6]
    np.testing.assert_allclose(one, expected, atol=1e-4)


def test_numbers_of_the_comparison(onnx_file, litert_file):
    for file in (onnx_file, litert_file):
        parity = file.facts["parity"]
        assert parity["images"] == COUNT
        assert parity["labels_that_differ"] == 0
        assert parity["max_probability_difference"] < 1e-4


@pytest.mark.parametrize("exported", ["grey"], indirect=True)
def test_int8(litert_file, exported, tiny_pictures):
    images = exported.images
    margins = np.diff(np.sort(images.probabilities, axis=1)[:, -2:])[:, 0]
    clear = np.argsort(margins)[COUNT // 2 :]
    chosen = CheckImages(
        [images.names[i] for i in clear],
        images.pixels[clear],
        images.labels[clear],
        images.probabilities[clear],
    )
    file = formats.convert_to_int8(
        exported.classifier, litert_file.content, chosen, tiny_pictures(100), "mine"
    )
    parity = file.facts["parity"]
    assert parity["images"] == len(clear)
    assert parity["saved_model_macro_f1"] == 1.0
    assert 1e-4 < parity["max_probability_difference"] < 0.3
    expected = {"name": "mine", "split": "train", "images": 100}
    assert file.facts["representative_set"] == expected
    floats = set(file.facts["float_operations"])
    assert {"CAST", "SQUARED_DIFFERENCE", "DIV", "SOFTMAX", "FULLY_CONNECTED"} <= floats
    assert "CONV_2D" not in floats
    interpreter = interpreters.Interpreter(model_content=file.content)
    kernels = {
        tensor["index"]
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.int8
        and len(tensor["quantization_parameters"]["scales"]) > 1
    }
    assert len(kernels) >= 6  # a scale for each channel


def test_static_batch(small):
    """One image at a time, in float32 and int8, with no length left open inside."""
    one = decoded_classifier(small.model, batch=1)
    in_float = formats.convert_to_litert(one, small.images)
    in_int8 = formats.convert_to_int8(
        one, in_float.content, small.images, small.images.pixels, "mine"
    )
    for file in (in_float, in_int8):
        assert file.facts["input_shape"] == [1, 16, 16, 3]
        assert file.facts["parity"]["images"] == len(small.images.pixels)
        interpreter = interpreters.Interpreter(model_content=file.content)
        (given,) = interpreter.get_input_details()
        assert given["shape_signature"].tolist() == [1, 16, 16, 3]
        for tensor in interpreter.get_tensor_details():
            assert (tensor["shape_signature"] >= 0).all(), tensor["name"]
    found = litert.LiteRTModel(in_float.content)(small.images.pixels)
    assert {name: value.shape for name, value in found.items()} == {
        "logits": (8, 3),
        "probabilities": (8, 3),
        "representation": (8, 6),
        "action_units": (8, 2),
    }
    expected = small.images.probabilities
    assert np.ptp(expected, axis=0).min() > 0.01
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert formats.convert_to_litert(small.classifier, small.images).facts[
        "input_shape"
    ] == [None, 16, 16, 3]


@pytest.mark.parametrize("convert", ["onnx", "litert"])
def test_other_weights_are_refused(small, convert):
    # What is converted is no longer what was exported.
    (classify,) = small.classifier.module.classify.concrete_functions
    bias = next(one for one in classify.variables if one.shape == (3,))
    before = bias.numpy()
    bias.assign(bias + [0.01, 0, 0])
    function = getattr(formats, f"convert_to_{convert}")
    with pytest.raises(RunError, match=r"is not written.*differ.*\(set: \d\.png\)"):
        function(small.classifier, small.images)
    bias.assign(before)


def test_int8_of_another_macro_f1_is_refused(small):
    model = litert.to_litert(small.classifier)
    wrong = dataclasses.replace(
        small.images,
        labels=(small.images.labels + 1) % 3,
        probabilities=np.roll(small.images.probabilities, 1, axis=1),
    )
    with pytest.raises(RunError, match=r"model_int8.tflite is not written.*macro F1"):
        formats.convert_to_int8(
            small.classifier, model, wrong, small.images.pixels, "mine"
        )


def test_written_files_and_their_description(small, tmp_path):
    made = formats.convert_to_onnx(small.classifier, small.images)
    other = formats.convert_to_litert(small.classifier, small.images)
    folder = tmp_path / "formats"
    files = {"model.onnx": made}
    formats.write_formats(folder, small.classifier, files, {"set": "f00d"})
    formats.write_formats(folder, small.classifier, {"model.tflite": other}, {})
    assert sorted(path.name for path in folder.iterdir()) == [
        "formats.json",
        "model.onnx",
        "model.tflite",
    ]
    content = json.loads((folder / "formats.json").read_text(encoding="utf-8"))
    assert content == formats.read_formats(folder)
    assert content["classes"] == list(CLASSES)
    assert content["temperature"] == 2.0
    assert content["input"] == {
        "name": "images",
        "shape": [None, 16, 16, 3],
        "dtype": "uint8",
        "range": [0, 255],
        "channels": "RGB",
    }
    assert content["outputs"]["representation"]["shape"] == [None, 6]
    assert content["outputs"]["action_units"]["shape"] == [None, 2]
    assert content["action_units"] == list(UNITS)
    assert "bicubic" in content["preprocessing"]["outside"]
    entry = content["files"]["model.onnx"]
    assert entry["bytes"] == (folder / "model.onnx").stat().st_size
    assert entry["compared_on"] == {"set": "f00d"}
    assert entry["versions"]["tensorflow"] == tf.__version__
    # A file that was replaced is no longer described.
    (folder / "model.onnx").write_bytes(b"another")
    assert list(formats.read_formats(folder)["files"]) == ["model.tflite"]


def test_a_package_that_is_missing_is_named():
    with pytest.raises(UsageError, match="no_such.*requirements-export.txt"):
        packages.import_package("no_such_module", "no_such_package")
