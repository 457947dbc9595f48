import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector


def test_subtraction_against_numpy(rng):
    p, w, y = (
        rng.normal(size=(5, 8)),
        rng.normal(size=(8, 3)),
        np.array([0, 2, 1, 1, 0]),
    )
    expected = p - np.linalg.norm(p, axis=1, keepdims=True) * w[:, y].T
    np.testing.assert_allclose(subtract_emotion_vector(p, w, y), expected, rtol=1e-12)


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


def test_no_class_is_refused():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        EmotionClassifier(0)
