import numpy as np
import pytest

from byel_tf.augment.fixed import fixed


@pytest.mark.parametrize("channels", [1, 3])
def test_scales_every_byte(channels):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = np.repeat(images, channels, axis=3)
    result = fixed(images).numpy()
    assert result.dtype == np.float32
    assert result.min() == 0.0 and result.max() == 1.0
    np.testing.assert_allclose(result, images / 255.0, atol=1e-7)


def test_rejects_floats():
    with pytest.raises(ValueError, match="uint8.*Received: images.dtype=float32"):
        fixed(np.zeros((1, 4, 4, 3), np.float32))


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 4, 4), (1, 4, 4, 2)])
def test_rejects_other_shapes(shape):
    with pytest.raises(ValueError, match="1 or 3 channels. Received: images.shape"):
        fixed(np.zeros(shape, np.uint8))
