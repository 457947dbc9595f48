import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.anatomy import Anatomy, folds_at
from byel_tf.synthesis.heads.head import SCALP, Texture
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.heads.morphable import MorphableHead
from byel_tf.synthesis.sampling import sample_face
from byel_tf.synthesis.texture import SkinTexture, beard, lay_texture

# Style and colour of a beard.
BARE = ("none", np.ones(3))


class Unfolded(MorphableHead):
    """A head whose skin is on a picture as it is seen from the front."""

    def places(self):
        skin = (self.regions[self.triangles] <= SCALP).all(axis=1)
        rows = np.full(len(self.triangles), -1, np.int32)
        rows[skin] = np.arange(skin.sum())
        corners = self.vertices[self.triangles[skin]]
        places = np.stack([corners[..., 0], -corners[..., 1]], axis=-1) / 40 + 0.5
        return rows, np.ascontiguousarray(places, np.float32)


@pytest.fixture(scope="module")
def anatomy():
    head = load_head("built-in")
    fields = {f.name: getattr(head, f.name) for f in dataclasses.fields(head)}
    return Anatomy(Unfolded(**fields))


@pytest.fixture(scope="module")
def skin(anatomy):
    return SkinTexture.of(anatomy)


def texture(level=100):
    pixels = np.full((8, 8, 3), level, np.uint8)
    factors = np.tile(np.arange(256, dtype=np.float32) / 100, (3, 1))
    return Texture(pixels, factors)


def test_a_head_without_a_picture_has_none():
    assert SkinTexture.of(Anatomy(load_head("built-in"))) is None


def test_folds_are_where_the_mesh_has_them(anatomy, skin):
    head = anatomy.head
    depths = {"nasolabial": 0.2}
    relief = skin.relief(depths)
    assert relief.min() < 0.8
    face = head.vertices[anatomy.face]
    heights = folds_at(face, head.vertices[head.landmarks])["nasolabial"]
    valley = face[heights.argmin()]
    row, column = ((np.array([-valley[1], valley[0]]) / 40 + 0.5) * 512).astype(int)
    top, left = skin.corner
    assert relief[row - top, column - left] < 0.85
    forehead = head.vertices[head.landmarks[27]] + [0, 5, 0]
    row, column = ((np.array([-forehead[1], forehead[0]]) / 40 + 0.5) * 512).astype(int)
    assert relief[row - top, column - left] == pytest.approx(1, abs=0.02)


def test_deeper_folds_are_darker_and_none_is_plain(skin):
    assert (skin.relief({}) == 1).all()
    assert (skin.relief({"chin": 0.0}) == 1).all()
    shallow, deep = (skin.relief({"forehead": depth}).min() for depth in (0.05, 0.2))
    assert deep < shallow < 1
    assert skin.relief({"forehead": 9.0}).min() >= 0.349


def test_a_picture_multiplies_the_light(skin):
    rows = skin.rows
    textured = int(np.flatnonzero(rows >= 0)[0])
    plain = int(np.flatnonzero(rows < 0)[0])
    shown = np.array([[textured, plain], [-1, textured]], np.int32)
    weights = np.full((2, 2, 2), 1 / 3, np.float32)
    picture = np.ones((2, 2, 3), np.float32)
    relief = skin.relief({})
    lay_texture(picture, shown, weights, rows, skin, texture(50), relief, BARE)
    np.testing.assert_allclose(picture[0, 0], 0.5, rtol=1e-5)
    np.testing.assert_allclose(picture[1, 1], 0.5, rtol=1e-5)
    assert (picture[0, 1] == 1).all()
    assert (picture[1, 0] == 1).all()


def test_relief_reaches_the_picture(anatomy, skin):
    """What a triangle in the nasolabial fold shows gets darker."""
    head = anatomy.head
    heights = np.zeros(len(head.vertices), np.float32)
    heights[anatomy.face] = anatomy.folds["nasolabial"]
    deepest = int(heights[head.triangles].mean(axis=1).argmin())
    shown = np.array([[deepest]], np.int32)
    weights = np.full((1, 1, 2), 1 / 3, np.float32)
    results = []
    for depths in ({}, {"nasolabial": 0.2}):
        picture = np.ones((1, 1, 3), np.float32)
        relief = skin.relief(depths)
        lay_texture(picture, shown, weights, skin.rows, skin, texture(), relief, BARE)
        results.append(picture[0, 0])
    np.testing.assert_allclose(results[0], 1, rtol=1e-5)
    assert (results[1] < 0.9).all()


def test_texels_between_are_mixed(skin):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = 200
    smooth = dataclasses.replace(texture(), pixels=pixels)
    textured = np.flatnonzero(skin.rows >= 0)[::150]
    size = len(textured)
    square = np.full((size, size), -1, np.int32)
    square[0] = textured
    weights = np.full((size, size, 2), 1 / 3, np.float32)
    picture = np.ones((size, size, 3), np.float32)
    lay_texture(
        picture, square, weights, skin.rows, skin, smooth, skin.relief({}), BARE
    )
    x = skin.places[skin.rows[textured]].mean(axis=1)[:, 0]
    expected = np.interp(8 * x - 0.5, [3, 4], [0, 2])
    np.testing.assert_allclose(picture[0, :, 0], expected, atol=2e-3)


def test_beards_are_where_the_mesh_has_them(anatomy, skin):
    head = anatomy.head
    shares = np.zeros(len(head.vertices), np.float32)
    shares[anatomy.face] = anatomy.beards["full"]
    inside = shares[head.triangles].min(axis=1) > 0.9
    # From the front what is further back has the same place.
    ahead = head.vertices[head.triangles, 2].mean(axis=1) > 9
    outside = (shares[head.triangles].max(axis=1) == 0) & ahead
    textured = skin.rows >= 0
    chosen = [np.flatnonzero(which & textured)[::9] for which in (inside, outside)]
    shown = np.concatenate(chosen)[:, None].astype(np.int32)
    square = np.full((len(shown), len(shown)), -1, np.int32)
    square[:, :1] = shown
    weights = np.full((*square.shape, 2), 1 / 3, np.float32)
    picture = np.ones((*square.shape, 3), np.float32)
    lay_texture(picture, square, weights, skin.rows, skin, texture(), skin.relief({}),
                ("full", np.array([0.1, 0.2, 0.3])))  # fmt: skip
    bearded, bare = picture[: len(chosen[0]), 0], picture[len(chosen[0]) :, 0]
    assert len(bearded) > 5
    np.testing.assert_allclose(bearded.mean(axis=0), [0.15, 0.25, 0.35], atol=0.15)
    assert (np.diff(bearded.mean(axis=0)) > 0.05).all()
    assert (bare > 0.999).mean() > 0.95  # but at its edges


def test_colour_of_a_beard(synthetic):
    face = sample_face(synthetic, "neutral", 1, 0)
    thin, thick = (
        beard(
            dataclasses.replace(texture(), beard="chin"),
            dataclasses.replace(
                face, hair=dataclasses.replace(face.hair, beard_opacity=opacity)
            ),
        )
        for opacity in (0.1, 0.9)
    )
    assert thin[0] == thick[0] == "chin"
    assert (thick[1] < thin[1]).all()
    assert (thick[1] <= 0.61).all()
