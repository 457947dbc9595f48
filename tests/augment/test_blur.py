import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.augment.blur import blur_matrix, gaussian_blur


def blurred(image, sigma, kernel_size):
    """Pads by reflection and sums over an explicit two-dimensional kernel."""
    reach = kernel_size // 2
    distance = np.arange(-reach, reach + 1, dtype=np.float64)
    taps = np.exp(-(distance**2) / (2.0 * sigma**2))
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    padded = np.pad(
        image.astype(np.float64), ((reach,) * 2, (reach,) * 2, (0, 0)), "reflect"
    )
    height, width = image.shape[:2]
    result = np.zeros(image.shape)
    for row, column in np.ndindex(kernel.shape):
        part = padded[row : row + height, column : column + width]
        result += kernel[row, column] * part
    return result


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_blur_is_a_gaussian_convolution(make_images, kernel_size, channels):
    images = make_images(channels=channels)
    sigma = np.array([0.1, 0.5, 1.0, 1.5, 2.0], np.float32)
    result = gaussian_blur(tf.constant(images), tf.constant(sigma), kernel_size)
    expected = [
        blurred(image, float(s), kernel_size)
        for image, s in zip(images, sigma, strict=True)
    ]
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_sigma_zero_is_exactly_the_identity(make_images):
    images = make_images()
    result = gaussian_blur(tf.constant(images), tf.zeros([5]), 7)
    np.testing.assert_array_equal(result, images)


@settings(deadline=None, max_examples=30)
@given(
    sigma=st.floats(0.0, 50.0, width=32),
    reach=st.integers(0, 9),
    size=st.integers(1, 12),
)
def test_every_output_is_an_average(sigma, reach, size):
    matrix = blur_matrix(tf.constant([sigma]), 2 * reach + 1, size).numpy()
    assert matrix.shape == (1, size, size)
    assert (matrix >= 0.0).all()
    np.testing.assert_allclose(matrix.sum(axis=2), 1.0, atol=1e-6)


@pytest.mark.parametrize("kernel_size", [0, 4, -3])
def test_rejects_kernels_without_a_centre(kernel_size):
    with pytest.raises(ValueError, match=f"Received: kernel_size={kernel_size}"):
        blur_matrix(tf.ones([1]), kernel_size, 8)
