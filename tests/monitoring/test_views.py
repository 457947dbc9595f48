import numpy as np
import pytest
import tensorflow as tf

from byel_tf.monitoring.views import view_grid

CAPTION, STEP = 32, 98


def test_images_stand_above_their_views(rng):
    pixels = rng.integers(256, size=(8, 48, 48, 3)).astype(np.float32)
    images = tf.constant(pixels / 255)
    grid = view_grid([images, images, 1 - images])
    assert grid.shape == (3 * (CAPTION + STEP), 8 * STEP, 3)
    first = grid[CAPTION : CAPTION + 96, :96]
    np.testing.assert_array_equal(first[::2, ::2], pixels[0])
    np.testing.assert_array_equal(first[1::2, 1::2], pixels[0])
    last = grid[-STEP:-2, -STEP:-2]
    np.testing.assert_array_equal(last[::2, ::2], 255 - pixels[7])
    captions = [grid[row * (CAPTION + STEP) :][:CAPTION] for row in range(3)]
    assert all(caption.min() < 50 for caption in captions)
    assert (captions[1] != captions[2]).any()


@pytest.mark.parametrize(("side", "shown"), [(16, 96), (96, 96), (128, 128)])
def test_only_small_images_are_enlarged(side, shown):
    grid = view_grid([tf.zeros([1, side, side, 3])])
    assert grid.shape[1] == shown + 2
    assert (grid == 0).all(axis=2).sum() >= shown**2
