import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.cards import (
    card_normals,
    casting,
    develop_covered,
    draw_cards,
    light_corners,
)
from byel_tf.synthesis.heads.head import Cards
from byel_tf.synthesis.rasterizer import develop

SIZE = 16
# Two squares of one pixel's picture, the second one nearer; in pixels, and their depth.
SQUARE = np.array([[2, 2], [12, 2], [12, 12], [2, 12]], np.float32)


def sheets(opacities=(255, 255), bright=(64, 64), colours=((1, 0, 0), (0, 1, 0))):
    points = np.concatenate([SQUARE, SQUARE + 2])
    points = np.column_stack([points, np.repeat([1.0, 2.0], 4)]).astype(np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    pictures = np.zeros((2, 1, 1, 2), np.uint8)
    pictures[:, 0, 0, 0], pictures[:, 0, 0, 1] = bright, opacities
    return Cards(
        points=points,
        triangles=triangles,
        places=np.full((4, 3, 2), 0.5, np.float32),
        layers=np.array([0, 0, 1, 1], np.int32),
        pictures=pictures,
        sizes=np.ones(2, np.int32),
        colours=np.array(colours, np.float32),
        opacities=np.ones(2, np.float32),
        depths=np.zeros(2, np.float32),
        casts=np.array([False, True]),
        gloss=np.zeros(2, np.float32),
        layer_of_points=np.repeat([0, 1], 4).astype(np.int32),
    )


def drawn(cards, depth=-9.0, light=1.0, blue=0.0):
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    picture[..., 2] = blue
    covered = np.full((SIZE, SIZE), float(blue > 0), np.float32)
    nearest = np.full((SIZE, SIZE), depth, np.float32)
    lit = np.zeros((8, 6), np.float32)
    lit[:, :3] = light
    draw_cards(cards, cards.points, lit, picture, covered, nearest)
    return picture, covered, nearest


def test_the_nearer_sheet_hides_the_other_whatever_their_order():
    for cards in (sheets(), dataclasses.replace(sheets(), triangles=sheets().triangles,
                                                layers=sheets().layers)):  # fmt: skip
        picture, covered, nearest = drawn(cards)
        np.testing.assert_allclose(picture[3, 3], [1, 0, 0])
        np.testing.assert_allclose(picture[7, 9], [0, 1, 0])
        assert covered[7, 9] == covered[3, 3] == 1
        assert nearest[7, 9] == 2
        assert covered[0, 0] == 0
        assert (picture[0, 0] == 0).all()
    swapped = sheets()
    order = [2, 3, 0, 1]
    swapped = dataclasses.replace(
        swapped, triangles=swapped.triangles[order], layers=swapped.layers[order]
    )
    np.testing.assert_array_equal(drawn(swapped)[0], drawn(sheets())[0])


def test_what_is_behind_shines_through():
    picture, covered, nearest = drawn(sheets(opacities=(255, 51)), blue=0.5)
    np.testing.assert_allclose(picture[7, 9], [0.8, 0.2, 0], atol=1e-6)
    np.testing.assert_allclose(picture[0, 0], [0, 0, 0.5])
    thin, covered, _ = drawn(sheets(opacities=(0, 51)), blue=0.5)
    np.testing.assert_allclose(thin[7, 9], [0, 0.2, 0.4], atol=1e-6)
    _, covered, nearest = drawn(sheets(opacities=(0, 51)))
    assert covered[7, 9] == pytest.approx(0.2)
    assert nearest[7, 9] == -9  # too thin to be in front of glasses


def test_sheets_behind_a_surface_are_hidden():
    picture, _, nearest = drawn(sheets(), depth=1.5, blue=0.5)
    np.testing.assert_allclose(picture[3, 3], [0, 0, 0.5])
    np.testing.assert_allclose(picture[7, 9], [0, 1, 0])
    near = dataclasses.replace(sheets(), depths=np.float32([0.6, 0]))
    np.testing.assert_allclose(drawn(near, depth=1.5, blue=0.5)[0][3, 3], [1, 0, 0])


def test_brightness_and_light():
    picture, *_ = drawn(sheets(bright=(64, 128)), light=0.25)
    np.testing.assert_allclose(picture[7, 9], [0, 0.5, 0])
    np.testing.assert_allclose(picture[3, 3], [0.25, 0, 0])


def test_normals_look_outwards():
    points = np.array([[9, 3, 0], [9, 4, 0], [9, 3, 1]], np.float32)
    for triangle in ([0, 1, 2], [0, 2, 1]):
        cards = dataclasses.replace(
            sheets(), points=points, triangles=np.array([triangle], np.int32)
        )
        normals = card_normals(cards)
        assert (normals[:, 0] > 0.9).all()
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-4)


def test_only_some_layers_cast_shadows():
    triangles = casting(sheets(), 100)
    expected = np.array([[4, 5, 6], [4, 6, 7]]) + 100
    np.testing.assert_array_equal(triangles[:2], expected)
    np.testing.assert_array_equal(triangles[2:], expected[:, ::-1])


def test_light_of_corners():
    normals = np.array([[0, 0, 1], [0, 0, -1], [0, 1, 0]], np.float32)
    lights = np.array([[0, 0, 1, 2, 1, 0.5]], np.float32)
    ambient = np.array([0.3, 0.2, 0.1, 0, 0.1, 0], np.float32)
    lit, gloss = np.float32([1, 1, 1]), np.float32([0.5, 0.5, 0])
    light = light_corners(normals, lit, gloss, lights, ambient, np.float32(0))
    np.testing.assert_allclose(light[0, :3], [2.3, 1.2, 0.6], rtol=1e-6)
    np.testing.assert_allclose(light[1, :3], [0.3, 0.2, 0.1], rtol=1e-6)
    np.testing.assert_allclose(light[2, :3], [0.4, 0.3, 0.2], rtol=1e-6)
    np.testing.assert_allclose(light[0, 3:], [1, 0.5, 0.25], rtol=0.2)
    assert (light[1:, 3:] == 0).all()
    shadowed = light_corners(normals, 0 * lit, gloss, lights, ambient, np.float32(0))
    np.testing.assert_allclose(shadowed[0], [0.3, 0.2, 0.1, 0, 0, 0], rtol=1e-6)


def test_covered_whole_it_is_developed_as_ever():
    rng = np.random.default_rng(0)
    picture = rng.random((SIZE, SIZE, 3), np.float32)
    behind = rng.random((SIZE, SIZE, 3), np.float32)
    display = np.linspace(0, 1, 4097, dtype=np.float32)
    covered = rng.random((SIZE, SIZE)) < 0.5
    expected = develop(picture, covered, behind, np.float32(1.3), display)
    share = covered.astype(np.float32)
    found = develop_covered(picture, share, behind, np.float32(1.3), display)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    half = develop_covered(
        picture / 2, 0 * share + 0.5, behind, np.float32(1.3), display
    )
    everything = develop(picture, covered | True, behind, np.float32(1.3), display)
    np.testing.assert_allclose(half, (everything + behind) / 2, atol=1e-3)
