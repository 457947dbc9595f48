"""A tiny classifier, its export, and pictures to classify."""

import io

import numpy as np
import pytest
from PIL import Image

CLASSES = ("anger", "fear", "happiness")
IMAGE_SIZE = 24


@pytest.fixture(scope="session")
def classifier():
    from byel_tf.compat import keras
    from byel_tf.models.encoders import build_encoder
    from byel_tf.models.networks import ExpressionNetwork

    keras.utils.set_random_seed(5)
    encoder = build_encoder("resnet18", image_size=IMAGE_SIZE, width=0.0625)
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
