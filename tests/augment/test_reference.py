import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import colour, reference
from byel_tf.augment.blur import gaussian_blur
from byel_tf.augment.crop import Box, mirror, resized_crop
from byel_tf.augment.jitter import ORDERS, colour_jitter
from byel_tf.augment.reference import Draws, view

# Nothing happens: probabilities missed, the area all of the image.
QUIET = Draws(**{name: 0.999 for name in Draws._fields} | {"area": 1.0 - 2.0**-24})


def run(images, **changes):
    draws = QUIET._replace(**changes)
    columns = [
        tf.constant(np.broadcast_to(np.float32(u), len(images)), tf.float32)
        for u in draws
    ]
    return view(tf.constant(images), Draws(*columns)).numpy()


def frequency(images, expected, **changes):
    """Share of a grid of uniforms of one event that changes the image."""
    (name,) = expected
    grid = ((np.arange(200) + 0.5) / 200).astype(np.float32)
    copies = np.repeat(images[:1], 200, axis=0)
    result = run(copies, **{name: grid}, **changes)
    changed = np.abs(result - run(copies, **changes)).max(axis=(1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(expected[name])
    assert (np.diff(changed.astype(int)) <= 0).all()


def test_quiet_draws_are_the_identity(make_images):
    images = make_images(height=12, width=12)
    np.testing.assert_allclose(run(images), images, atol=1e-5)


@pytest.mark.parametrize(
    "expected", [{"jitter": 0.3}, {"grey": 0.2}, {"flip": 0.5}, {"blur": 0.2}], ids=str
)
def test_probabilities(make_images, expected):
    frequency(make_images(height=12, width=12), expected)


def test_all_steps_in_the_published_order(make_images):
    images = make_images(height=16, width=16)
    u = {"order": 0.4, "brightness": 0.9, "contrast": 0.2, "saturation": 0.7}
    u |= {"hue": 0.1, "jitter": 0.0, "grey": 0.0, "flip": 0.0, "blur": 0.0}
    u |= {"sigma": 0.5, "area": 0.3, "ratio": 0.8, "top": 0.25, "left": 0.75}
    result = run(images, **u)

    def fill(value):
        return tf.fill([5], np.float32(value))

    expected = tf.constant(images)
    amounts = np.float32([0.2 + 1.6 * 0.9, 0.2 + 1.6 * 0.2, 0.2 + 1.6 * 0.7, -0.16])
    order = tf.fill([5], int(0.4 * len(ORDERS)))
    expected = colour_jitter(expected, tf.constant(np.tile(amounts, (5, 1))), order)
    expected = colour.greyscale(expected, tf.fill([5], True))
    expected = gaussian_blur(expected, fill(1.5), 3)
    share = 0.08 + 0.92 * 0.3
    shape = np.exp(np.log(3 / 4) + 0.8 * np.log(16 / 9))
    height, width = 16 * np.sqrt(share / shape), 16 * np.sqrt(share * shape)
    top, left = 0.25 * (16 - height), 0.75 * (16 - width)
    sides = (top, top + height, left, left + width)
    box = Box(*(tf.fill([5], tf.constant(side, tf.float64)) for side in sides))
    expected = resized_crop(expected, mirror(box, tf.fill([5], True)))
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_sigma_range_and_kernel():
    assert reference.BLUR_SIGMA == (1.0, 2.0)
    assert reference.BLUR_KERNEL_SIZE == 3
