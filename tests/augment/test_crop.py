import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from byel_tf.augment.crop import (
    Box,
    crop_matrices,
    draw_box,
    interpolation_matrix,
    mirror,
    resized_crop,
)

below_one = st.floats(0.0, float(np.float32(1.0 - 2.0**-24)), width=32)


def boxes(*rows):
    """(top, bottom, left, right) per image."""
    return Box(*(tf.constant(column) for column in np.float64(rows).T))


def draw(generator, count, height, width, **ranges):
    columns = generator.random((4, count), dtype=np.float32)
    box = draw_box(tuple(tf.constant(c) for c in columns), height, width, **ranges)
    return columns, Box(*(side.numpy() for side in box))


def resized_by_pillow(image, top, bottom, left, right):
    """Pillow's float mode, whose arithmetic is not rounded to bytes."""
    height, width, channels = image.shape
    planes = [
        Image.fromarray(image[:, :, channel]).resize(
            (width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
        )
        for channel in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def test_agrees_with_pillow(make_images, generator):
    height, width = 17, 23
    images = make_images(batch=40, height=height, width=width)
    _, box = draw(generator, 40, height, width)
    result = resized_crop(
        tf.constant(images), Box(*(tf.constant(side) for side in box))
    )
    expected = [
        resized_by_pillow(image, *map(float, sides))
        for image, *sides in zip(images, *box, strict=True)
    ]
    # Both are exact to float32 positions, about 1e-6 pixels.
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_shrinking_averages_like_pillow(generator):
    # A region larger than the output; the policies never shrink, the filter could.
    line = generator.random((1, 12), dtype=np.float32)
    matrix = interpolation_matrix(*boxes([-12.0, 24.0, 0, 0])[:2], 12)
    tall = np.pad(line, ((0, 0), (12, 12)))
    weight = np.pad(np.ones_like(line), ((0, 0), (12, 12)))
    resized, present = (
        np.asarray(Image.fromarray(a).resize((12, 1), Image.Resampling.BILINEAR))
        for a in (tall, weight)
    )
    inside = present[0] > 0
    expected = resized[0, inside] / present[0, inside]
    np.testing.assert_allclose(
        (matrix[0].numpy() @ line[0])[inside], expected, atol=1e-5
    )


def test_whole_image_is_exactly_the_identity(make_images):
    images = make_images(batch=2)
    box = boxes([0, 12, 0, 10], [0, 12, 0, 10])
    np.testing.assert_array_equal(resized_crop(tf.constant(images), box), images)


def test_mirror_is_an_exact_flip_of_the_chosen(make_images):
    images = make_images(batch=2)
    box = boxes([0, 12, 0, 10], [0, 12, 0, 10])
    box = mirror(box, tf.constant([True, False]))
    result = resized_crop(tf.constant(images), box).numpy()
    np.testing.assert_array_equal(result[0], images[0, :, ::-1])
    np.testing.assert_array_equal(result[1], images[1])


def test_mirror_flips_after_the_crop(make_images):
    images = make_images(batch=1)
    box = boxes([1.3, 8.9, 2.2, 7.1])
    plain = resized_crop(tf.constant(images), box).numpy()
    flipped = resized_crop(tf.constant(images), mirror(box, tf.constant([True])))
    np.testing.assert_allclose(flipped, plain[:, :, ::-1], atol=2e-6)


def test_flip_before_a_crop_is_the_mirrored_box_flipped_after(make_images):
    images = make_images(batch=1)
    left, right = 2.2, 7.1
    before = resized_crop(
        tf.constant(images[:, :, ::-1].copy()), boxes([1.3, 8.9, left, right])
    )
    opposite = boxes([1.3, 8.9, 10 - right, 10 - left])
    after = resized_crop(tf.constant(images), mirror(opposite, tf.constant([True])))
    np.testing.assert_allclose(before, after, atol=5e-6)


def test_area_is_uniform_and_ratio_log_uniform_where_it_fits(generator):
    columns, box = draw(generator, 20_000, 32, 32)
    height, width = box.bottom - box.top, box.right - box.left
    share = height * width / 32**2
    np.testing.assert_allclose(share, 0.08 + 0.92 * columns[0], atol=1e-5)
    limit = np.minimum(np.log(4 / 3), -np.log(share))
    expected = limit * (2.0 * columns[1] - 1.0)
    np.testing.assert_allclose(np.log(width / height), expected, atol=2e-5)


def test_position_is_uniform_over_what_fits(generator):
    columns, box = draw(generator, 2_000, 30, 40)
    room = 30 - (box.bottom - box.top)
    np.testing.assert_allclose(box.top, columns[2] * room, atol=1e-5)
    room = 40 - (box.right - box.left)
    np.testing.assert_allclose(box.left, columns[3] * room, atol=1e-5)


@settings(deadline=None)
@given(
    uniforms=st.tuples(below_one, below_one, below_one, below_one),
    height=st.integers(1, 300),
    width=st.integers(1, 300),
)
def test_boxes_stay_inside_and_matrices_average(uniforms, height, width):
    box = draw_box(tuple(tf.constant([u]) for u in uniforms), height, width)
    top, bottom, left, right = (float(side[0]) for side in box)
    assert 0 <= top < bottom <= height * (1 + 1e-6)
    assert 0 <= left < right <= width * (1 + 1e-6)
    for matrix in crop_matrices(box, height, width):
        assert (matrix.numpy() >= 0.0).all()
        np.testing.assert_allclose(tf.reduce_sum(matrix, 2), 1.0, atol=1e-5)


def test_a_box_that_cannot_fit_is_cut(generator):
    _, box = draw(generator, 200, 10, 100, area=(1.0, 1.0))
    # The widest allowed ratio, 4/3, is nearest to fitting; its height sticks out.
    np.testing.assert_allclose(box.bottom - box.top, 10.0, atol=1e-5)
    expected = np.sqrt(10 * 100 * 4 / 3)
    np.testing.assert_allclose(box.right - box.left, expected, atol=1e-4)


def test_erasing_ranges_are_respected(generator):
    _, box = draw(generator, 2_000, 48, 48, area=(0.02, 0.2), ratio=(0.5, 2.0))
    height, width = box.bottom - box.top, box.right - box.left
    share = height * width / 48**2
    assert share.min() >= 0.02 - 1e-5 and share.max() <= 0.2 + 1e-5
    assert share.mean() == pytest.approx(0.11, abs=0.01)
    assert np.abs(np.log(width / height)).max() == pytest.approx(np.log(2), abs=0.01)
