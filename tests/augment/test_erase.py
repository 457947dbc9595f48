import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.crop import Box
from byel_tf.augment.erase import erase


def boxes(*rows):
    return Box(*(tf.constant(column) for column in np.float64(rows).T))


@pytest.mark.parametrize("channels", [1, 3])
def test_whole_pixels_are_replaced(make_images, channels):
    images = make_images(batch=2, channels=channels)
    box = boxes([2, 5, 1, 7], [0, 12, 0, 10])
    result = erase(tf.constant(images), box, tf.constant([0.25, 1.0])).numpy()
    expected = images.copy()
    expected[0, 2:5, 1:7] = 0.25
    expected[1] = 1.0
    np.testing.assert_array_equal(result, expected)


def test_pixels_at_the_edge_are_blended_by_coverage():
    box = boxes([1.25, 2.5, 1.0, 1.75])
    result = erase(tf.zeros([1, 4, 3, 1]), box, tf.ones([1]))[0, :, :, 0]
    expected = np.outer([0, 0.75, 0.5, 0], [0, 0.75, 0])
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_an_empty_rectangle_is_exactly_the_identity(make_images):
    images = make_images(batch=2)
    box = boxes([3.3, 3.3, 1, 9], [0, 0, 0, 10])
    result = erase(tf.constant(images), box, tf.constant([0.5, 0.5]))
    np.testing.assert_array_equal(result, images)
