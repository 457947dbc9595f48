import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import pytest

# No test has a clock: machines differ, and are busy.
hypothesis.settings.register_profile("byel_tf", deadline=None)
hypothesis.settings.load_profile("byel_tf")


def pytest_configure(config):
    """Two logical CPU devices stand in for two GPUs; TensorFlow must not have begun."""
    del config
    import tensorflow as tf

    devices = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


@pytest.fixture(scope="session")
def reference_vectors():
    """Inputs, losses and float64 gradients of the authors' code, by "case/name"."""
    import numpy as np

    checkout = pathlib.Path(__file__).resolve().parents[1]
    file = checkout.parent / "shared" / "reference" / "byel_vectors.npz"
    if not file.exists():
        pytest.skip("the authors' reference vectors are not on this machine")
    return dict(np.load(file))


@pytest.fixture
def two_replicas():
    """A mirrored strategy over two logical CPU devices."""
    from byel_tf.training.strategy import build_strategy

    strategy = build_strategy("mirrored")
    assert strategy.num_replicas_in_sync == 2
    return strategy


@pytest.fixture(scope="session")
def tiny_png():
    """A PNG file of one black pixel."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def prepare_pictures():
    """A function that prepares a data set of small pictures with action units."""
    import io

    import numpy as np
    from PIL import Image

    from byel_tf.data.labels import DEFAULT_CLASSES
    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    def prepare(path, classes=DEFAULT_CLASSES, units=("brow", "lid", "lip"), **counts):
        generator = np.random.default_rng(1)
        with write_dataset(path, classes, {"kind": "test"}, units) as writer:
            for split, count in counts.items():
                for number in range(count):
                    label = number % len(classes)
                    pixels = generator.integers(256, size=(16, 16, 3), dtype=np.uint8)
                    pixels[2 * label : 2 * label + 2] = 255  # what tells the class
                    file = io.BytesIO()
                    Image.fromarray(pixels).save(file, "PNG")
                    record = Record(
                        encoded=file.getvalue(),
                        format="png",
                        height=16,
                        width=16,
                        label=label,
                        class_name=classes[label],
                        filename=f"{split}/{number}.png",
                        action_units=tuple(generator.uniform(0, 2, len(units))),
                    )
                    writer.add(split, record)
        return path

    return prepare


@pytest.fixture
def tiny_encoder():
    """A function that builds an encoder small enough to be compiled in a second."""
    from byel_tf.compat import keras
    from byel_tf.models.encoders import Encoder, normalize
    from byel_tf.models.resnet import batch_norm

    def build():
        backbone = keras.Sequential(
            [
                keras.layers.Conv2D(6, 3, 2, use_bias=False, name="stem"),
                batch_norm("stem_norm"),
                keras.layers.ReLU(),
                keras.layers.GlobalAveragePooling2D(),
            ]
        )
        encoder = Encoder(lambda images: normalize(images, "imagenet"), backbone, 6)
        encoder.build((None, 16, 16, 3))
        return encoder

    return build


@pytest.fixture
def rng():
    """A seeded NumPy generator."""
    import numpy as np

    return np.random.default_rng(20220720)
