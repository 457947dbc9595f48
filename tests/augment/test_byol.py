import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.byol import Draws, first_view, second_view
from tests.augment import byol_numpy

LARGEST = 1.0 - 2.0**-24
# Nothing happens but a blur of 0.1 pixels, which leaves every pixel alone.
QUIET = dict.fromkeys(Draws._fields, 0.999) | {"area": LARGEST, "sigma": 0.0}
AMOUNTS = ("brightness", "contrast", "saturation", "hue")

each_view = pytest.mark.parametrize(
    ("view", "second"), [(first_view, False), (second_view, True)]
)


def run(view, images, uniforms):
    columns = {
        name: tf.constant(np.broadcast_to(np.float32(u), len(images)))
        for name, u in uniforms.items()
    }
    return view(tf.constant(images), Draws(**columns)).numpy()


def expected(images, uniforms, second):
    columns = {
        name: np.broadcast_to(np.float32(u), len(images)).astype(np.float64)
        for name, u in uniforms.items()
    }
    return [
        byol_numpy.view(image, {name: u[i] for name, u in columns.items()}, second)
        for i, image in enumerate(images)
    ]


def random_uniforms(generator, count):
    return {name: generator.random(count, np.float32) for name in Draws._fields}


@pytest.mark.parametrize(
    ("view", "second", "channels"),
    [(first_view, False, 3), (second_view, True, 3), (second_view, True, 1)],
)
def test_whole_views(make_images, generator, view, second, channels):
    images = make_images(batch=96, height=22, width=20, channels=channels)
    uniforms = random_uniforms(generator, 96)
    uniforms["order"] = (np.arange(96) % 24 + 0.5) / 24
    result = run(view, images, uniforms)
    want = expected(images, uniforms, second)
    np.testing.assert_allclose(result, want, atol=2e-5)


@each_view
def test_whole_views_of_extreme_draws(make_images, generator, view, second):
    images = make_images(batch=96, height=20, width=20)
    images[::4] = images[::4, ..., :1]
    uniforms = {
        name: generator.choice([0.0, LARGEST], 96).astype(np.float32)
        for name in Draws._fields
    }
    uniforms |= {"order": (np.arange(96) % 24 + 0.5) / 24, "jitter": 0.0}
    uniforms["area"] = np.maximum(uniforms["area"], 0.3)
    result = run(view, images, uniforms)
    want = expected(images, uniforms, second)
    np.testing.assert_allclose(result, want, atol=2e-5)


@each_view
def test_colour_without_geometry(make_images, view, second):
    """What crop and blur smooth away elsewhere: all orders at both ends of amounts."""
    images = np.repeat(make_images(batch=24, height=4, width=4), 4, axis=0)
    images = np.repeat(np.repeat(images, 2, axis=1), 2, axis=2)
    uniforms = QUIET | {"jitter": 0.0, "order": np.repeat(np.arange(24) + 0.5, 4) / 24}
    uniforms |= dict.fromkeys(AMOUNTS, np.tile([0.0, 0.3, 0.7, LARGEST], 24))
    uniforms |= {"grey": np.arange(96) % 5 / 5, "solarise": np.arange(96) % 7 / 7}
    result = run(view, images, uniforms)
    want = expected(images, uniforms, second)
    np.testing.assert_allclose(result, want, atol=1e-5)


@each_view
def test_quiet_draws_are_the_identity(make_images, view, second):
    images = make_images(height=20, width=20)
    np.testing.assert_allclose(run(view, images, QUIET), images, atol=1e-5)


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
    images = make_images(batch=1, height=20, width=20)
    uniforms = QUIET | {name: grid, "sigma": sigma}
    result = run(view, np.repeat(images, 200, axis=0), uniforms)
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(probability)
    assert (np.diff(changed.astype(int)) <= 0).all()


@each_view
@pytest.mark.parametrize("jitter", [0.0, 0.79, 0.81, LARGEST])
def test_grey_is_independent_of_jitter(make_images, view, second, jitter):
    images = make_images(batch=4, height=20, width=20)
    uniforms = QUIET | {"jitter": jitter, "grey": np.array([0.0, 0.19, 0.21, 0.9])}
    spread = np.ptp(run(view, images, uniforms), axis=3).max(axis=(1, 2))
    np.testing.assert_array_equal(spread > 0.1, [False, False, True, True])
    np.testing.assert_allclose(spread[:2], 0.0, atol=1e-6)


def test_steps_not_chosen_ignore_their_amounts(make_images, generator):
    images = make_images(batch=24, height=20, width=20)
    uniforms, other = (random_uniforms(generator, 24) for _ in range(2))
    off = {"jitter": 0.81, "grey": 0.21, "blur": 0.11, "solarise": 0.21}
    unused = (*AMOUNTS, "order", "sigma")
    results = [
        run(second_view, images, uniforms | off | {name: draw[name] for name in unused})
        for draw in (uniforms, other)
    ]
    np.testing.assert_array_equal(*results)
