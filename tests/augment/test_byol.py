import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import colour
from byel_tf.augment.blur import gaussian_blur
from byel_tf.augment.byol import Draws, blur_kernel_size, first_view, second_view
from byel_tf.augment.crop import Box, mirror, resized_crop
from byel_tf.augment.jitter import colour_jitter

QUIET = Draws(
    **{name: 0.999 for name in Draws._fields} | {"area": 1.0 - 2.0**-24, "sigma": 0.0}
)


def run(view, images, **changes):
    draws = QUIET._replace(**changes)
    columns = [
        tf.constant(np.broadcast_to(np.float32(u), len(images)), tf.float32)
        for u in draws
    ]
    return view(tf.constant(images), Draws(*columns)).numpy()


@pytest.mark.parametrize("view", [first_view, second_view])
def test_quiet_draws_are_the_identity(make_images, view):
    # The first view always blurs; at 0.1 pixels nothing is left of that.
    images = make_images(height=12, width=12)
    np.testing.assert_allclose(run(view, images), images, atol=1e-5)


@pytest.mark.parametrize(
    ("view", "name", "probability"),
    [
        (first_view, "flip", 0.5),
        (first_view, "jitter", 0.8),
        (first_view, "grey", 0.2),
        (first_view, "blur", 1.0),
        (first_view, "solarise", 0.0),
        (second_view, "flip", 0.5),
        (second_view, "jitter", 0.8),
        (second_view, "grey", 0.2),
        (second_view, "blur", 0.1),
        (second_view, "solarise", 0.2),
    ],
)
def test_probabilities(make_images, view, name, probability):
    grid = ((np.arange(200) + 0.5) / 200).astype(np.float32)
    sigma = 0.9 if name == "blur" else 0.0
    images = make_images(batch=1, height=12, width=12)
    result = run(view, np.repeat(images, 200, axis=0), **{name: grid}, sigma=sigma)
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(probability)
    assert (np.diff(changed.astype(int)) <= 0).all()


def test_all_steps_in_the_published_order(make_images):
    images = make_images(height=16, width=16)
    u = {"order": 0.4, "brightness": 0.9, "contrast": 0.2, "saturation": 0.7}
    u |= {"hue": 0.1, "jitter": 0.0, "grey": 0.999, "flip": 0.0, "blur": 0.0}
    u |= {"sigma": 0.5, "area": 0.3, "ratio": 0.8, "top": 0.25, "left": 0.75}
    u |= {"solarise": 0.0}

    def fill(value):
        return tf.fill([5], np.float32(value))

    share = 0.08 + 0.92 * 0.3
    shape = np.exp(np.log(3 / 4) + 0.8 * np.log(16 / 9))
    height, width = 16 * np.sqrt(share / shape), 16 * np.sqrt(share * shape)
    top, left = 0.25 * (16 - height), 0.75 * (16 - width)
    sides = (top, top + height, left, left + width)
    box = Box(*(tf.fill([5], tf.constant(side, tf.float64)) for side in sides))
    expected = resized_crop(tf.constant(images), mirror(box, tf.fill([5], True)))
    amounts = np.float32([0.6 + 0.8 * 0.9, 0.6 + 0.8 * 0.2, 0.8 + 0.4 * 0.7, -0.08])
    order = tf.fill([5], int(0.4 * 24))
    expected = colour_jitter(expected, tf.constant(np.tile(amounts, (5, 1))), order)
    expected = gaussian_blur(expected, fill(1.05), 3)
    np.testing.assert_allclose(run(first_view, images, **u), expected, atol=1e-5)
    expected = colour.solarise(expected, tf.fill([5], True))
    np.testing.assert_allclose(run(second_view, images, **u), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "taps"), [(8, 3), (32, 3), (48, 5), (96, 9), (128, 13), (224, 23)]
)
def test_kernel_grows_with_the_image(size, taps):
    assert blur_kernel_size(size, size) == taps
    assert blur_kernel_size(size, 1000) == taps
