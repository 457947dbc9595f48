import numpy as np

from byel_tf.detection.frame import frames_of, to_picture
from byel_tf.detection.networks import LOOKED_UNIT, PROPOSED_UNIT, USUAL_POINTS, cells
from byel_tf.detection.training.targets import looking_targets, proposing_targets

# Of an eye–mouth distance of 1 about (0, 0).
FACE = USUAL_POINTS


def face(x, y, size):
    return FACE * size / 2.47 + [x, y]


def test_the_place_of_a_face_says_its_frame():
    points = face(60.0, 36.0, 24.0)[None]
    targets = proposing_targets(points, 16, 16)
    said = np.argwhere(targets[..., 0] == 1)
    # Places' middles are 4, 12, ... 60: within 0.22 sides of the face's.
    np.testing.assert_array_equal(said, [[4, 7]])
    frames = targets.reshape(-1, 6)[:, 1:5] * PROPOSED_UNIT + cells(16, 16)
    np.testing.assert_allclose(
        frames[4 * 16 + 7], frames_of(points)[0], rtol=1e-6, atol=1e-5
    )
    unsaid = np.argwhere(targets[..., 5] == 0)
    away = np.hypot(*(unsaid[:, ::-1] * 8 + 4 - [60, 36]).T)
    assert len(unsaid) == 8
    assert away.max() <= 12


def test_other_sizes_are_no_faces_or_do_not_matter():
    for size, matters in ((8.0, True), (13.0, False), (45.0, False), (80.0, True)):
        targets = proposing_targets(face(60.0, 60.0, size)[None], 16, 16)
        assert targets[..., 0].sum() == 0
        assert (targets[..., 5] == 1).all() == matters


def test_a_face_is_found_beside_one_that_does_not_matter():
    points = np.stack([face(60.0, 60.0, 20.0), face(64.0, 60.0, 45.0)])
    for order in ([0, 1], [1, 0]):
        targets = proposing_targets(points[order], 16, 16)
        assert targets[7, 7, 0] == targets[7, 7, 5] == 1


def test_a_patch_says_where_the_points_are():
    points = face(50.0, 40.0, 30.0)[None]
    turned = points + np.array([[0.7, -0.3]])
    frames = frames_of(points) + [[1.0, -1.0, 0.5, 0.3]]
    (target,) = looking_targets(frames, turned)
    assert (target[0], target[11]) == (1, 1)
    places = USUAL_POINTS + target[1:11].reshape(5, 2) * LOOKED_UNIT
    np.testing.assert_allclose(to_picture(frames, places[None]), turned, atol=1e-4)


def test_patches_beside_a_face():
    points = face(50.0, 40.0, 24.7)[None]  # the distance is 10
    frame = frames_of(points)[0]
    beside = np.array([[3.0, 0, 0, 0], [6.0, 0, 0, 0], [9.0, 0, 0, 0]])
    shorter = np.array([[0, 0, 0, -5.0], [0, 0, 0, -8.0], [0, 0, 0, -20.0]])
    said = looking_targets(frame + np.concatenate([beside, shorter]), points)[:, 0]
    # Half as long is 2.5 off at each end, and upside down is 10.
    np.testing.assert_array_equal(said, [1, -1, 0, 1, -1, 0])
    assert looking_targets(frame[None], points[:0])[0, 0] == 0
