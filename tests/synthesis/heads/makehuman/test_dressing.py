"""Other heads in the hair and skins of the published data, where they are."""

import dataclasses

import numpy as np
import pytest

from byel_tf.errors import UsageError
from byel_tf.synthesis.action_units import shapes_of
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads import load
from byel_tf.synthesis.heads.head import SCALP
from byel_tf.synthesis.heads.makehuman.dressing import dressed
from byel_tf.synthesis.heads.parametric import parametric_head
from byel_tf.synthesis.prototype_sheet import plain_face
from byel_tf.synthesis.renderer import Renderer

DOMAIN = load_domain("synthetic")


@pytest.fixture(scope="module")
def head(people):
    return dressed(parametric_head(), people)


@pytest.fixture(scope="module")
def draw(head):
    return Renderer(head)


def face_of(number):
    return plain_face(DOMAIN, "neutral", {}, number)


def both(**weights):
    return {shape: w for name, w in weights.items() for shape in shapes_of(name)}


def test_persons_and_movements_are_the_heads_own(head):
    face = face_of(3)
    own, worn = head.body.person(face), head.person(face)
    np.testing.assert_array_equal(worn.vertices, own.vertices)
    weights = both(mouthSmile=0.7, browDown=0.4)
    np.testing.assert_array_equal(worn.moved(weights), own.moved(weights))
    assert head.name.startswith("built-in+makehuman")


def test_skins_lie_where_they_belong(head, people):
    """The same landmarks have the same places on a picture."""

    def place(one, landmark):
        rows, places = one.places()
        vertex = one.landmarks[landmark]
        found = np.argwhere((one.triangles == vertex) & (rows >= 0)[:, None])
        return np.mean([places[rows[t], corner] for t, corner in found], axis=0)

    # Eyes, nose, lips, chin; a picture is 1 wide, and a face a third of that.
    for landmark in (36, 39, 42, 45, 30, 31, 35, 48, 51, 54, 57, 8):
        away = np.abs(place(head, landmark) - place(people, landmark)).max()
        assert away < 0.02, landmark
    rows, places = head.places()
    assert (rows >= 0).sum() > 0.4 * (head.regions[head.triangles[:, 0]] <= SCALP).sum()
    assert 0 <= places.min() <= places.max() <= 1


def test_hair_lies_on_the_skull(head):
    skin = head.vertices[head.regions <= SCALP]
    for name, worn in head.worn.items():
        points = worn.points(head.vertices)
        assert np.isfinite(points).all()
        top = points[points[:, 1] > 8]
        if name.startswith("hair/") and len(top):
            nearest = np.linalg.norm(skin[:, None] - top[None, ::25], axis=2).min(
                axis=0
            )
            assert np.median(nearest) < 2.5, name
        if name.startswith("lashes/"):
            eyes = head.vertices[head.landmarks[36:48]]
            nearest = np.linalg.norm(eyes[:, None] - points[None], axis=2).min(axis=0)
            assert np.median(nearest) < 0.9, name


def test_brows_and_lashes_move_with_the_skin(head):
    person = head.person(face_of(2))
    rest, raised, shut = (
        person.cards(face_of(2), both(**weights))
        for weights in ({}, {"browInnerUp": 1.0}, {"eyeBlink": 1.0})
    )
    brows, lashes = (rest.layer_of_points == layer for layer in (0, 1))
    assert (raised.points - rest.points)[brows, 1].max() > 0.2
    assert (shut.points - rest.points)[lashes, 1].min() < -0.4


def test_tone_and_beard_are_the_faces_own(draw):
    plain = face_of(4)
    levels = []
    for melanin in (0.2, 1.2, 2.4):
        skin = dataclasses.replace(plain.skin, melanin=melanin)
        picture = draw.render_clean(dataclasses.replace(plain, skin=skin), 64)
        levels.append(picture[36:44, 20:44].mean())
    assert (np.diff(levels) < -10).all()
    number = next(
        i for i in range(40) if draw.head.person(face_of(i)).traits.male > 0.8
    )
    shaven = dataclasses.replace(face_of(number), hair=face_of(number).hair)
    hair = dataclasses.replace(
        shaven.hair, beard="full", beard_opacity=0.9, luminance=0.01
    )
    bearded = dataclasses.replace(shaven, hair=hair)
    shaven = dataclasses.replace(shaven, hair=dataclasses.replace(hair, beard="none"))
    one, other = (draw.render_clean(f, 64).astype(float) for f in (bearded, shaven))
    darker = (other - one)[:, 20:44].mean(axis=(1, 2))
    assert darker[46:60].mean() > darker[20:34].mean() + 15


def test_equal_faces_give_equal_pictures(head, draw):
    faces = [face_of(i) for i in (1, 7, 3)]
    first = [draw.render(face, 48) for face in faces]
    other = Renderer(head)
    for face, picture in zip(faces[::-1], first[::-1], strict=True):
        np.testing.assert_array_equal(other.render(face, 48), picture)


def test_by_name(people, monkeypatch):
    heads = {"built-in": parametric_head(), "makehuman": people}
    real = load.load_head
    monkeypatch.setattr(load, "load_head", lambda name: heads.get(name) or real(name))
    assert load.load_head("built-in+makehuman").name.startswith("built-in+makehuman")
    for wrong in ("makehuman+built-in", "makehuman+makehuman"):
        with pytest.raises(UsageError, match="before the \\+ and makehuman behind it"):
            load.load_head(wrong)
    with pytest.raises(UsageError, match="--head=tall: expected built-in"):
        load.load_head("tall+makehuman")
