import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.encoders import build_encoder
from byel_tf.models.mlp import MLP
from byel_tf.models.networks import ExpressionNetwork, OnlineNetwork, TargetNetwork
from byel_tf.models.normalization import batch_norm
from tests.models.stepping import scatter


@pytest.fixture
def images(rng):
    return tf.constant(rng.uniform(size=(5, 16, 16, 3)), tf.float32)


@pytest.fixture
def online(tiny_encoder):
    network = OnlineNetwork(
        tiny_encoder(), MLP(16, 8, "projector"), MLP(16, 8, "predictor")
    )
    network(tf.zeros([1, 16, 16, 3]))
    scatter(network.trainable_variables)
    return network


def test_online_network_projects_and_predicts_from_the_projection(online, images):
    projection, prediction = online(images)
    expected = online.projector(online.encoder(images))
    np.testing.assert_allclose(projection, expected, rtol=1e-5, atol=1e-6)
    expected = online.predictor(expected)
    np.testing.assert_allclose(prediction, expected, rtol=1e-5, atol=1e-6)


def test_target_network_pairs_up_with_what_it_follows(online, images, tiny_encoder):
    target = TargetNetwork(tiny_encoder(), MLP(16, 8, "projector"))
    target(images)
    pairs = zip(target.trainable_variables, online.averaged_variables, strict=True)
    for variable, followed in pairs:
        variable.assign(followed)
    projection, _ = online(images, training=True)
    np.testing.assert_allclose(target(images, training=True), projection, rtol=1e-5)


def test_a_target_with_standardised_directions(online, images, tiny_encoder):
    norm = batch_norm("direction_norm", dtype="float32")
    norm(tf.zeros([1, 8]))
    target = TargetNetwork(tiny_encoder(), MLP(16, 8, "projector"), norm)
    target(images)
    target.copy_from(online.encoder, online.projector)
    pairs = zip(target.following_variables, online.averaged_variables, strict=True)
    for variable, followed in pairs:
        np.testing.assert_array_equal(variable, followed)
    projection, _ = online(images, training=True)
    directions = projection / np.linalg.norm(projection, axis=1, keepdims=True)
    centred = directions - directions.numpy().mean(axis=0)
    expected = centred / np.sqrt(np.mean(centred**2, axis=0) + 1e-5)
    found = target(images, training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_reference_online_network_has_35_07_million_parameters():
    network = OnlineNetwork(
        build_encoder("resnet50", image_size=32),
        MLP(4096, 256, "projector"),
        MLP(4096, 256, "predictor"),
    )
    network(tf.zeros([1, 32, 32, 3]))
    sizes = [v.shape.num_elements() for v in network.trainable_variables]
    assert sum(sizes) == 35_067_456


def test_expression_network_classifies_its_representation(tiny_encoder, images):
    network = ExpressionNetwork(tiny_encoder(), 3)
    scatter(network.trainable_variables)
    representation, logits = network(images)
    np.testing.assert_array_equal(representation, network.encoder(images))
    kernel, bias = network.head.get_weights()
    expected = representation.numpy() @ kernel + bias
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
