import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.affine import affine

NEUTRAL = {"angle": 0.0, "scale_x": 1.0, "scale_y": 1.0, "shift_x": 0.0, "shift_y": 0.0}


def move(images, **amounts):
    batch = len(images)
    filled = {
        name: tf.constant(np.broadcast_to(np.float32(amounts.get(name, value)), batch))
        for name, value in NEUTRAL.items()
    }
    return affine(tf.constant(images), **filled).numpy()


def sampled(image, angle, scale_x, scale_y, shift_x, shift_y):
    """Inverts the forward map as a 2 x 2 matrix, pixel by pixel."""
    height, width = image.shape[:2]
    image = image.astype(np.float64)
    # With y downwards, counter-clockwise as seen turns x towards negative y.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = turn @ np.diag([scale_x, scale_y])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = np.array([shift_x * width, shift_y * height])
    result = np.empty(image.shape)
    for row, column in np.ndindex(height, width):
        target = np.array([column, row]) - centre - shift
        x, y = np.linalg.solve(forward, target) + centre
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        upper = image[y0, x0] * (x0 + 1 - x) + image[y0, x1] * (x - x0)
        lower = image[y1, x0] * (x0 + 1 - x) + image[y1, x1] * (x - x0)
        result[row, column] = upper * (y0 + 1 - y) + lower * (y - y0)
    return result


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_bilinearly(make_images, generator, channels):
    images = make_images(batch=6, height=9, width=12, channels=channels)
    amounts = {
        "angle": generator.uniform(-0.3, 0.3, 6),
        "scale_x": generator.uniform(0.9, 1.15, 6) * [1, -1, 1, -1, 1, -1],
        "scale_y": generator.uniform(0.9, 1.15, 6),
        "shift_x": generator.uniform(-0.1, 0.1, 6),
        "shift_y": generator.uniform(-0.1, 0.1, 6),
    }
    amounts = {name: np.float32(values) for name, values in amounts.items()}
    expected = [
        sampled(image, *(float(amounts[name][i]) for name in NEUTRAL))
        for i, image in enumerate(images)
    ]
    np.testing.assert_allclose(move(images, **amounts), expected, atol=1e-5)


def test_neutral_amounts_are_exactly_the_identity(make_images):
    images = make_images()
    np.testing.assert_array_equal(move(images), images)


def test_negative_scale_is_exactly_a_flip(make_images):
    images = make_images()
    np.testing.assert_array_equal(move(images, scale_x=-1.0), images[:, :, ::-1])


def test_a_quarter_turn_is_counter_clockwise(make_images):
    images = make_images(height=8, width=8)
    expected = np.rot90(images, axes=(1, 2))
    np.testing.assert_allclose(move(images, angle=np.pi / 2), expected, atol=5e-6)


def test_a_positive_shift_moves_right_and_down(make_images):
    images = make_images(height=10, width=10)
    result = move(images, shift_x=0.2, shift_y=0.1)
    np.testing.assert_allclose(result[:, 1:, 2:], images[:, :-1, :-2], atol=5e-6)


def test_a_scale_above_one_enlarges():
    images = np.zeros((1, 16, 16, 1), np.float32)
    images[0, 4:12, 4:12] = 1.0
    assert move(images, scale_x=1.5)[0].sum() == pytest.approx(96, rel=0.05)
    assert move(images, scale_y=1.5)[0].sum() == pytest.approx(96, rel=0.05)
