import types

import numpy as np
import tensorflow as tf
from scipy import special

from byel_tf.adaptation.prior import prior_offsets, take_prior


def test_bayes_rule(rng):
    likelihoods = rng.uniform(size=(50, 4))
    source, target = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    logits = np.log(likelihoods * source) + prior_offsets(target, source, 1.0)
    expected = likelihoods * target
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(special.softmax(logits, axis=1), expected)
    assert not prior_offsets(target, source, 0.0).any()


def test_the_head_divides_by_the_temperature_afterwards():
    bias = np.array([1.0, -1.0], np.float32)
    network = types.SimpleNamespace(head=types.SimpleNamespace(bias=tf.Variable(bias)))
    shares, source = np.array([0.2, 0.8]), np.array([0.5, 0.5])
    take_prior(network, shares, source, 0.5, temperature=3.0)
    gained = (network.head.bias.numpy() - bias) / 3.0
    np.testing.assert_allclose(gained, 0.5 * np.log(shares / source), rtol=1e-6)
