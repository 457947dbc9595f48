import collections

import numpy as np
import pytest
import tensorflow as tf

from byel_tf import stateless
from byel_tf.augment.fixed import fixed
from byel_tf.augment.policies import Policy, policy
from byel_tf.augment.views import policy_views, ready_views
from byel_tf.batch import DROPOUT, PAIR, VIEWS

DRAWS = 3


@pytest.fixture
def telling():
    """A policy whose views are the draws that it was given, and which view it is."""

    def view(number):
        def look(images, draws):
            return images[:, 0, 0, :1] + number * 10 + tf.stack(draws, axis=1)

        return look

    draws = collections.namedtuple("Draws", ["one", "two", "three"])
    return Policy("telling", draws, (view(1), view(2)))


@pytest.fixture
def batch(generator):
    keys = stateless.record_keys(1, 1, 0, tf.range(6, dtype=tf.int64))
    images = generator.integers(0, 256, (6, 12, 12, 3), dtype=np.uint8)
    return {"image": tf.constant(images), "key": keys}


def test_each_view_is_its_augmentation_of_its_own_draws(telling, batch):
    uniforms = stateless.uniform(batch["key"], 2 * DRAWS, VIEWS).numpy()
    images = fixed(batch["image"]).numpy()[:, 0, 0, :1]
    first, second = policy_views(telling, 2)(batch)
    np.testing.assert_array_equal(first, images + np.float32(10) + uniforms[:, :DRAWS])
    np.testing.assert_array_equal(second, images + np.float32(20) + uniforms[:, DRAWS:])


def test_one_view_is_the_first_of_two(telling, batch):
    (only,) = policy_views(telling, 1)(batch)
    np.testing.assert_array_equal(only, policy_views(telling, 2)(batch)[0])


def test_the_second_view_is_of_the_pair(telling, batch):
    paired = {**batch, "pair": batch["image"][::-1]}
    first, second = policy_views(telling, 2)(paired)
    swapped = {**batch, "image": paired["pair"]}
    np.testing.assert_array_equal(first, policy_views(telling, 2)(batch)[0])
    np.testing.assert_array_equal(second, policy_views(telling, 2)(swapped)[1])


def test_either_picture_may_come_first(telling):
    keys = stateless.record_keys(1, 1, 0, tf.range(400, dtype=tf.int64))
    black = tf.zeros([400, 1, 1, 3], tf.uint8)
    alike = {"image": black, "pair": black, "key": keys}

    def of_pair(count):
        make_views = policy_views(telling, count, is_exchanged=True)
        paired = make_views({**alike, "pair": black + 255})
        plain = make_views(alike)
        return [np.array(a - b)[:, 0] > 0.5 for a, b in zip(paired, plain, strict=True)]

    first, second = of_pair(2)
    np.testing.assert_array_equal(first, ~second)
    assert 150 < first.sum() < 250
    (only,) = of_pair(1)
    np.testing.assert_array_equal(only, first)


def test_what_is_drawn_for_draws_apart():
    assert len({VIEWS, DROPOUT, PAIR}) == 3


def test_views_are_the_record_s_own_and_differ_by_epoch(batch):
    make_views = policy_views(policy("reference"), 2)
    views = [view.numpy() for view in make_views(batch)]
    assert np.abs(views[0] - views[1]).max() > 0.05
    some = [4, 0, 0, 2]
    few = {name: tf.gather(value, some) for name, value in batch.items()}
    for view, expected in zip(make_views(few), views, strict=True):
        np.testing.assert_allclose(view, expected[some], atol=1e-6)
    later = stateless.record_keys(1, 1, 1, tf.range(6, dtype=tf.int64))
    for view, before in zip(make_views({**batch, "key": later}), views, strict=True):
        assert (np.abs(view - before).max(axis=(1, 2, 3)) > 0.05).all()


@pytest.mark.parametrize(
    ("chosen", "count", "within"),
    [
        (policy("reference"), 1, lambda made: made),
        (policy("byol"), 2, tf.function),
        (policy("faces", 0.5, 0.5), 1, lambda made: made),
    ],
    ids=["reference", "byol within a step", "textured faces"],
)
def test_compiled_views_are_the_same(chosen, count, within, batch):
    views = policy_views(chosen, count)(batch)
    made = within(policy_views(chosen.compiled(), count))
    for view, expected in zip(made(batch), views, strict=True):
        np.testing.assert_allclose(view, expected, atol=1e-5)


def test_views_from_the_pipeline_are_taken_as_they_are(generator):
    views = generator.random((4, 2, 5, 5, 3), dtype=np.float32)
    taken = ready_views({"views": tf.constant(views)})
    assert len(taken) == 2
    for number, view in enumerate(taken):
        np.testing.assert_array_equal(view, views[:, number])
