import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import colour
from byel_tf.augment.affine import affine
from byel_tf.augment.blur import gaussian_blur
from byel_tf.augment.face_crops import Draws, view
from byel_tf.augment.noise import add_noise

# The middle of every symmetric range, and no event.
QUIET = Draws(
    flip=0.999,
    rotation=0.5,
    scale=np.log(1 / 0.9) / np.log(1.15 / 0.9),
    aspect=0.5,
    shift_x=0.5,
    shift_y=0.5,
    blur=0.999,
    sigma=0.5,
    gamma=0.5,
    brightness=0.5,
    contrast=0.5,
    noise_seed=0.5,
    noise_deviation=0.0,
    erase=0.999,
    erase_area=0.5,
    erase_ratio=0.5,
    erase_top=0.5,
    erase_left=0.5,
    erase_value=0.5,
)


def run(images, **changes):
    draws = QUIET._replace(**changes)
    columns = [
        tf.constant(np.broadcast_to(np.float32(u), len(images)), tf.float32)
        for u in draws
    ]
    return view(tf.constant(images), Draws(*columns)).numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_quiet_draws_are_the_identity(make_images, channels):
    images = make_images(channels=channels)
    np.testing.assert_allclose(run(images), images, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "probability"), [("flip", 0.5), ("blur", 0.3), ("erase", 0.25)]
)
def test_probabilities(make_images, name, probability):
    grid = ((np.arange(200) + 0.5) / 200).astype(np.float32)
    images = make_images(batch=1)
    result = run(np.repeat(images, 200, axis=0), **{name: grid})
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(probability)
    assert (np.diff(changed.astype(int)) <= 0).all()


@pytest.mark.parametrize(
    ("name", "amount", "low", "high"),
    [
        ("rotation", "angle", -np.radians(12), np.radians(12)),
        ("shift_x", "shift_x", -0.06, 0.06),
        ("shift_y", "shift_y", -0.06, 0.06),
        ("scale", ("scale_x", "scale_y"), 0.9, 1.15),
    ],
)
def test_geometry_ranges(make_images, name, amount, low, high):
    images = make_images(batch=2, height=20, width=20)
    neutral = dict.fromkeys(["angle", "shift_x", "shift_y"], tf.zeros([2]))
    neutral |= dict.fromkeys(["scale_x", "scale_y"], tf.ones([2]))
    ends = tf.constant([low, high], tf.float32)
    changes = dict.fromkeys([amount] if isinstance(amount, str) else amount, ends)
    expected = affine(tf.constant(images), **neutral | changes)
    result = run(images, **{name: np.float32([0.0, 1.0])})
    np.testing.assert_allclose(result, expected, atol=5e-5)


def test_aspect_keeps_the_area(make_images):
    images = make_images(batch=2)
    sides = tf.constant(np.float32([1 / 1.06, 1.06]) ** 0.5)
    zero = tf.zeros([2])
    expected = affine(tf.constant(images), zero, sides, 1.0 / sides, zero, zero)
    result = run(images, aspect=np.float32([0.0, 1.0]))
    np.testing.assert_allclose(result, expected, atol=5e-5)


def test_values_in_the_documented_order(make_images):
    images = make_images(batch=3)
    ends = np.float32([0.0, 0.5, 1.0])
    result = run(
        images, gamma=ends, brightness=ends, contrast=ends[::-1], blur=0.0, sigma=ends
    )

    def spread(low, high, position=ends):
        return tf.constant(np.float32(low + (high - low) * position))

    expected = gaussian_blur(tf.constant(images), spread(0.3, 1.0), 7)
    expected = colour.gamma(expected, tf.exp(spread(-0.3, 0.3)))
    expected = colour.brightness(expected, spread(0.8, 1.2))
    expected = colour.contrast(expected, spread(0.8, 1.2, ends[::-1]))
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_noise_deviation_reaches_its_limit(make_images):
    images = make_images(batch=2)
    result = run(images, noise_deviation=1.0, noise_seed=np.float32([0.1, 0.7]))
    expected = add_noise(
        tf.constant(images), tf.constant([0.1, 0.7]), tf.fill([2], 0.03)
    )
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_erases_a_rectangle_of_the_drawn_value_and_area():
    images = np.ones((2, 40, 40, 3), np.float32)
    result = run(images, erase=0.0, erase_value=0.0, erase_area=np.float32([0.0, 1.0]))
    erased = (1.0 - result).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(erased, [0.02, 0.2], atol=1e-4)
