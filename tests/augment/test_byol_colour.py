import itertools

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.byol_colour import byol_colour
from byel_tf.augment.jitter import ORDERS
from tests.augment import byol_numpy

NAMES = ("brightness", "contrast", "saturation", "hue")
STRONG = {"brightness": 0.3, "contrast": 1.4, "saturation": 1.2, "hue": -0.1}
NEUTRAL = {"brightness": 0.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}
EXTREMES = [
    dict(zip(NAMES, amounts, strict=True))
    for amounts in itertools.product((-0.4, 0.4), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1))
]


RUN = {jit: tf.function(byol_colour, jit_compile=jit) for jit in (False, True)}

# Of every kind of `hard_images`, one image for each order.
ORDER = np.tile(np.arange(24), 6)


def run(images, amounts, chosen=True, jit=False):
    columns = {
        name: tf.constant(np.broadcast_to(np.float32(amount), len(images)))
        for name, amount in amounts.items()
    }
    chosen = tf.constant(np.broadcast_to(chosen, len(images)))
    order = tf.constant(ORDER, tf.int32)
    return RUN[jit](tf.constant(images), chosen, order=order, **columns).numpy()


def expected(images, amounts):
    amounts = {name: float(np.float32(amount)) for name, amount in amounts.items()}
    return [
        byol_numpy.colour(image, amounts, byol_numpy.ORDERS[order])
        for image, order in zip(images, ORDER, strict=True)
    ]


@pytest.fixture
def hard_images(make_images):
    """24 of each: noise, dark, bright, fully saturated, grey, and of one colour."""

    def make(channels=3):
        noise = make_images(batch=24, height=5, width=4, channels=channels)
        pure = noise - noise.min(axis=3, keepdims=True) if channels == 3 else noise
        grey = np.repeat(noise[..., :1], channels, axis=3)
        flat = np.broadcast_to(noise[:, 2:3, 2:3], noise.shape)
        return np.concatenate([noise, noise * 0.2, 1.0 - noise * 0.2, pure, grey, flat])

    return make


def test_indices_name_the_orders_of_the_oracle():
    names = [tuple(NAMES[step] for step in order) for order in ORDERS]
    assert names == list(byol_numpy.ORDERS)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_has_its_own_order(hard_images, channels, jit):
    images = hard_images(channels)
    result = run(images, STRONG, jit=jit)
    np.testing.assert_allclose(result, expected(images, STRONG), atol=3e-6)


@pytest.mark.parametrize("amounts", EXTREMES, ids=str)
def test_extreme_amounts(hard_images, amounts):
    images = hard_images()
    result = run(images, amounts)
    assert (result >= 0.0).all() and (result <= 1.0).all()
    np.testing.assert_allclose(result, expected(images, amounts), atol=3e-6)


@pytest.mark.parametrize(
    ("name", "amount"),
    [(name, amount) for name in NAMES for amount in (STRONG[name], EXTREMES[0][name])]
    + [("saturation", 0.0), ("saturation", 5.0), ("hue", 0.5), ("hue", -0.5)],
)
def test_one_step_alone(hard_images, name, amount):
    images = hard_images()
    amounts = NEUTRAL | {name: amount}
    want = [byol_numpy.colour(image, amounts, [name]) for image in images]
    np.testing.assert_allclose(run(images, amounts), want, atol=3e-6)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_not_chosen_are_exactly_unchanged(hard_images, channels, jit):
    images = hard_images(channels)
    chosen = np.arange(len(images)) % 5 < 2
    result = run(images, STRONG, chosen, jit=jit)
    np.testing.assert_array_equal(result[~chosen], images[~chosen])
    all_chosen = run(images, STRONG, jit=jit)
    np.testing.assert_array_equal(result[chosen], all_chosen[chosen])


def test_neutral_amounts_are_the_identity(hard_images):
    images = hard_images()
    np.testing.assert_allclose(run(images, NEUTRAL), images, atol=1e-6)


def test_the_order_matters(make_images):
    images = np.tile(make_images(batch=1), (len(ORDER), 1, 1, 1))
    pairs = itertools.combinations(run(images, STRONG)[:24], 2)
    distinct = sum(np.abs(first - second).max() > 1e-3 for first, second in pairs)
    # Hue and saturation commute, so the 12 orders with these two side by side make 6
    # pairs of equal results.
    assert distinct == 24 * 23 // 2 - 6


def test_keeps_the_static_shape():
    graph = RUN[False].get_concrete_function(
        tf.TensorSpec([None, 8, 6, 3]),
        tf.TensorSpec([None], tf.bool),
        *[tf.TensorSpec([None])] * 4,
        tf.TensorSpec([None], tf.int32),
    )
    assert graph.output_shapes.as_list() == [None, 8, 6, 3]
