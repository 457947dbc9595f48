import colorsys

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import colour

FACTORS = np.array([0.0, 0.2, 1.0, 1.3, 1.8], np.float32)


def wide(values):
    return np.asarray(values, np.float64)[:, None, None, None]


def luminance(images):
    images = images.astype(np.float64)
    if images.shape[3] == 1:
        return images
    return (images @ np.array([0.2989, 0.587, 0.114]))[..., None]


def blended(images, other):
    images = images.astype(np.float64)
    return np.clip(wide(FACTORS) * images + (1 - wide(FACTORS)) * other, 0.0, 1.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_blends_with_black(make_images, channels):
    images = make_images(channels=channels)
    result = colour.brightness(tf.constant(images), tf.constant(FACTORS))
    np.testing.assert_allclose(result, blended(images, 0.0), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_blends_with_the_mean_luminance(make_images, channels):
    images = make_images(channels=channels)
    result = colour.contrast(tf.constant(images), tf.constant(FACTORS))
    mean = luminance(images).mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(result, blended(images, mean), atol=1e-6)


def test_saturation_blends_with_the_luminance(make_images):
    images = make_images()
    result = colour.saturation(tf.constant(images), tf.constant(FACTORS))
    np.testing.assert_allclose(result, blended(images, luminance(images)), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_factor_one_is_exactly_the_identity(make_images, name, channels):
    images = make_images(channels=channels)
    result = getattr(colour, name)(tf.constant(images), tf.ones([5]))
    np.testing.assert_array_equal(result, images)


def test_greyscale_changes_the_chosen_images_only(make_images):
    images = make_images(batch=4)
    chosen = np.array([True, False, True, False])
    result = colour.greyscale(tf.constant(images), tf.constant(chosen)).numpy()
    np.testing.assert_array_equal(result[~chosen], images[~chosen])
    expected = np.repeat(luminance(images[chosen]), 3, axis=3)
    np.testing.assert_allclose(result[chosen], expected, atol=1e-6)


def test_hue_turns_hsv(make_images):
    images = make_images(height=6, width=6)
    shifts = np.array([-0.5, -0.13, 0.0, 0.2, 0.5], np.float32)
    result = colour.hue(tf.constant(images), tf.constant(shifts)).numpy()
    expected = np.empty(images.shape)
    for record, row, column in np.ndindex(*images.shape[:3]):
        angle, chroma, value = colorsys.rgb_to_hsv(
            *map(float, images[record, row, column])
        )
        angle = (angle + float(shifts[record])) % 1.0
        expected[record, row, column] = colorsys.hsv_to_rgb(angle, chroma, value)
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_one_third_of_a_cycle_rotates_the_channels(make_images):
    images = make_images()
    result = colour.hue(tf.constant(images), tf.fill([5], 1 / 3))
    np.testing.assert_allclose(result, np.roll(images, 1, axis=3), atol=2e-6)


def test_colour_operations_leave_one_channel_alone(make_images):
    images = make_images(channels=1)
    tensor = tf.constant(images)
    for result in (
        colour.saturation(tensor, tf.constant(FACTORS)),
        colour.hue(tensor, tf.fill([5], 0.2)),
        colour.greyscale(tensor, tf.fill([5], True)),
    ):
        np.testing.assert_array_equal(result, images)


def test_solarise_inverts_from_the_threshold_on(make_images):
    images = make_images(batch=4)
    chosen = np.array([True, False, True, False])
    result = colour.solarise(tf.constant(images), tf.constant(chosen)).numpy()
    np.testing.assert_array_equal(result[~chosen], images[~chosen])
    expected = np.where(images < 0.5, images, np.float32(1.0) - images)[chosen]
    np.testing.assert_array_equal(result[chosen], expected)


def test_solarise_takes_a_threshold(make_images):
    images = make_images(batch=2)
    images[:, 2, 0] = 0.75
    result = colour.solarise(tf.constant(images), tf.fill([2], True), 0.75)
    np.testing.assert_array_equal(
        result, np.where(images < 0.75, images, np.float32(1.0) - images)
    )


def test_gamma_is_a_power(make_images):
    images = make_images()
    exponents = np.array([0.7, 0.9, 1.0, 1.2, 1.4], np.float32)
    result = colour.gamma(tf.constant(images), tf.constant(exponents))
    expected = images.astype(np.float64) ** wide(exponents)
    np.testing.assert_allclose(result, expected, atol=1e-6)
