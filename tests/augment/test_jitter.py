import itertools

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import colour
from byel_tf.augment.jitter import HUE, ORDERS, colour_jitter, draw_amounts

OPERATIONS = (colour.brightness, colour.contrast, colour.saturation, colour.hue)
AMOUNTS = np.array([1.6, 0.5, 1.7, -0.15], np.float32)


def test_orders_are_all_permutations():
    assert sorted(ORDERS) == list(itertools.permutations(range(4)))


def one_after_another(image, order):
    """The operations, verified in test_colour, at the positions of `order`."""
    result = tf.constant(image[None])
    for operation in ORDERS[order]:
        result = OPERATIONS[operation](result, tf.constant(AMOUNTS[[operation]]))
    return result[0].numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_has_its_own_order(make_images, channels):
    images = make_images(batch=24, height=4, width=4, channels=channels)
    result = colour_jitter(
        tf.constant(images), tf.constant(np.tile(AMOUNTS, (24, 1))), tf.range(24)
    ).numpy()
    expected = [one_after_another(image, i) for i, image in enumerate(images)]
    np.testing.assert_allclose(result, expected, atol=3e-6)


def test_the_order_matters(make_images):
    images = np.tile(make_images(batch=1), (24, 1, 1, 1))
    result = colour_jitter(
        tf.constant(images), tf.constant(np.tile(AMOUNTS, (24, 1))), tf.range(24)
    ).numpy()
    pairs = itertools.combinations(result, 2)
    distinct = sum(np.abs(first - second).max() > 1e-3 for first, second in pairs)
    # Neighbours that commute, such as hue and saturation, leave some pairs alike.
    assert distinct > 200


def test_neutral_amounts_are_the_identity(make_images):
    images = make_images(batch=24)
    neutral = tf.constant(np.tile(np.float32([1, 1, 1, 0]), (24, 1)))
    result = colour_jitter(tf.constant(images), neutral, tf.range(24))
    np.testing.assert_allclose(result, images, atol=1e-6)


def test_amounts_have_the_ranges_of_torchvision():
    grid = tf.constant(((np.arange(1000) + 0.5) / 1000).astype(np.float32))
    strengths = (0.8, 0.4, 1.5, 0.2)
    chosen = tf.range(1000) % 2 == 0
    amounts = draw_amounts((grid,) * 4, chosen, strengths).numpy()
    for column, (low, high) in enumerate([(0.2, 1.8), (0.6, 1.4), (0, 2.5)]):
        expected = low + grid.numpy().astype(np.float64) * (high - low)
        np.testing.assert_allclose(amounts[::2, column], expected[::2], atol=1e-6)
        assert (amounts[1::2, column] == 1.0).all()
    expected = -0.2 + 0.4 * grid.numpy().astype(np.float64)
    np.testing.assert_allclose(amounts[::2, HUE], expected[::2], atol=1e-6)
    assert (amounts[1::2, HUE] == 0.0).all()
