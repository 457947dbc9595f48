import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.hands.held import HELD, Holder
from byel_tf.synthesis.heads.load import BUILT_IN, load_head
from byel_tf.synthesis.sampling import sample_face


@pytest.fixture(scope="module")
def anatomy():
    return Anatomy(load_head(BUILT_IN))


def hold(anatomy, face, **changes):
    worn = dataclasses.replace(face.accessories, **changes)
    face = dataclasses.replace(face, accessories=worn)
    person = anatomy.head.person(face)
    vertices = person.moved(face.action_units)
    holder = Holder(anatomy.head, anatomy.casting)
    return holder.held(face, person, vertices, anatomy.skin)


def test_none_is_in_a_face_and_all_touch_it(anatomy, check_hands):
    check_hands(anatomy.head, anatomy.casting, 25)


def test_nothing_is_held_where_nothing_is_said(anatomy, synthetic):
    face = sample_face(synthetic, "fear", 1, 0)
    assert hold(anatomy, face, hand="none") is None
    assert hold(anatomy, face, hand="blot") is None


def test_left_and_right(anatomy, synthetic):
    face = sample_face(synthetic, "neutral", 1, 0, action_units={})
    left = hold(anatomy, face, hand="palm", hand_angle=0.0)
    right = hold(anatomy, face, hand="palm", hand_angle=180.0)
    both = hold(anatomy, face, hand="both", hand_angle=0.0)
    assert left.points[:, 0].mean() > 4
    assert right.points[:, 0].mean() < -4
    assert len(both.points) == 2 * len(left.points)
    # Turned inside out it would not be seen.
    for held in (left, right):
        a, b, c = held.points[held.triangles].transpose(1, 0, 2)
        middle = held.points.mean(axis=0)
        assert ((a - middle) * np.cross(b - middle, c - middle)).sum() > 0


def test_finger_tips_are_at_the_lips_and_a_fist_under_the_chin(anatomy, synthetic):
    face = sample_face(synthetic, "neutral", 1, 0, action_units={})
    landmarks = anatomy.head.person(face).vertices[anatomy.head.landmarks]
    lips, chin = landmarks[48:60].mean(axis=0), landmarks[8]

    def nearest(held, place):
        return np.linalg.norm(held.points - place, axis=1).min()

    assert nearest(hold(anatomy, face, hand="fingers"), lips) < 2.6
    assert nearest(hold(anatomy, face, hand="mouth"), lips) < 1.5
    fist = hold(anatomy, face, hand="fist")
    assert nearest(fist, chin) < 2.0
    assert np.percentile(fist.points[:, 1], 99) < chin[1] + 1.6


def test_skin_of_the_face(anatomy, synthetic):
    face = sample_face(synthetic, "neutral", 1, 0)

    def tone(melanin):
        skin = dataclasses.replace(face.skin, melanin=melanin)
        return np.median(
            hold(anatomy, dataclasses.replace(face, skin=skin), hand="palm").albedo
        )

    assert tone(0.2) > 1.5 * tone(1.5) > 2 * tone(2.8)


@pytest.mark.parametrize(
    ("domain", "lacks"),
    [("synthetic", set()), ("shifted", {"nails", "brow", "temples"})],
)
def test_every_expression_has_every_hand(domain, lacks):
    """Or a hand would name an expression."""
    expressions = load_domain(domain).expressions
    sections = load_domain(domain).sections
    for name, expression in expressions.items():
        hand = {**sections["accessories"], **expression.changes.get("accessories", {})}
        drawn = {hand["hand"](u) for u in np.linspace(0, 0.9999, 2000)}
        assert drawn == {"none", "blot", *HELD} - lacks, name
