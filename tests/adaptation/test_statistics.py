import numpy as np
import pytest

from byel_tf.adaptation import statistics
from byel_tf.adaptation.statistics import mix_statistics, norm_layers
from byel_tf.errors import RunError
from byel_tf.models.encoders import build_encoder
from byel_tf.models.networks import ExpressionNetwork


def inputs_of_norm(network, images):
    """What the only batch norm layer of the tiny encoder is given."""
    stem = network.encoder.backbone.layers[0]
    return stem(network.encoder.standardize(images.astype(np.float32) / 255)).numpy()


def test_statistics_are_mixed(network, pictures):
    images, _ = pictures(150, gain=0.4)
    (layer,) = norm_layers(network)
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    values = inputs_of_norm(network, images).reshape(-1, 6).astype(np.float64)
    mix_statistics(network, images, 50, 1.0, batch_size=40)
    share = 150 / 200
    expected = share * values.mean(axis=0) + (1 - share) * mean
    np.testing.assert_allclose(layer.moving_mean.numpy(), expected, rtol=1e-4)
    expected = share * values.var(axis=0) + (1 - share) * variance
    np.testing.assert_allclose(layer.moving_variance.numpy(), expected, rtol=1e-3)
    assert layer.momentum == 0.9
    assert layer.trainable


def test_first_layers_first(monkeypatch):
    encoder = build_encoder("resnet18", image_size=16, width=0.03125, stem="strided")
    network = ExpressionNetwork(encoder, 3)
    layers = norm_layers(network)
    assert len(layers) == 20
    assert layers[0] is encoder.backbone.stem_norm
    assert layers[1:3] == encoder.backbone.blocks[0].norms
    measured = []

    def measure(network, layers, batches):
        measured.append([(layer, float(layer.moving_mean[0])) for layer in layers])
        return [
            (np.full(layer.gamma.shape, 4.0), np.ones(layer.gamma.shape))
            for layer in layers
        ]

    monkeypatch.setattr(statistics, "_measure", measure)
    mix_statistics(network, np.zeros((10, 16, 16, 3), np.uint8), 30, 0.5, 10)
    assert [layer for group in measured for layer, _ in group] == layers[:10]
    assert len(measured) == 3
    means = [float(layer.moving_mean[0]) for layer in layers]
    assert means == [1.0] * 10 + [0.0] * 10


def test_the_order_of_the_images_has_no_say(pictures):
    encoder = build_encoder("resnet18", image_size=16, width=0.03125, stem="strided")
    network = ExpressionNetwork(encoder, 3)
    images, labels = pictures(60)
    source, found = network.get_weights(), []
    for order in (np.argsort(labels, kind="stable"), np.arange(60)[::-1]):
        network.set_weights(source)
        mix_statistics(network, images[order], 30, 1.0, batch_size=25)
        found.append(network.get_weights())
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_without_batch_norm(network):
    network.encoder.backbone = network.head
    with pytest.raises(RunError, match="no batch norm to adapt"):
        norm_layers(network)
