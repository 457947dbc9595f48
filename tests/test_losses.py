import numpy as np
import pytest
import tensorflow as tf

from byel_tf.losses import (
    action_unit_loss,
    bootstrap_loss,
    class_weights_of,
    classification_loss,
    cross_entropy,
    orthonormality_penalty,
)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def test_bootstrap_loss_against_numpy(rng):
    p, z = rng.normal(size=(2, 7, 5))
    expected = 2 - 2 * (unit(p) * unit(z)).sum(-1)
    np.testing.assert_allclose(bootstrap_loss(p, z), expected, rtol=1e-12)


def test_bootstrap_loss_ranges_from_same_to_opposite_direction(rng):
    p = rng.normal(size=(3, 4))
    np.testing.assert_allclose(bootstrap_loss(p, 5 * p), np.zeros(3), atol=1e-12)
    np.testing.assert_allclose(bootstrap_loss(p, -p), np.full(3, 4.0), rtol=1e-12)


def test_bootstrap_loss_of_a_zero_vector_is_finite_with_its_gradient():
    p = tf.Variable(tf.zeros([1, 4]))
    with tf.GradientTape() as tape:
        loss = bootstrap_loss(p, tf.ones([1, 4]))
    assert loss.numpy() == 2.0
    assert np.isfinite(tape.gradient(loss, p).numpy()).all()


def test_classification_loss_against_numpy(rng):
    logits, labels = rng.normal(size=(9, 4)), rng.integers(4, size=9)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -log_softmax[np.arange(9), labels].mean()
    np.testing.assert_allclose(classification_loss(logits, labels), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_against_numpy(rng, smoothing):
    logits, labels = rng.normal(size=(9, 4)), rng.integers(4, size=9)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
    expected = -(target * log_softmax).sum(-1)
    np.testing.assert_allclose(cross_entropy(logits, labels, smoothing), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_shares_against_numpy(rng, smoothing):
    logits, shares = rng.normal(size=(9, 4)), rng.dirichlet(np.ones(4), 9)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(((1 - smoothing) * shares + smoothing / 4) * log_softmax).sum(-1)
    np.testing.assert_allclose(cross_entropy(logits, shares, smoothing), expected)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_class_weights_are_those_of_the_labels(rng, kind):
    weights, labels = [0.0, 0.5, 2.25, 1.0], rng.integers(4, size=9).astype(kind)
    found = class_weights_of(tf.constant(labels), weights)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, np.array(weights)[labels])


def test_without_class_weights_all_count_alike():
    assert class_weights_of(tf.constant([0, 2]), None) == 1.0


def test_action_unit_loss_against_numpy(rng):
    prediction, target = rng.normal(scale=1.5, size=(2, 9, 4))
    error = np.abs(prediction - target)
    assert error.min() < 1 < error.max()
    huber = np.where(error <= 1, error**2 / 2, error - 0.5)
    np.testing.assert_allclose(action_unit_loss(prediction, target), huber.mean(axis=1))


def test_orthonormality_penalty_against_numpy(rng):
    w = rng.normal(size=(8, 3))
    expected = np.abs(np.eye(3) - w.T @ w).sum()
    np.testing.assert_allclose(orthonormality_penalty(w), expected)


def test_orthonormality_penalty_is_zero_for_orthonormal_vectors(rng):
    q, _ = np.linalg.qr(rng.normal(size=(8, 3)))
    assert orthonormality_penalty(q).numpy() == pytest.approx(0, abs=1e-12)
