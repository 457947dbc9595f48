import numpy as np
import pytest

from byel_tf.detection.layers import convolve, probability


def reference(x, kernel, bias, stride):
    """Float64, one output at a time; "same" adds less before than after."""
    height, width, _, outputs = kernel.shape
    count, rows, columns, _ = x.shape
    y = np.zeros((count, rows // stride, columns // stride, outputs))
    above, left = (height - stride) // 2, (width - stride) // 2
    for n, i, j in np.ndindex(y.shape[:3]):
        total = bias.astype(np.float64)
        for a, b in np.ndindex(height, width):
            row, column = i * stride + a - above, j * stride + b - left
            if 0 <= row < rows and 0 <= column < columns:
                total = total + x[n, row, column].astype(np.float64) @ kernel[a, b]
        y[n, i, j] = np.maximum(total, 0)
    return y


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 5])
def test_convolution_is_the_reference(stride, channels):
    draws = np.random.default_rng(3)
    x = draws.normal(size=(2, 6, 8, channels)).astype(np.float32)
    kernel = draws.normal(size=(3, 3, channels, 4)).astype(np.float32)
    bias = draws.normal(size=4).astype(np.float32)
    y = convolve(x, kernel, bias, stride)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(x, kernel, bias, stride), atol=2e-5)


def test_probabilities_stay_finite():
    np.testing.assert_allclose(
        probability(np.array([-1e4, 0, np.log(3), 1e4])), [0, 0.5, 0.75, 1], atol=1e-9
    )
