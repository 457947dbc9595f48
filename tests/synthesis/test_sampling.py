import collections

import numpy as np
import pytest

from byel_tf.synthesis import sampling
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
        if section != "growth":  # most are grown up
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


def test_shares_of_a_mixture(domain, faces):
    """Two expressions are in the movement to the shares that the face says."""
    mixed = [face for face in faces if len(face.shares) > 1]
    assert 0.08 < len(mixed) / len(faces) < 0.14
    for face in faces:
        assert sum(face.shares.values()) == pytest.approx(1)
        assert max(face.shares, key=face.shares.get) == face.expression
    smile = {
        name: np.mean([max(f.action_units.get("mouthSmile_L", 0), 0) for f in those])
        for name, those in (
            ("mixed", [f for f in mixed if f.expression != "happiness"
                       and f.shares.get("happiness", 0) > 0.15]),
            ("plain", [f for f in faces if f.shares == {"anger": 1.0}]),
        )
    }  # fmt: skip
    assert smile["mixed"] > smile["plain"] + 0.1
    given = sample_face(domain, "fear", 1, 0, action_units={"jawOpen": 1.0})
    assert given.shares == {"fear": 1.0}


def test_children_have_no_beard_nor_folds(faces):
    children = [face for face in faces if face.growth.youth > 0]
    assert 0.07 < len(children) / len(faces) < 0.13
    assert {face.hair.beard for face in children} == {"none"}
    babies = [face.shape.age for face in children if face.growth.youth > 0.8]
    assert max(babies) < 0.2


def test_what_is_rarer_than_an_ordinary_face(faces):
    """Every kind is there, and one with nothing special is the commonest."""
    kinds = (
        (lambda f: f.accessories.head_cover, ("cap", "visor", "hat", "scarf", "hood")),
        (lambda f: f.strands.kind, ("fringe", "lock", "curtain")),
        (lambda f: f.print.kind, ("watermark", "caption")),
    )
    for kind, names in kinds:
        counts = collections.Counter(map(kind, faces))
        assert counts.keys() == {"none", *names}
        assert counts["none"] > 0.65 * len(faces)
    yaws = np.abs([face.pose.yaw for face in faces])
    assert 0.05 < (yaws > 35).mean() < 0.15 and 58 < yaws.max() <= 60


def test_the_second_domain_keeps_its_faces():
    """Scores on it are compared over versions: these sums must not change."""
    shifted = load_domain("shifted")
    names = (*EXPRESSIONS, "neutral", "contempt")
    faces = [sample_face(shifted, names[i % 8], 3, i) for i in range(48)]
    sums = [
        sum(sum(face.action_units.values()) for face in faces),
        sum(face.pose.roll for face in faces),
        sum(face.hair.fringe for face in faces),
        sum(face.image.noise for face in faces),
        sum(face.texture_seed for face in faces),
        sum(sum(face.identity[:128]) for face in faces),
    ]
    assert sums == pytest.approx(
        [373.5916, 21.135129, 265.154792, 2.056325, 50627439498, -91.2786], rel=1e-5
    )
    for face in faces:
        assert face.strands.kind == face.print.kind == "none"
        assert face.growth.youth == 0 and face.headwear.edge == 5.2
        assert face.accessories.head_cover in ("none", "cap", "scarf")


def test_the_other_side_of_a_movement():
    shapes = ("mouthSmile_L", "browDown_R", "mouthLeft", "jawRight", "jawOpen")
    others = ("mouthSmile_R", "browDown_L", "mouthRight", "jawLeft", "jawOpen")
    assert tuple(map(sampling._mirror, shapes)) == others
    assert tuple(map(sampling._mirror, others)) == shapes


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
