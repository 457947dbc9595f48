import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models import convolution as module
from byel_tf.models.convolution import Convolution


def gradients(layer, inputs, weights):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
    return outputs, *tape.gradient(loss, [inputs, layer.kernel])


@pytest.fixture(autouse=True)
def _policy():
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 11])
@pytest.mark.parametrize("taps", [3, 7])
def test_the_gradient_is_that_of_keras_own(rng, monkeypatch, taps, size, stride):
    exchanged = []
    plain = module._exchanged
    monkeypatch.setattr(
        module, "_exchanged", lambda *a: exchanged.append(a) or plain(*a)
    )
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    options = {"strides": stride, "padding": "same", "use_bias": False}
    layer = Convolution(5, taps, **options)
    theirs = keras.layers.Conv2D(5, taps, dtype="float32", **options)
    # Whole numbers, so that bfloat16 rounds the sums only.
    inputs = tf.constant(rng.integers(-3, 4, (4, size, size, 2)), tf.float32)
    layer.build(inputs.shape)
    theirs.build(inputs.shape)
    kernel = rng.integers(-2, 3, layer.kernel.shape)
    for one in (layer, theirs):
        one.set_weights([kernel])
    out = -(-size // stride)
    weights = tf.constant(rng.integers(-2, 3, (4, out, out, 5)), tf.float32)
    found = gradients(layer, tf.cast(inputs, tf.bfloat16), weights)
    for ours, expected in zip(found, gradients(theirs, inputs, weights), strict=True):
        np.testing.assert_allclose(tf.cast(ours, tf.float32), expected, rtol=2**-8)
    assert len(exchanged) == (out <= 6)


@pytest.mark.parametrize("size", [7, 8, 12])
@pytest.mark.parametrize("channels", [2, 4, 7, 8, 16])
def test_one_tap_with_strides(rng, channels, size):
    """On CPUs with AVX2 alone, TensorFlow's own filter gradient may be wrong here."""
    layer = Convolution(6, 1, strides=2, padding="same", use_bias=False)
    inputs = rng.normal(size=(4, size, size, channels)).astype(np.float32)
    layer.build(inputs.shape)
    out = -(-size // 2)
    weights = rng.normal(size=(4, out, out, 6)).astype(np.float32)
    outputs, towards_inputs, towards_kernel = gradients(
        layer, tf.constant(inputs), tf.constant(weights)
    )
    met, kernel = inputs[:, ::2, ::2], layer.kernel.numpy()[0, 0]
    expected = np.zeros_like(inputs)
    expected[:, ::2, ::2] = weights @ kernel.T
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(outputs, met @ kernel, **close)
    np.testing.assert_allclose(towards_inputs, expected, **close)
    sums = np.einsum("nhwi,nhwo->io", met, weights)
    np.testing.assert_allclose(towards_kernel[0, 0], sums, **close)


def test_in_float32_it_is_keras_own(rng, monkeypatch):
    monkeypatch.setattr(module, "_exchanged", None)
    layer = Convolution(3, 3, padding="same")
    layer(tf.constant(rng.normal(size=(2, 4, 4, 2)), tf.float32))
