"""A classifier of a few weights, and pictures of three colours for it."""

import numpy as np
import pytest


@pytest.fixture
def pictures(rng):
    """A function that makes pictures, (N, 16, 16, 3), uint8, and their classes."""

    def make(count, shares=(1 / 3, 1 / 3, 1 / 3), gain=1.0):
        labels = rng.choice(3, count, p=shares)
        colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])
        pixels = colours[labels][:, None, None] + rng.normal(0, 40, (count, 16, 16, 3))
        return np.clip(gain * pixels, 0, 255).astype(np.uint8), labels

    return make


@pytest.fixture
def network(tiny_encoder, pictures):
    """Trained by least squares on its representations of such pictures."""
    from byel_tf.compat import keras
    from byel_tf.models.networks import ExpressionNetwork

    keras.utils.set_random_seed(3)
    network = ExpressionNetwork(tiny_encoder(), 3)
    images, labels = pictures(300)
    pixels = images.astype(np.float32) / 255
    for _ in range(60):
        network.encoder(pixels, training=True)
    representations = network.encoder(pixels).numpy()
    inputs = np.concatenate([representations, np.ones((300, 1))], axis=1)
    weights, *_ = np.linalg.lstsq(inputs, 6 * np.eye(3)[labels], rcond=None)
    network.head.set_weights([weights[:-1], weights[-1]])
    return network


@pytest.fixture
def running(network):
    from byel_tf.adaptation.running import Running

    return Running(network, batch_size=64)
