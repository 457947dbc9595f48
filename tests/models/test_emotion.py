import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector
from byel_tf.models.normalization import batch_norm


def test_subtraction_against_numpy(rng):
    p, w, y = (
        rng.normal(size=(5, 8)),
        rng.normal(size=(8, 3)),
        np.array([0, 2, 1, 1, 0]),
    )
    expected = p - np.linalg.norm(p, axis=1, keepdims=True) * w[:, y].T
    np.testing.assert_allclose(subtract_emotion_vector(p, w, y), expected, rtol=1e-12)


def test_gradients_flow_through_latent_norm_and_vectors(rng):
    p, w, c = (rng.normal(size=s) for s in ((5, 8), (8, 3), (5, 8)))
    y = np.array([0, 2, 1, 1, 0])
    latent, vectors = tf.Variable(p), tf.Variable(w)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(c * subtract_emotion_vector(latent, vectors, y))
    by_latent, by_vectors = tape.gradient(out, [latent, vectors])
    norm = np.linalg.norm(p, axis=1, keepdims=True)
    slope = (c * w[:, y].T).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(by_latent, c - slope * p / norm, rtol=1e-10)
    expected = -(norm * c).T @ np.eye(3)[y]
    np.testing.assert_allclose(by_vectors, expected, rtol=1e-10)


def test_subtraction_neither_gathers_nor_multiplies_matrices():
    """GPUs add the rows of a gather's gradient in any order, and round products."""

    @tf.function
    def differentiate(latent, vectors, labels):
        with tf.GradientTape() as tape:
            tape.watch([latent, vectors])
            out = subtract_emotion_vector(latent, vectors, labels)
        return tape.gradient(out, [latent, vectors])

    graph = differentiate.get_concrete_function(
        tf.ones([5, 8]), tf.ones([8, 3]), tf.constant([0, 2, 1, 1, 0])
    ).graph
    operations = {operation.type for operation in graph.get_operations()}
    assert not {o for o in operations if "Gather" in o or "MatMul" in o}
    assert "UnsortedSegmentSum" not in operations


def test_gradient_at_a_zero_latent_is_finite():
    p = tf.Variable(tf.zeros([1, 4]))
    w = tf.ones([4, 2])
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(subtract_emotion_vector(p, w, tf.constant([1])))
    np.testing.assert_array_equal(tape.gradient(out, p), np.ones((1, 4)))


def test_emotion_vectors_start_orthonormal():
    layer = EmotionClassifier(6)
    layer.build((None, 256))
    w = layer.emotion_vectors.numpy()
    assert w.shape == (256, 6)
    np.testing.assert_allclose(w.T @ w, np.eye(6), atol=1e-5)
    assert len(layer.trainable_variables) == 3  # W, scale, offset; no bias


def test_layer_survives_its_config():
    layer = EmotionClassifier(4, name="emotions", dtype="float64")
    again = EmotionClassifier.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.build((None, 8))
    assert again.emotion_vectors.dtype == tf.float64


def test_layer_weights_survive_saving(tmp_path, rng):
    model = keras.Sequential([EmotionClassifier(3)])
    x = rng.normal(size=(4, 5)).astype(np.float32)
    before = model(x)
    model.save_weights(str(tmp_path / "weights"))
    again = keras.Sequential([EmotionClassifier(3)])
    again(x)
    again.load_weights(str(tmp_path / "weights"))
    np.testing.assert_array_equal(again(x), before)


def test_logits_are_normalised_products(rng):
    layer = EmotionClassifier(3, dtype="float64")
    latent = rng.normal(size=(6, 5))
    layer(latent)
    scale, offset = rng.normal(size=(2, 3))
    layer.batch_norm.gamma.assign(scale)
    layer.batch_norm.beta.assign(offset)
    logits = latent @ layer.emotion_vectors.numpy()
    normal = (logits - logits.mean(0)) / np.sqrt(logits.var(0) + 1e-5)
    np.testing.assert_allclose(
        layer(latent, training=True), normal * scale + offset, rtol=1e-6
    )


def test_batch_norm_is_made_by_what_was_handed_down():
    made = []

    def make_norm(name, dtype):
        made.append(batch_norm(name, dtype))
        return made[-1]

    layer = EmotionClassifier(3, make_norm, dtype="float32")
    assert [layer.batch_norm] == made


def test_no_class_is_refused():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        EmotionClassifier(0)
