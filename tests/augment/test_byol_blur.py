import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.byol_blur import byol_blur
from tests.augment import byol_numpy


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(12, 12), (20, 20), (39, 60), (60, 39)])
def test_blur_is_a_zero_padded_convolution(make_images, size, channels):
    images = make_images(height=size[0], width=size[1], channels=channels)
    sigma = np.array([0.1, 0.5, 1.0, 1.5, 2.0], np.float32)
    result = byol_blur(tf.constant(images), tf.constant(sigma))
    want = [
        byol_numpy.blur(image, float(s)) for image, s in zip(images, sigma, strict=True)
    ]
    np.testing.assert_allclose(result, want, atol=2e-6)


@pytest.mark.parametrize(
    ("size", "taps"),
    [(8, 1), (19, 1), (20, 3), (32, 3), (40, 5), (64, 7), (128, 13), (224, 23)],
)
def test_kernel_grows_with_the_smaller_side(size, taps):
    point = np.zeros((1, size, size + 20, 1), np.float32)
    point[0, size // 2, size // 2] = 1.0
    result = byol_blur(tf.constant(point), tf.constant([100.0])).numpy()[0, ..., 0]
    np.testing.assert_array_equal((result > 0).sum(axis=0).max(), taps)
    np.testing.assert_array_equal((result > 0).sum(axis=1).max(), taps)


def test_borders_darken():
    white = tf.ones([1, 40, 40, 1])
    result = byol_blur(white, tf.constant([2.0])).numpy()[0, ..., 0]
    np.testing.assert_allclose(result[2:-2, 2:-2], 1.0, atol=1e-6)
    assert (result[0] < 0.7).all() and (result[:, -1] < 0.7).all()


def test_sigma_zero_is_exactly_the_identity(make_images):
    images = make_images(height=40, width=44)
    result = byol_blur(tf.constant(images), tf.zeros([5]))
    np.testing.assert_array_equal(result, images)
