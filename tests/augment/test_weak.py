import numpy as np
import tensorflow as tf

from byel_tf.augment import weak
from byel_tf.augment.policies import policy


def test_mirrored_and_shifted_and_nothing_else(generator):
    images = generator.random((4, 16, 16, 3), dtype=np.float32)
    mirror = tf.constant([0.9, 0.1, 0.9, 0.9])
    right = tf.constant([0.5, 0.5, 1.0, 0.5])  # by nothing, or by an eighth
    down = tf.constant([0.5, 0.5, 0.5, 0.0])
    view = weak.view(tf.constant(images), (mirror, right, down, None))
    np.testing.assert_allclose(view[0], images[0], atol=1e-5)
    np.testing.assert_allclose(view[1], images[1, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(view[2, :, 2:], images[2, :, :-2], atol=1e-5)
    np.testing.assert_allclose(view[3, :-2], images[3, 2:], atol=1e-5)


def test_a_weakened_policy_has_its_own_view_second(generator):
    images = tf.constant(generator.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8))
    for plain in (policy("faces"), policy("faces", 1.0, 1.0)):
        uniforms = tf.constant(
            generator.random((4, plain.num_uniforms), dtype=np.float32)
        )
        first, second = (a(images, uniforms) for a in plain.weakened().augmentations)
        np.testing.assert_array_equal(second, plain.augmentations[0](images, uniforms))
        scaled = tf.cast(images, tf.float32) / 255
        expected = weak.view(scaled, tf.unstack(uniforms, axis=1))
        np.testing.assert_allclose(first, expected, atol=1e-6)
