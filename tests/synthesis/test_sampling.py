import collections

import numpy as np
import pytest

from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.face import OF_THE_PERSON, SECTIONS, Face
from byel_tf.synthesis.sampling import sample_face

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


@pytest.fixture(scope="module")
def domain():
    return load_domain("synthetic")


@pytest.fixture(scope="module")
def faces(domain):
    return [sample_face(domain, EXPRESSIONS[i % 6], 1, i) for i in range(3000)]


def test_depends_on_its_arguments_alone(domain):
    face = sample_face(domain, "fear", 3, 17)
    sample_face(domain, "fear", 3, 16)
    assert sample_face(domain, "fear", 3, 17) == face
    assert sample_face(domain, "fear", 4, 17) != face
    assert sample_face(domain, "fear", 3, 18) != face


def test_domains_hold_other_people(domain):
    other = sample_face(load_domain("shifted"), "fear", 3, 17)
    face = sample_face(domain, "fear", 3, 17)
    assert other.identity != face.identity
    assert other.subject != face.subject


def test_pictures_of_a_person_share_the_person(domain):
    first, last, next_one = (sample_face(domain, "fear", 1, i) for i in (0, 5, 6))
    for section in ("identity", "subject", *OF_THE_PERSON):
        assert getattr(first, section) == getattr(last, section)
        assert getattr(first, section) != getattr(next_one, section)
    for section in set(SECTIONS) - set(OF_THE_PERSON):
        assert getattr(first, section) != getattr(last, section)


def test_survives_json(faces):
    for face in faces[:20]:
        assert Face.from_json(face.to_json()) == face


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pose": 1}'])
def test_refuses_other_json(text):
    with pytest.raises(ValueError, match="Not a face"):
        Face.from_json(text)


def test_given_action_units_are_used(domain):
    face = sample_face(domain, "fear", 1, 0, action_units={"jawOpen": 1.0})
    assert face.action_units == {"jawOpen": 1.0}
    assert face.pose == sample_face(domain, "fear", 1, 0).pose


def test_unknown_expression(domain):
    with pytest.raises(ValueError, match="expression='joy'"):
        sample_face(domain, "joy", 1, 0)


def test_expressions_move_what_they_should(faces):
    means = {}
    for expression in EXPRESSIONS:
        rows = [f.action_units for f in faces if f.expression == expression]
        means[expression] = {
            shape: np.mean([row.get(shape, 0.0) for row in rows]) for shape in SHAPES
        }
    for expression, shape in (
        ("anger", "browDown_L"),
        ("disgust", "noseSneer_L"),
        ("fear", "mouthStretch_L"),
        ("happiness", "mouthSmile_R"),
        ("sadness", "mouthFrown_R"),
        ("surprise", "browOuterUp_L"),
    ):
        others = [means[e][shape] for e in EXPRESSIONS if e != expression]
        assert means[expression][shape] > 1.5 * max(others)


def test_left_and_right_have_the_same_distribution(faces):
    left = np.array([f.action_units.get("mouthSmile_L", 0) for f in faces])
    right = np.array([f.action_units.get("mouthSmile_R", 0) for f in faces])
    assert left.mean() == pytest.approx(right.mean(), rel=0.05)
    assert np.abs(left - right).mean() > 0.01


def test_contempt_is_one_sided_on_either_side(domain):
    rows = [sample_face(domain, "contempt", 1, i).action_units for i in range(300)]
    stronger = [
        row.get("mouthDimple_L", 0) > row.get("mouthDimple_R", 0) for row in rows
    ]
    assert 0.35 < np.mean(stronger) < 0.65
    assert np.mean([abs(r.get("mouthDimple_L", 0) - r.get("mouthDimple_R", 0))
                    for r in rows]) > 0.3  # fmt: skip


def test_no_tone_or_age_is_left_out_of_an_expression(faces):
    """Appearance is drawn apart from expression: every class has everybody."""
    tones = collections.Counter()
    for face in faces:
        tones[face.expression, int(face.skin.melanin / 0.58)] += 1
    assert {tone for _, tone in tones} == {0, 1, 2, 3, 4}
    for expression in EXPRESSIONS:
        for tone in range(5):
            # A fifth is expected of 500, a bit less of dark tones.
            assert tones[expression, tone] > 50
    ages = np.array([face.shape.age for face in faces])
    assert np.percentile(ages, 10) < 0.1 and np.percentile(ages, 90) > 0.55
    # A person shows every expression, so that classes can't differ in people.
    shown = collections.defaultdict(set)
    for face in faces:
        shown[face.subject].add(face.expression)
    assert all(expressions == set(EXPRESSIONS) for expressions in shown.values())
