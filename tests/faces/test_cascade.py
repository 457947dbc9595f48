import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from byel_tf.faces.cascade import _strongest, find_faces
from byel_tf.faces.networks import PROPOSAL_STRIDE, PROPOSAL_WINDOW


class Credulous:
    """Networks that see a face of some score in every window, just as large."""

    def __init__(self, score=1.0):
        self.score = score
        self.looks = []

    def propose(self, pictures):
        count, height, width, _ = pictures.shape
        rows, columns = (
            1 + (n - PROPOSAL_WINDOW) // PROPOSAL_STRIDE for n in (height, width)
        )
        return (
            np.full((count, rows, columns), self.score),
            np.zeros((count, rows, columns, 4)),
        )

    def refine(self, pictures):
        return self._look(pictures, 24)

    def locate(self, pictures):
        points = np.tile([0.25, 0.5], (len(pictures), 5, 1))
        return *self._look(pictures, 48), points

    def _look(self, pictures, size):
        assert pictures.shape[1:] == (size, size, 3)
        assert np.abs(pictures).max(initial=0) <= 1
        self.looks.append(len(pictures))
        return np.full(len(pictures), self.score), np.zeros((len(pictures), 4))


def test_a_picture_full_of_faces_is_bounded():
    networks = Credulous()
    picture = Image.new("RGB", (640, 480))
    find_faces(networks, picture, 20, 0.5)
    assert max(networks.looks) <= 32
    assert 100 < sum(networks.looks) < 2 * 15 * 200


def test_points_are_in_pixels_of_the_picture():
    picture = Image.new("RGB", (100, 40))
    boxes, scores, points = find_faces(Credulous(), picture, 20, 0.5)
    sides = boxes[:, 2:] - boxes[:, :2]
    assert len(boxes) == len(scores) == len(points)
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    for point in points.transpose(1, 0, 2):
        np.testing.assert_allclose(point, boxes[:, :2] + sides * [0.25, 0.5])
    assert boxes.min() > -12
    assert np.all(boxes[:, 2:].max(axis=0) < [112, 52])


@pytest.mark.parametrize(
    ("score", "least", "found"), [(0.8, 0.8, True), (0.7, 0.8, False)]
)
def test_the_confidence_is_the_least(score, least, found):
    picture = Image.new("RGB", (30, 30))
    boxes, scores, _ = find_faces(Credulous(score), picture, 20, least)
    assert (len(boxes) > 0) == found
    assert np.all(scores >= least)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (11, 13), (640, 12)])
def test_narrow_pictures(size):
    boxes, _, points = find_faces(Credulous(), Image.new("RGB", size), 20, 0.5)
    assert np.isfinite(boxes).all()
    assert len(points) == len(boxes) > 0


corners = st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 10)] * 2)


@given(
    boxes=st.lists(st.tuples(corners, st.integers(0, 5)), max_size=12),
    overlap=st.floats(0, 1),
    of_smaller=st.booleans(),
)
@settings(deadline=None)
def test_strongest_is_the_definition(boxes, overlap, of_smaller):
    """One by one from the most likely: kept unless it overlaps one that was kept."""

    def cells(box):
        x, y, width, height = box
        return {(x + i, y + j) for i in range(width) for j in range(height)}

    expected = []
    for i in sorted(range(len(boxes)), key=lambda i: -boxes[i][1]):
        for j in expected:
            one, other = cells(boxes[i][0]), cells(boxes[j][0])
            whole = min(len(one), len(other)) if of_smaller else len(one | other)
            if len(one & other) > overlap * whole:
                break
        else:
            expected.append(i)
    corners = np.array([b for b, _ in boxes], float).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    scores = np.array([score for _, score in boxes], float)
    kept = _strongest(corners, scores, overlap, of_smaller=of_smaller)
    assert kept.tolist() == expected
