import numpy as np
import pytest

from byel_tf.synthesis.mesh import (
    add_modes,
    add_shape,
    concavity,
    neighbours,
    vertex_normals,
)


def grid(height, count=21, spacing=0.1):
    """A sheet z = height(x, y), seen from +z: vertices and triangles."""
    axis = (np.arange(count) - count // 2) * spacing
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x, y, height(x, y)], axis=-1).reshape(-1, 3)
    corner = np.arange(count * count).reshape(count, count)
    a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    c, d = corner[1:, 1:].ravel(), corner[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return vertices.astype(np.float32), triangles.astype(np.int32)


def test_add_shape():
    vertices = np.zeros((4, 3), np.float32)
    offsets = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    add_shape(vertices, np.array([1, 3], np.int32), offsets, np.float32(0.5))
    np.testing.assert_array_equal(vertices[[0, 2]], 0)
    np.testing.assert_allclose(vertices[[1, 3]], offsets / 2)


def test_add_modes():
    generator = np.random.default_rng(0)
    vertices = generator.normal(size=(7, 3)).astype(np.float32)
    modes = generator.normal(size=(5, 7, 3)).astype(np.float32)
    weights = generator.normal(size=5).astype(np.float32)
    expected = vertices.astype(float) + np.tensordot(weights.astype(float), modes, 1)
    add_modes(vertices, modes, weights)
    np.testing.assert_allclose(vertices, expected, atol=1e-5)


def test_normals_of_a_slope():
    vertices, triangles = grid(lambda x, y: 0.5 * x)
    expected = np.array([-0.5, 0, 1]) / np.hypot(0.5, 1)
    normals = vertex_normals(vertices, triangles)
    np.testing.assert_allclose(
        normals, np.tile(expected, (len(vertices), 1)), atol=1e-5
    )


def test_neighbours_are_those_along_edges():
    vertices, triangles = grid(lambda x, y: 0 * x, count=5)
    starts, adjacent = neighbours(triangles, len(vertices))
    pairs = {
        (i, int(k))
        for i in range(len(vertices))
        for k in adjacent[starts[i] : starts[i + 1]]
    }
    edges = {
        tuple(sorted((int(t[i]), int(t[i - 1])))) for t in triangles for i in range(3)
    }
    assert pairs == edges | {(b, a) for a, b in edges}


def test_neighbours_beyond_the_count_are_left_out():
    triangles = np.array([[0, 1, 2]], np.int32)
    starts, adjacent = neighbours(triangles, 2)
    assert starts.tolist() == [0, 1, 2]
    assert adjacent.tolist() == [1, 0]


@pytest.mark.parametrize("curvature", [0.4, 0.0, -0.4])
def test_concavity_is_the_curvature(curvature):
    vertices, triangles = grid(lambda x, y: curvature * (x**2 + y**2) / 2)
    normals = vertex_normals(vertices, triangles)
    values = concavity(vertices, normals, *neighbours(triangles, len(vertices)), 2)
    middle = values.reshape(21, 21)[8:13, 8:13]
    np.testing.assert_allclose(middle, curvature, atol=0.05)
