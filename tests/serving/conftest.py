"""A tiny classifier, its export, and pictures to classify."""

import io

import numpy as np
import pytest
from PIL import Image

from tests import small_network

CLASSES = ("anger", "fear", "happiness")
IMAGE_SIZE = 24


@pytest.fixture(scope="session")
def classifier():
    from byel_tf.compat import keras
    from byel_tf.models.encoders import build_encoder
    from byel_tf.models.networks import ExpressionNetwork

    keras.utils.set_random_seed(5)
    with small_network.there():
        encoder = build_encoder(small_network.NAME, image_size=IMAGE_SIZE, width=0.25)
    model = ExpressionNetwork(encoder, len(CLASSES))
    # Moving statistics as after some training, so that they are seen to be used.
    generator = np.random.default_rng(5)
    for _ in range(40):
        batch = generator.uniform(size=(8, IMAGE_SIZE, IMAGE_SIZE, 3))
        encoder(batch.astype(np.float32), training=True)
    kernel = model.head.kernel
    kernel.assign(generator.normal(size=kernel.shape))
    return model


@pytest.fixture(scope="session")
def export(classifier, tmp_path_factory):
    """Folder of a SavedModel with a temperature other than 1."""
    from byel_tf.serving.export import ServingModule, export_saved_model

    path = tmp_path_factory.mktemp("model") / "export" / "1"
    module = ServingModule(classifier, CLASSES, IMAGE_SIZE, temperature=2.0)
    export_saved_model(path, module, {"classes": list(CLASSES), "note": "é"})
    return path


@pytest.fixture(scope="session")
def count_convolutions():
    """A function that counts those of all graphs that an export holds."""
    from tensorflow.core.protobuf import saved_model_pb2

    def count(folder):
        content = (folder / "saved_model.pb").read_bytes()
        (meta,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
        graphs = [meta.graph_def.node]
        graphs += [one.node_def for one in meta.graph_def.library.function]
        return sum(node.op == "Conv2D" for graph in graphs for node in graph)

    return count


@pytest.fixture(scope="session")
def images():
    """JPEG and PNG files of several sizes and modes."""
    generator = np.random.default_rng(6)

    def encode(shape, file_format):
        buffer = io.BytesIO()
        pixels = generator.integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(buffer, file_format)
        return buffer.getvalue()

    return [
        encode((30, 20, 3), "PNG"),
        encode((IMAGE_SIZE, IMAGE_SIZE, 3), "JPEG"),
        encode((48, 48), "PNG"),
        encode((9, 50), "JPEG"),
        encode((16, 16, 4), "PNG"),
    ]


@pytest.fixture(scope="session")
def tiny_pictures():
    """A function that makes colour gradients, (N, S, S, 3), uint8; one is blank."""

    def make(count):
        generator = np.random.default_rng(6)
        rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] / IMAGE_SIZE
        slopes = generator.uniform(-1, 1, (2, count, 1, 1, 3))
        pictures = slopes[0] * rows[..., None] + slopes[1] * columns[..., None]
        pictures += generator.uniform(0, 1, (count, 1, 1, 3))
        pictures += generator.normal(0, 0.1, pictures.shape)
        pictures[0] = 0.5
        return (255 * np.clip(pictures, 0, 1)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def tiny_network(tiny_pictures):
    """A function that makes a narrow ResNet that tells such pictures apart."""
    from byel_tf.compat import keras
    from byel_tf.models.encoders import build_encoder
    from byel_tf.models.networks import ExpressionNetwork

    def make(flip_average=False, **options):
        keras.utils.set_random_seed(5)
        given = {"image_size": IMAGE_SIZE, "width": 0.25, "stem": "strided"}
        with small_network.there():
            encoder = build_encoder(small_network.NAME, **given, **options)
        network = ExpressionNetwork(encoder, len(CLASSES), flip_average)
        batch = tiny_pictures(32).astype(np.float32) / 255
        for _ in range(15):
            encoder(batch, training=True)
        # Logits of mean 0 and deviation 4 over the pictures.
        representation, _ = network(batch)
        directions = np.random.default_rng(5).normal(size=network.head.kernel.shape)
        logits = representation.numpy() @ directions
        scale = 4 / logits.std(axis=0)
        network.head.kernel.assign(directions * scale)
        network.head.bias.assign(-logits.mean(axis=0) * scale)
        return network

    return make
