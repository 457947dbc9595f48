import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from byel_tf.adaptation.information import information_loss, maximize_information


def reference(logits):
    """Mean entropy less entropy of the mean, and its gradient, in float64."""
    p = special.softmax(logits, axis=1)
    mean = p.mean(axis=0)
    loss = -(p * np.log(p)).sum(axis=1).mean() + (mean * np.log(mean)).sum()
    # ∂loss/∂p, then through the softmax.
    upstream = (np.log(mean) - np.log(p)) / len(p)
    gradient = p * (upstream - (p * upstream).sum(axis=1, keepdims=True))
    return loss, gradient


def test_loss_and_gradient(rng):
    logits = rng.normal(0, 2, (20, 4))
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = information_loss(variable)
    expected, gradient = reference(logits)
    assert float(loss) == pytest.approx(expected)
    np.testing.assert_allclose(tape.gradient(loss, variable), gradient, atol=1e-12)


def test_bounds():
    sure = 50 * np.eye(4, dtype=np.float32)
    assert float(information_loss(sure)) == pytest.approx(-np.log(4), abs=1e-5)
    assert float(information_loss(sure[:1])) == pytest.approx(0, abs=1e-5)


def test_only_scales_and_offsets_learn(running, pictures):
    images, _ = pictures(90, gain=0.5)
    network = running.network
    (layer,) = [w for w in network.encoder.backbone.layers if "norm" in w.name]
    learned = {id(layer.gamma), id(layer.beta)}
    before = {id(w): w.numpy() for w in network.weights}

    def loss():
        return float(information_loss(running.outputs(images)[1] / 2))

    first = loss()
    maximize_information(network, images, 2.0, 5, 0.01, batch_size=30, seed=1)
    assert loss() < first - 1e-3
    for weight in network.weights:
        is_same = np.array_equal(weight.numpy(), before[id(weight)])
        assert is_same != (id(weight) in learned), weight.name
