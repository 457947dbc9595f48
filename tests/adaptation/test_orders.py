import numpy as np
import pytest

from byel_tf.adaptation.orders import ORDERS, order_images


@pytest.mark.parametrize("order", ORDERS)
def test_every_image_comes_once(rng, order):
    labels = rng.integers(6, size=500)
    positions = order_images(labels, order, rng)
    assert sorted(positions) == list(range(500))
    assert order_images(np.array([2]), order, rng).tolist() == [0]


def test_how_classes_follow(rng):
    labels = np.repeat(np.arange(6), 100)

    def classes_at_a_time(order):
        """Mean number of effective classes in a row of 30 images."""
        found = labels[order_images(labels, order, rng)].reshape(20, 30)
        shares = [np.bincount(row, minlength=6) / 30 for row in found]
        return np.mean([1 / (s**2).sum() for s in shares])

    assert classes_at_a_time("random") > 4.5
    assert 1.2 < classes_at_a_time("dirichlet") < 3.5
    changes = np.diff(labels[order_images(labels, "sorted", rng)]) != 0
    assert changes.sum() == 5
