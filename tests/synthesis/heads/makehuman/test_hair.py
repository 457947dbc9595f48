import dataclasses
import types

import numpy as np
import pytest

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.makehuman.hair import hair_of, sheets
from byel_tf.synthesis.heads.makehuman.person import Pictures
from byel_tf.synthesis.prototype_sheet import plain_face


class Flat:
    """A worn mesh of one triangle."""

    triangles = np.array([[0, 1, 2]], np.int32)
    places = np.zeros((1, 3, 2), np.float32)

    def __init__(self, points):
        self._points = np.array(points, np.float32)

    def points(self, anchors):
        return self._points.copy()


BROW = [[1.3, 5.0, 9.0], [3.6, 5.2, 9.0], [5.9, 5.0, 8.0]]


@pytest.fixture
def face():
    plain = plain_face(load_domain("synthetic"), "neutral", {}, 0)

    def made(head_cover="none", **hair):
        values = {"brow_height": -0.23, "brow_arch": 0.0, "brow_tilt": 0.0,
                  "brow_spacing": 0.0, **hair}  # fmt: skip
        return dataclasses.replace(
            plain,
            hair=dataclasses.replace(plain.hair, **values),
            accessories=dataclasses.replace(plain.accessories, head_cover=head_cover),
        )

    return made


def drawn(face, hair="long01", points=BROW, mirrored=False, rise=0.0, age=0.5):
    person = types.SimpleNamespace(hair=hair, mirrored=mirrored, age=age, male=0.3)
    worn = {"brows": Flat(BROW), "lashes": Flat(BROW), "hair": Flat(points)}
    sides = {"brows": 4, "lashes": 2, "hair": 8}
    pictures = Pictures.of(
        {name: np.full((s, s, 2), s, np.uint8) for name, s in sides.items()}
    )
    return sheets(person, face, worn, pictures, np.zeros((1, 3), np.float32), rise)


def test_pictures_are_stacked(face):
    cards = drawn(face())
    assert cards.pictures.shape == (3, 8, 8, 2)
    np.testing.assert_array_equal(cards.sizes, [4, 2, 8])
    assert cards.pictures[0, :4, :4].min() == 4
    assert cards.pictures[0, 4:].max() == 0
    np.testing.assert_array_equal(cards.layers, [0, 1, 2])
    np.testing.assert_array_equal(cards.triangles[2], [6, 7, 8])


def test_no_hair_below_a_cover(face):
    np.testing.assert_array_equal(drawn(face("scarf")).layers, [0, 1])


def test_brows_are_where_the_face_has_them(face):
    plain = drawn(face()).points[:3]
    for change, way in (
        ({"brow_height": 0.0}, [[0, 0.23, 0]] * 3),
        ({"brow_arch": 0.2}, [[0, 0, 0], [0, 0.2, 0], [0, 0, 0]]),
        ({"brow_tilt": 0.1}, [[0, -0.1, 0], [0, 0, 0], [0, 0.1, 0]]),
        ({"brow_spacing": 0.3}, [[0.3, 0, 0]] * 3),
    ):
        moved = drawn(face(**change)).points[:3]
        np.testing.assert_allclose(moved - plain, way, atol=0.01)
    risen = drawn(face(), rise=0.5).points[:3]
    np.testing.assert_allclose((risen - plain)[:, 1], 0.5, atol=1e-5)


def test_a_fringe_leaves_the_eyes_free(face):
    fringe = [[2.0, 3.0, 9.0], [2.0, 8.0, 9.0], [2.0, 3.0, -4.0]]
    for hair, height in (("bob01", 6.168), ("long01", 3.0)):
        points = drawn(face(), hair=hair, points=fringe).points[6:]
        np.testing.assert_allclose(points[:, 1], [height, 8.0, 3.0], atol=0.01)
    mirrored = drawn(face(), points=fringe, mirrored=True).points[6:]
    assert (mirrored[:, 0] == -2).all()


def test_babies_have_faint_brows(face):
    opacities = [drawn(face(), age=age).opacities[0] for age in (0.0, 0.1, 0.5)]
    assert opacities[0] < 0.4 * opacities[2]
    assert opacities[0] < opacities[1] < opacities[2]


def test_hair_turns_grey_with_the_years(face):
    style = dataclasses.replace(face().hair, luminance=0.05, warmth=0.6)
    young, old = hair_of(style, 0.4), hair_of(style, 0.95)
    assert young == (0.05, 0.6)
    assert old[0] > 0.2
    assert old[1] < 0.1
    # What is fair and without colour is blond on the young.
    fair = dataclasses.replace(style, luminance=0.4, warmth=0.0)
    assert hair_of(fair, 0.2)[1] == 0.4
