import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.hands.rig import (
    FINGERS,
    FOREARM,
    PALM,
    SHIPPED,
    Bend,
    bent,
    decode,
    encode,
    joint_of,
    shipped_rig,
)
from byel_tf.synthesis.mesh import vertex_normals


@pytest.fixture
def rig():
    return shipped_rig()


def bend(angles=(0, 0, 0), spread=0, arm=(0, -1, 0)):
    return Bend(
        np.full((FINGERS, 3), angles, np.float32),
        np.full(FINGERS, spread, np.float32),
        np.array(arm, np.float32),
    )


def rest_arm(rig):
    arm = rig.joints[0, FOREARM] - rig.joints[0, PALM]
    return arm / np.linalg.norm(arm)


def test_what_is_written_is_read(rig):
    again = decode(encode(rig))
    for field in dataclasses.fields(rig):
        np.testing.assert_allclose(
            getattr(again, field.name), getattr(rig, field.name), atol=2e-3
        )


def test_the_package_stays_small():
    assert SHIPPED.stat().st_size < 300_000


def test_the_hand_is_closed_and_its_outside_is_outside(rig):
    """Each edge has two triangles but for the end of the arm; volume is positive."""
    edges = np.sort(rig.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    assert (counts == 1).sum() < 40
    a, b, c = rig.persons[0][rig.triangles].transpose(1, 0, 2)
    assert (a * np.cross(b, c)).sum() / 6 > 300  # cm³


def test_unbent_it_is_at_rest(rig):
    points = bent(rig, rig.persons[0], rig.joints[0], bend(arm=rest_arm(rig)))
    np.testing.assert_allclose(points, rig.persons[0], atol=2e-4)


def test_fingers_bend_to_the_palm_and_keep_their_length(rig):
    rest = rig.persons[0]
    fist = bent(rig, rest, rig.joints[0], bend((70, 80, 40), arm=rest_arm(rig)))
    half = bent(rig, rest, rig.joints[0], bend((20, 15, 10), arm=rest_arm(rig)))
    for finger in range(1, FINGERS):
        tip = np.argmin(
            np.linalg.norm(rest - rig.joints[0, joint_of(finger, 3)], axis=1)
        )
        assert half[tip, 2] > rest[tip, 2]
        assert fist[tip, 1] < rig.joints[0, joint_of(finger, 0), 1]
    # Skin of one bone moves as a rigid body.
    own = np.flatnonzero(rig.weights[:, 0] > 0.999)
    last = own[rig.bones[own, 0] == joint_of(2, 2)][:6]
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(fist[last], axis=0), axis=1),
        np.linalg.norm(np.diff(rest[last], axis=0), axis=1),
        rtol=1e-3,
    )


def test_fingers_spread_to_the_little_one(rig):
    points = bent(rig, rig.persons[0], rig.joints[0], bend(spread=15))
    tip = np.argmin(
        np.linalg.norm(rig.persons[0] - rig.joints[0, joint_of(2, 3)], axis=1)
    )
    assert points[tip, 0] > rig.persons[0][tip, 0] + 1


def test_the_arm_turns_where_it_is_told(rig):
    way = np.array([0.6, -0.8, 0.0])
    points = bent(rig, rig.persons[0], rig.joints[0], bend(arm=way))
    far = rig.persons[0][:, 1] < -18
    middle = points[far].mean(axis=0)
    assert middle @ way / np.linalg.norm(middle) > 0.97


def test_all_persons_are_hands(rig):
    for points in rig.persons:
        normals = vertex_normals(points, rig.triangles)
        assert np.isfinite(normals).all()
        assert 13 < points[:, 1].max() < 20  # cm from the wrist
