import numpy as np
import pytest
import tensorflow as tf

from byel_tf.data.images import decode_and_resize


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_size_that_fits_keeps_the_pixels(encode, picture, file_format):
    square = picture[:10]
    content = encode(square, file_format)
    image = decode_and_resize(content, 10)
    assert image.dtype == tf.uint8
    np.testing.assert_array_equal(image, tf.io.decode_image(content, channels=3))


def test_grey_becomes_three_equal_channels(encode, picture):
    image = decode_and_resize(encode(picture[..., 0]), 6).numpy()
    assert image.shape == (6, 6, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_resizing_is_bicubic_and_stays_in_range(encode):
    edge = np.zeros((8, 8, 3), np.uint8)
    edge[:, 4:] = 255
    image = decode_and_resize(encode(edge), 16).numpy()
    expected = tf.image.resize(edge, [16, 16], "bicubic", antialias=True).numpy()
    assert expected.min() < -1 and expected.max() > 256  # what has to be clipped
    np.testing.assert_array_equal(image, np.clip(np.round(expected), 0, 255))


def test_smaller_is_antialiased(encode):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 255
    image = decode_and_resize(encode(stripes), 8).numpy()
    assert np.abs(image[:, 2:-2].astype(int) - 128).max() < 16


def test_shape_is_static():
    function = tf.function(lambda encoded: decode_and_resize(encoded, 12))
    traced = function.get_concrete_function(tf.TensorSpec([], tf.string))
    assert traced.structured_outputs.shape == (12, 12, 3)


def test_undecodable_image():
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_and_resize(b"text", 8)
