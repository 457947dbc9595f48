import numpy as np
import tensorflow as tf

from byel_tf import stateless

KEY = tf.constant([5, 7], tf.int64)


def test_host_graph_and_xla_agree_bit_for_bit():
    def draw(key):
        return stateless.uniform([1001], key)

    expected = draw(KEY).numpy()
    np.testing.assert_array_equal(tf.function(draw)(KEY), expected)
    np.testing.assert_array_equal(tf.function(draw, jit_compile=True)(KEY), expected)


def test_numbers_are_uniform_and_below_one():
    numbers = stateless.uniform([100_000], KEY).numpy()
    assert numbers.dtype == np.float32
    assert numbers.min() >= 0 and numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_keys_give_different_numbers():
    other = stateless.uniform([10], KEY + 1)
    assert not np.array_equal(stateless.uniform([10], KEY), other)
