import numpy as np
import pytest

from byel_tf.synthesis.rasterizer import (
    depth_map,
    light_reaching,
    rasterize,
    shade,
)

SIZE = 20


def quad(left, top, right, bottom, depth):
    """Two triangles that face the camera; pixel coordinates, y down."""
    points = np.array(
        [[left, top, depth], [left, bottom, depth], [right, bottom, depth],
         [right, top, depth]], np.float32,
    )  # fmt: skip
    return points, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def scene(*quads):
    points, triangles, start = [], [], 0
    for one_points, one_triangles in quads:
        points.append(one_points)
        triangles.append(one_triangles + start)
        start += len(one_points)
    return np.concatenate(points), np.concatenate(triangles).astype(np.int32)


def draw(points, triangles, is_lash=None, density=1.0, seed=0):
    if is_lash is None:
        is_lash = np.zeros(len(triangles), bool)
    return rasterize(points, triangles, is_lash, density, seed, SIZE)


def test_covers_the_pixels_whose_centres_lie_within():
    depth, shown, weights = draw(*quad(2.5, 4.5, 9.5, 7.5, 3.0))
    covered = np.zeros((SIZE, SIZE), bool)
    covered[5:8, 3:10] = True
    np.testing.assert_array_equal(shown >= 0, covered)
    np.testing.assert_allclose(depth[covered], 3.0, rtol=1e-6)
    assert (weights[covered].min() >= -1e-4) and (
        weights[covered].sum(-1) <= 1.001
    ).all()


def test_weights_interpolate_the_place():
    points, triangles = quad(1.2, 2.1, 17.3, 15.8, 0.0)
    _, shown, weights = draw(points, triangles)
    for row, column in ((3, 2), (10, 10), (14, 16)):
        a, b, c = points[triangles[shown[row, column]]]
        first, second = weights[row, column]
        place = first * a + second * b + (1 - first - second) * c
        np.testing.assert_allclose(place[:2], [column, row], atol=1e-4)


def test_nearer_surfaces_hide_others_in_any_order():
    far, near = quad(0, 0, 19, 19, 1.0), quad(5, 5, 10, 10, 2.0)
    for order in ((far, near), (near, far)):
        points, triangles = scene(*order)
        depth, _, _ = draw(points, triangles)
        assert depth[7, 7] == 2.0
        assert depth[15, 15] == 1.0


def test_surfaces_are_seen_from_outside_only_but_lashes_from_both_sides():
    points, triangles = quad(2, 2, 12, 12, 0.0)
    turned = np.ascontiguousarray(triangles[:, ::-1])
    assert (draw(points, turned)[1] == -1).all()
    assert (draw(points, turned, np.ones(2, bool))[1] >= 0).any()


def test_lash_density_is_the_share_of_pixels():
    points, triangles = quad(0, 0, 19, 19, 0.0)
    lash = np.ones(2, bool)

    def share(density):
        shown = [draw(points, triangles, lash, density, s)[1] >= 0 for s in range(20)]
        return np.mean(shown)

    shares = [share(density) for density in (0.0, 0.3, 1.0)]
    np.testing.assert_allclose(shares, [0.0, 0.3, 1.0], atol=0.04)


def test_outside_the_picture_is_cut_off():
    points, triangles = quad(-50, -50, 70, 70, 0.0)
    assert (draw(points, triangles)[1] >= 0).all()


def light(direction, strength=1.0):
    return np.array([[*direction, strength, strength, strength]], np.float32)


def shaded(
    normal, lights, ambient=(0.0,) * 6, wrap=0.0, gloss=0.0, lit=1.0, opened=1.0
):
    points, triangles = quad(0, 0, 19, 19, 0.0)
    _, shown, weights = draw(points, triangles)
    count = len(points)
    normals = np.tile(np.array(normal, np.float32), (count, 1))
    albedo = np.tile(np.array([0.5, 0.4, 0.3], np.float32), (count, 1))

    def all_(value):
        return np.full(count, value, np.float32)

    picture = shade(
        shown, weights, triangles, normals, albedo, all_(gloss), all_(20.0),
        all_(opened), all_(lit), lights, np.array(ambient, np.float32),
        np.float32(wrap),
    )  # fmt: skip
    return picture[10, 10]


def test_lambert():
    frontal = shaded([0, 0, 1], light([0, 0, 1]))
    np.testing.assert_allclose(frontal[1:], [0.4, 0.3], atol=0.011)
    tilted = shaded([0, 0, 1], light([0, 0.8, 0.6]))
    np.testing.assert_allclose(tilted[1:], [0.24, 0.18], atol=0.011)
    behind = shaded([0, 0, 1], light([0, 0, -1]))
    np.testing.assert_allclose(behind, 0.02 * np.array([0.5, 0.4, 0.3]), rtol=1e-4)


def test_ambient_light_and_its_gradient():
    level = shaded([0, 0, 1], light([0, 0, -1]), ambient=(0.5, 0.5, 0.5, 0, 0, 0.1))
    np.testing.assert_allclose(level, 0.6 * np.array([0.5, 0.4, 0.3]), rtol=1e-4)
    hidden = shaded([0, 0, 1], light([0, 0, -1]), (0.5, 0.5, 0.5, 0, 0, 0), opened=0.5)
    np.testing.assert_allclose(hidden, 0.25 * np.array([0.5, 0.4, 0.3]), rtol=1e-4)


def test_shadow_takes_the_first_light_only():
    both = np.concatenate([light([0, 0, 1]), light([0, 0, 1])])
    full = shaded([0, 0, 1], both)
    half = shaded([0, 0, 1], both, lit=0.0)
    np.testing.assert_allclose(half[1:], full[1:] / 2, rtol=0.05)


def test_light_wraps_and_is_redder_there():
    edge = shaded([0, 0, 1], light([1, 0, 0]), wrap=0.3)
    assert edge[1] > 0.4 * 0.1
    assert edge[0] / edge[1] > 1.05 * 0.5 / 0.4


def test_highlight_is_where_the_mirror_direction_is():
    dull, shiny = (shaded([0, 0, 1], light([0, 0, 1]), gloss=g) for g in (0.0, 0.3))
    np.testing.assert_allclose(shiny - dull, 0.3, rtol=0.01)
    away = shaded([0, 0.8, 0.6], light([0, 0, 1]), gloss=0.3)
    np.testing.assert_allclose(away, shaded([0, 0.8, 0.6], light([0, 0, 1])), atol=0.01)


def test_shadow_map():
    roof, floor = quad(5, 5, 14, 14, 5.0), quad(0, 0, 19, 19, 0.0)
    probes = np.array([[10, 10, 0], [1, 1, 0], [10, 10, 5], [90, 90, 0]], np.float32)
    depth = depth_map(*scene(roof, floor), SIZE)
    share = light_reaching(probes, depth, np.float32(0.45))
    np.testing.assert_allclose(share, [0, 1, 1, 1])


@pytest.mark.parametrize("size", [1, 7])
def test_degenerate_triangles_draw_nothing(size):
    points = np.array([[1, 1, 0], [3, 3, 0], [5, 5, 0]], np.float32)
    triangles = np.array([[0, 1, 2]], np.int32)
    for lash in (False, True):
        shown = rasterize(points, triangles, np.array([lash]), 1.0, 0, size)[1]
        assert (shown == -1).all()
