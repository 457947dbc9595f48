import numpy as np
import pytest

from byel_tf.synthesis.hands.touch import Heights, flatten


@pytest.fixture
def hill():
    """A slope of 45 degrees that rises to x, over a square of 8 cm."""
    across, up = np.meshgrid(np.linspace(-4, 4, 17), np.linspace(-4, 4, 17))
    points = np.stack([across, up, across], axis=-1).reshape(-1, 3).astype("f4")
    first = (np.arange(16)[:, None] * 17 + np.arange(16)).ravel()
    triangles = np.concatenate(
        [
            np.stack([first, first + 1, first + 18], 1),
            np.stack([first, first + 18, first + 17], 1),
        ]
    )
    return points, triangles.astype(np.int32)


def test_heights_over_a_slope(hill):
    heights = Heights(*hill, out=(0, 0, 1), origin=(0, 0, 0))
    points = np.array([[1, 0, 3], [-2, 1, 0], [1, 0, 0.2], [9, 0, 0]], np.float32)
    gaps = heights.gaps(points)
    # At most a cell's rise too near, and never too far.
    exact = points[:3, 2] - points[:3, 0]
    assert (gaps[:3] <= exact + 0.01).all()
    assert (gaps[:3] > exact - 0.4).all()
    assert gaps[3] > 100  # nothing is there


def test_seen_from_a_side(hill):
    heights = Heights(*hill, out=(-1, 0, 1), origin=(0, 0, 0))
    point = np.array([[-1, 0.5, 1]], np.float32)
    np.testing.assert_allclose(heights.gaps(point), np.sqrt(2), atol=0.05)


def test_what_is_behind_comes_to_the_surface(hill):
    heights = Heights(*hill, out=(0, 0, 1), origin=(0, 0, 0))
    points = np.array([[1, 0, -2], [1, 0, 4]], np.float32)
    out = np.array([0, 0, 1], np.float32)
    flatten(points, heights.seen(points), heights.field, out)
    assert 1 <= points[0, 2] < 1.5
    np.testing.assert_array_equal(points[1], [1, 0, 4])
    assert points[0, 0] == 1
