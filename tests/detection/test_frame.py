import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.detection.frame import (
    boxes_of,
    frames_of,
    overlaps,
    sizes_of,
    strongest,
    to_patch,
    to_picture,
)

FACE = np.array([[[40.0, 50], [60, 50], [50, 62], [43, 70], [57, 70]]])
numbers = st.floats(-500, 500)


def test_a_frame_by_hand():
    frames = frames_of(FACE)
    np.testing.assert_allclose(frames, [[50, 60, 0, 20]])
    np.testing.assert_allclose(sizes_of(frames), [2.47 * 20])
    # An upright face's patch shows it as it is, in eye–mouth distances.
    np.testing.assert_allclose(
        to_patch(frames, FACE)[0], (FACE[0] - [50, 60]) / 20, atol=1e-12
    )
    left, top, right, bottom = boxes_of(frames)[0]
    np.testing.assert_allclose([(left + right) / 2, right - left], [50, 49.4])
    np.testing.assert_allclose([(top + bottom) / 2, bottom - top], [57.2, 49.4])


def test_a_lying_face_is_upright_in_its_patch():
    """Turned by a quarter to the right: the eyes' line points down."""
    turned = (FACE - [50, 60]) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + [50, 60]
    frames = frames_of(turned)
    np.testing.assert_allclose(frames, [[50, 60, -20, 0]], atol=1e-12)
    np.testing.assert_allclose(
        to_patch(frames, turned), to_patch(frames_of(FACE), FACE), atol=1e-12
    )


@given(
    middle=st.tuples(numbers, numbers),
    angle=st.floats(-3.2, 3.2),
    distance=st.floats(1, 400),
    place=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_there_and_back(middle, angle, distance, place):
    way = distance * np.array([np.sin(angle), np.cos(angle)])
    frames = np.array([[*middle, *way]])
    places = np.array([[place]])
    there = to_picture(frames, places)
    np.testing.assert_allclose(to_patch(frames, there), places, atol=1e-9)
    # The mouth's middle is half a distance below the patch's.
    np.testing.assert_allclose(
        to_picture(frames, np.array([[[0, 0.5]]]))[0, 0], middle + way / 2, atol=1e-9
    )


def test_overlaps_by_hand():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 4, 4]], float)
    np.testing.assert_allclose(
        overlaps(boxes, boxes), [[1, 1 / 3, 0.04], [1 / 3, 1, 0], [0.04, 0, 1]]
    )
    smaller = overlaps(boxes, boxes[2:], of_smaller=True)
    np.testing.assert_allclose(smaller, [[1], [0], [1]])


def test_the_strongest_of_boxes_that_overlap():
    boxes = np.array(
        [[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [2, 2, 5, 5]], float
    )
    scores = np.array([0.5, 0.9, 0.4, 0.7])
    np.testing.assert_array_equal(strongest(boxes, scores, 0.5), [1, 3, 2])
    kept = strongest(boxes, scores, 0.5, of_smaller=True)
    np.testing.assert_array_equal(kept, [1, 2])
    assert len(strongest(boxes[:0], scores[:0], 0.5)) == 0
