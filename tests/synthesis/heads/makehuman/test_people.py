"""The published data's people, where this machine has them."""

import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.action_units import ACTION_UNITS, SHAPES, shapes_of
from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.hands.making import read_rig
from byel_tf.synthesis.hands.rig import decode, encode, shipped_rig
from byel_tf.synthesis.heads.head import (
    FACE,
    GUMS,
    LASHES,
    LEFT_EYE,
    MOUTH_SOCKET,
    RIGHT_EYE,
    SCALP,
    TEETH,
)
from byel_tf.synthesis.heads.makehuman.head import skin_texture
from byel_tf.synthesis.heads.makehuman.layout import SKINS
from byel_tf.synthesis.heads.makehuman.movement_table import MOVEMENTS
from byel_tf.synthesis.prototype_sheet import plain_face
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face

DOMAIN = load_domain("synthetic")
# Persons of each age.
NUMBERS = range(12)


@pytest.fixture(scope="module")
def draw(people):
    return Renderer(people)


@pytest.fixture(scope="module")
def persons(people):
    return [people.person(plain_face(DOMAIN, "neutral", {}, i)) for i in NUMBERS]


def both(**weights):
    return {shape: w for name, w in weights.items() for shape in shapes_of(name)}


def landmarks(people, vertices):
    return vertices[people.landmarks]


def test_every_movement_is_described():
    assert set(MOVEMENTS) == set(ACTION_UNITS)


def test_its_parts(people):
    sizes = {region: people.count(region) for region in range(LASHES + 1)}
    assert sizes[FACE] == 2041
    assert sizes[SCALP] == 1909
    assert min(sizes[part] for part in (MOUTH_SOCKET, GUMS, TEETH, LEFT_EYE)) > 100
    assert sizes[LEFT_EYE] == sizes[RIGHT_EYE]
    assert sizes[LASHES] == 0  # they are on sheets
    assert len(people.variety) == 108


def test_its_frame(people):
    marks = landmarks(people, people.vertices)
    np.testing.assert_allclose(marks[36:48].mean(axis=0), [0, 3.5, 9.2], atol=0.01)
    assert marks[36:48, 1].mean() - marks[48:60, 1].mean() == pytest.approx(
        6.9, abs=0.1
    )
    assert marks[0, 0] < -5 < 5 < marks[16, 0]
    assert marks[8, 1] < marks[57, 1] < marks[30, 1] < marks[17:27, 1].min()
    left = marks[[42, 43, 44, 45, 46, 47]].mean(axis=0)
    eye = people.vertices[people.regions == LEFT_EYE].mean(axis=0)
    assert np.abs(eye - left)[:2].max() < 0.3
    mirrored = marks[[16, 26, 45, 43, 54, 35, 63, 65]] * [-1, 1, 1]
    np.testing.assert_allclose(marks[[0, 17, 36, 38, 48, 31, 61, 67]], mirrored,
                               atol=0.05)  # fmt: skip


def test_everybody_has_the_same_eyes_and_mouth_in_the_same_place(people, persons):
    heights, sizes = [], []
    for person in persons:
        marks = landmarks(people, person.vertices)
        heights.append(marks[36:48].mean(axis=0)[1] - marks[48:60].mean(axis=0)[1])
        sizes.append(np.ptp(person.vertices[people.regions <= SCALP][:, 0]))
    np.testing.assert_allclose(heights, 6.9, atol=0.25)
    assert np.std(sizes) > 0.3


def test_each_movement_moves_its_own_side(people, persons):
    rest = persons[5].vertices
    for shape in SHAPES:
        moved = persons[5].moved({shape: 1.0}) - rest
        length = np.linalg.norm(moved, axis=1)
        length[people.regions == TEETH] = 0
        assert length.max() > 0.18, shape
        where = (rest[:, 0] * length).sum() / length.sum()
        if shape.endswith("_L"):
            assert where > 0.8, shape
        elif shape.endswith("_R"):
            assert where < -0.8, shape
        else:
            assert abs(where) < 0.7, shape


# Way of a landmark, cm, at weight 1: what an observer sees; see `ACTION_UNITS`.
WAYS = (
    ("browInnerUp", 22, (0.25, None)),
    ("browOuterUp", 25, (0.4, None)),
    ("browDown", 24, (None, -0.2)),
    ("noseSneer", 51, (0.3, None)),
    ("mouthUpperUp", 51, (0.3, None)),
    ("mouthSmile", 54, (0.6, None)),
    ("mouthFrown", 54, (None, -0.3)),
    ("mouthLowerDown", 57, (None, -0.35)),
    ("mouthShrugLower", 8, (0.4, None)),
    ("mouthPress", 57, (0.1, None)),
    ("jawOpen", 8, (None, -1.5)),
    ("mouthRollLower", 57, (0.2, None)),
)


@pytest.mark.parametrize(("name", "landmark", "way"), WAYS)
def test_what_is_seen_of_a_movement(people, persons, name, landmark, way):
    least, most = way
    for person in persons:
        moved = person.moved(both(**{name: 1.0})) - person.vertices
        rise = landmarks(people, moved)[landmark, 1]
        if least is not None:
            assert rise > least
        if most is not None:
            assert rise < most


def test_lips_come_forward_stretch_and_stay_closed(people, persons):
    for person in persons:
        rest = landmarks(people, person.vertices)

        def moved(**weights):
            return landmarks(people, person.moved(both(**weights)))  # noqa: B023

        width = rest[54, 0] - rest[48, 0]
        for name, more in (("mouthStretch", 0.5), ("mouthSmile", 0.5)):
            now = moved(**{name: 1.0})
            assert now[54, 0] - now[48, 0] > width + more, name
        for name in ("mouthPucker", "mouthFunnel"):
            now = moved(**{name: 1.0})
            assert now[51, 2] > rest[51, 2] + 0.25, name
            assert now[54, 0] - now[48, 0] < width - 0.2, name
        opened = moved(jawOpen=1.0)
        assert opened[62, 1] - opened[66, 1] > 1.5
        held = moved(jawOpen=1.0, mouthClose=1.0)
        assert held[62, 1] - held[66, 1] < 0.45
        pressed = moved(mouthPress=1.0)
        assert np.ptp(pressed[[51, 57], 1]) < np.ptp(rest[[51, 57], 1]) - 0.1


def opening(people, vertices, side):
    marks = landmarks(people, vertices)[:, 1]
    upper, lower = {"L": ([43, 44], [47, 46]), "R": ([37, 38], [41, 40])}[side]
    return (marks[upper] - marks[lower]).mean()


def test_lids_close_and_widen_on_everybody(people, persons):
    for person in persons:
        for side in "LR":
            rest = opening(people, person.vertices, side)
            closed = opening(people, person.moved(both(eyeBlink=1.0)), side)
            assert abs(closed) < 0.12
            wide = opening(people, person.moved(both(eyeWide=1.0)), side)
            assert wide > 1.15 * rest
            tight = opening(people, person.moved(both(eyeSquint=1.0)), side)
            assert 0.4 * rest < tight < 0.9 * rest
            raised = opening(people, person.moved(both(cheekRaiser=1.0)), side)
            assert raised < 0.9 * rest
            # However much adds up, the lids do not cross.
            most = both(eyeBlink=1.0, eyeSquint=1.3, cheekRaiser=1.0, eyeLookDown=1.0)
            assert abs(opening(people, person.moved(most), side)) < 0.4


def test_winks_are_meant(people, persons):
    for person in persons:
        rest = opening(people, person.vertices, "L")
        wink = person.moved({"eyeBlink_L": 1.0})
        assert opening(people, wink, "L") < 0.12
        assert opening(people, wink, "R") > 0.85 * rest
        # Tired eyes that differ as much as asymmetry makes them stay a pair.
        tired = person.moved({"eyeBlink_L": 0.9, "eyeBlink_R": 0.5})
        left, right = (opening(people, tired, side) / rest for side in "LR")
        assert 0 < right - left < 0.32


def test_eyes_turn(people, persons):
    person = persons[3]
    eye = np.flatnonzero(people.regions == LEFT_EYE)
    rest = person.vertices[eye]
    front = rest[:, 2].argmax()
    for name, axis, sign in (
        ("Up", 1, 1),
        ("Down", 1, -1),
        ("In", 0, -1),
        ("Out", 0, 1),
    ):
        moved = person.moved({f"eyeLook{name}_L": 1.0})[eye]
        assert sign * (moved[front] - rest[front])[axis] > 0.3
        lengths = (np.linalg.norm(np.diff(at, axis=0), axis=1) for at in (moved, rest))
        np.testing.assert_allclose(*lengths, rtol=1e-3)


def test_upper_teeth_stay_and_lower_ones_go_with_the_jaw(people, persons):
    for person in persons[:4]:
        teeth = people.regions == TEETH
        moved = (person.moved({"jawOpen": 1.0}) - person.vertices)[teeth, 1]
        upper = person._frame.upper_teeth
        assert np.abs(moved[upper]).max() < 0.1
        assert moved[~upper].max() < -0.4
        for name in ("mouthLowerDown", "mouthShrugLower", "mouthSmile", "eyeWide"):
            still = person.moved(both(**{name: 1.0})) - person.vertices
            for region in (TEETH, GUMS, RIGHT_EYE):
                assert np.abs(still[people.regions == region]).max() == 0, name


def test_equal_faces_give_equal_pictures_whatever_was_drawn_before(people, draw):
    faces = [sample_face(DOMAIN, "anger", 1, i) for i in (0, 9, 5, 17)]
    first = [draw.render(face, 48) for face in faces]
    other = Renderer(people)
    for face, picture in zip(faces[::-1], first[::-1], strict=True):
        np.testing.assert_array_equal(other.render(face, 48), picture)


def worn(face, **changes):
    return dataclasses.replace(
        face, accessories=dataclasses.replace(face.accessories, **changes)
    )


def test_tone_is_the_faces_own(people, draw):
    """The skin's picture has a tone of its own, which does not count."""
    plain = plain_face(DOMAIN, "neutral", {}, 4)
    levels = []
    for melanin in (0.2, 1.0, 1.8, 2.6):
        skin = dataclasses.replace(plain.skin, melanin=melanin)
        picture = draw.render_clean(dataclasses.replace(plain, skin=skin), 64)
        levels.append(picture[36:44, 20:44].mean())
    assert (np.diff(levels) < -10).all()


def test_a_skins_own_tone_does_not_count(people):
    who = people.person(plain_face(DOMAIN, "neutral", {}, 4)).traits
    rows, places = people.places()
    in_face = (people.regions[people.triangles] == FACE).all(axis=1) & (rows >= 0)
    at = (places[rows[in_face]].mean(axis=1) * 511).astype(int)
    for name in SKINS:
        texture = skin_texture(people, dataclasses.replace(who, skin=name))
        shown = texture.pixels[at[:, 1], at[:, 0]]
        for channel in range(3):
            factors = texture.factors[channel][shown[:, channel]]
            assert np.median(factors) == pytest.approx(1, abs=0.03), name
            assert factors.std() > 0.02, name


def test_hair_brows_and_covers(people, draw):
    numbers = [i for i in range(20) if people.person(
        plain_face(DOMAIN, "neutral", {}, i)).traits.hair == "long01"]  # fmt: skip
    face = plain_face(DOMAIN, "neutral", {}, numbers[0])
    dark, fair = (
        draw.render_clean(
            dataclasses.replace(
                face, hair=dataclasses.replace(face.hair, luminance=luminance)
            ),
            64,
        ).astype(float)
        for luminance in (0.01, 0.4)
    )
    sides = np.abs(dark - fair).mean(axis=2)
    assert sides[20:50, :10].mean() > 40  # long hair beside the face
    assert sides[34:46, 26:38].mean() < 3  # none on the nose
    cards = people.person(face).cards(face, {})
    assert set(cards.layers) == {0, 1, 2}
    covered = worn(face, head_cover="cap")
    assert set(people.person(face).cards(covered, {}).layers) == {0, 1}


def test_brows_rise_with_the_skin(people, persons):
    face = plain_face(DOMAIN, "neutral", {}, 2)
    person = people.person(face)
    rest = person.cards(face, {})
    raised = person.cards(face, both(browInnerUp=1.0))
    brows = rest.layer_of_points == 0
    assert (raised.points - rest.points)[brows, 1].max() > 0.2
    hair = rest.layer_of_points == 2
    assert np.abs(raised.points - rest.points)[hair].max() < 0.1


def test_babies_and_old_people(people):
    ages = {}
    for number in range(60):
        person = people.person(plain_face(DOMAIN, "neutral", {}, number))
        ages[person.traits.age] = (number, person)
    number, baby = ages[min(ages)]
    old_number, old = ages[max(ages)]
    face = plain_face(DOMAIN, "neutral", {}, number)
    assert baby.traits.age < 0.08
    assert baby.painted(face).shape.age == 0
    assert baby.painted(face).camera.side > face.camera.side
    assert baby.texture.beard == "none"
    face = plain_face(DOMAIN, "neutral", {}, old_number)
    assert old.painted(face).shape.age > 0.8
    assert old.painted(face).camera == face.camera

    def eyes(person):
        nose = np.ptp(landmarks(people, person.vertices)[[27, 33], 1])
        return opening(people, person.vertices, "L") / nose

    assert eyes(baby) > eyes(old)


def test_hands_touch_everybody(people, check_hands):
    check_hands(people, Anatomy(people).casting, 15)


def test_the_packages_hand_is_of_these_data(data_folder):
    made = decode(encode(read_rig(data_folder)))
    for field in dataclasses.fields(made):
        np.testing.assert_array_equal(
            getattr(made, field.name), getattr(shipped_rig(), field.name)
        )
