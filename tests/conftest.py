import importlib.util
import os
import pathlib
import platform
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if importlib.util.find_spec("tf_keras"):
    # As the programs do: else TensorFlow imports Keras 3, too, in each process.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
if platform.machine() in ("x86_64", "AMD64"):
    # As byel_tf.compat does; some files import TensorFlow first.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import hypothesis
import pytest

# No test has a clock: machines differ, and are busy. Few examples find most faults.
hypothesis.settings.register_profile("byel_tf", deadline=None, max_examples=30)
hypothesis.settings.load_profile("byel_tf")


def pytest_configure(config):
    """Two logical CPU devices stand in for two GPUs; TensorFlow must not have begun."""
    # What is started in the background ignores it, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        return  # it hands tests out to others, and runs none
    os.fsync = lambda descriptor: None  # no test cuts the power
    import tensorflow as tf

    # Graphs are run a few times: optimizing them takes longer than that.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    devices = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


@pytest.fixture(autouse=True)
def _precision_stays():
    """Keras' policy is global: what one test trains in is not the next one's."""
    yield
    if compat := sys.modules.get("byel_tf.compat"):
        compat.keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="session")
def reference_vectors():
    """Inputs, losses and float64 gradients of the authors' code, by "case/name"."""
    import numpy as np

    checkout = pathlib.Path(__file__).resolve().parents[1]
    file = checkout.parent / "shared" / "reference" / "byel_vectors.npz"
    if not file.exists():
        pytest.skip("the authors' reference vectors are not on this machine")
    return dict(np.load(file))


@pytest.fixture(scope="session")
def two_replicas():
    """A mirrored strategy over two logical CPU devices."""
    from byel_tf.distribution.strategy import build_strategy

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
def made_once(tmp_path_factory, worker_id):
    """A function that fills a folder, once for all of pytest's processes."""
    import fcntl
    import shutil

    place = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        place = place.parent

    def make(name, fill):
        folder, made = place / name, place / f"{name}.made"
        with open(place / f"{name}.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def _loaded():
    return {}


@pytest.fixture
def load_once(_loaded, monkeypatch):
    """TensorFlow loads each SavedModel once, which takes most of a second."""
    import tensorflow as tf

    load = tf.saved_model.load

    def load_or_take(path):
        files = [pathlib.Path(path, "saved_model.pb")]
        files += sorted(pathlib.Path(path, "variables").glob("*"))
        content = tuple(file.read_bytes() for file in files)
        if content not in _loaded:
            _loaded[content] = load(path)
        return _loaded[content]

    monkeypatch.setattr(tf.saved_model, "load", load_or_take)


@pytest.fixture
def no_charts(monkeypatch, tiny_png):
    """A report's charts, which take most of its time, are of one pixel."""
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig",
        lambda self, file, **_: file.write(tiny_png),
    )


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


@pytest.fixture(scope="session")
def export_brightness():
    """A function that exports what stands for a model: bright PNGs are class 1."""
    import json

    import tensorflow as tf

    class Brightness(tf.Module):
        def __init__(self, threshold, temperature):
            super().__init__()
            self.threshold, self.temperature = threshold, temperature

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
        def serve(self, image_bytes):
            def decode(encoded):
                if tf.strings.substr(encoded, 0, 4) == b"\x89PNG":
                    pixels = tf.image.decode_png(encoded, channels=1)
                    return tf.reduce_mean(tf.cast(pixels, tf.float32))
                return -1.0

            mean = tf.map_fn(decode, image_bytes, tf.float32)
            bright = (mean - self.threshold) / 10
            logits = tf.stack([-bright, bright], axis=1)
            return {
                "probabilities": tf.nn.softmax(logits / self.temperature),
                "logits": logits,
                "representation": tf.stack([mean / 255, mean % 7, 1 + 0 * mean], 1),
                "valid": mean >= 0,
            }

    def export(
        path, classes=("dark", "bright"), threshold=127.0, temperature=1.0, **facts
    ):
        module = Brightness(threshold, temperature)
        tf.saved_model.save(module, str(path), {"serving_default": module.serve})
        metadata = {"classes": classes, "temperature": temperature, **facts}
        (path / "byel.json").write_text(json.dumps(metadata))
        return path

    return export


@pytest.fixture
def prepare_brightness(tmp_path):
    """A function that prepares grey pictures, (brightness, label, subject) of each.

    The subject may be missing; a brightness of None makes a picture that the model
    which stands for one cannot decode.
    """
    import io

    import numpy as np
    from PIL import Image

    from byel_tf.data.prepared_dataset import open_dataset
    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    def prepare(name="set", classes=("dark", "bright"), shard_bytes=10**6, **splits):
        folder = tmp_path / name
        with write_dataset(
            folder, classes, {"kind": "test"}, shard_bytes=shard_bytes
        ) as writer:
            for split, pictures in splits.items():
                for index, (brightness, label, *subject) in enumerate(pictures):
                    buffer = io.BytesIO()
                    pixels = np.full((2, 2), brightness or 0, np.uint8)
                    kind = "JPEG" if brightness is None else "PNG"
                    Image.fromarray(pixels).save(buffer, kind)
                    record = Record(
                        encoded=buffer.getvalue(),
                        format="png",
                        height=2,
                        width=2,
                        label=label,
                        class_name="",
                        filename=f"{index}.png",
                        subject=subject[0] if subject else None,
                    )
                    writer.add(split, record)
        return open_dataset(str(folder))

    return prepare


@pytest.fixture(scope="session")
def tiny_encoder():
    """A function that builds an encoder small enough to be compiled in a second."""
    from byel_tf.compat import keras
    from byel_tf.models.encoders import Encoder, normalize
    from byel_tf.models.normalization import batch_norm

    def build(make_norm=batch_norm):
        backbone = keras.Sequential(
            [
                keras.layers.Conv2D(6, 3, 2, use_bias=False, name="stem"),
                make_norm("stem_norm"),
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
