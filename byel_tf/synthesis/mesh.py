"""Geometry of a deforming triangle mesh, compiled."""

import numpy as np

from byel_tf.synthesis.compiled import compiled


@compiled
def add_shape(vertices, indices, offsets, weight):
    """Moves vertices [V, 3] in place by weight × offsets [n, 3] at indices [n]."""
    for i in range(indices.shape[0]):
        k = indices[i]
        vertices[k, 0] += weight * offsets[i, 0]
        vertices[k, 1] += weight * offsets[i, 1]
        vertices[k, 2] += weight * offsets[i, 2]


@compiled
def add_modes(vertices, modes, weights):
    """Moves vertices [V, 3] in place by the weighted sum of modes [M, V, 3]."""
    # In blocks that stay in the cache while all modes are added to them.
    block = 1024
    for start in range(0, vertices.shape[0], block):
        stop = min(start + block, vertices.shape[0])
        for m in range(weights.shape[0]):
            weight = weights[m]
            for i in range(start, stop):
                for axis in range(3):
                    vertices[i, axis] += weight * modes[m, i, axis]


@compiled
def transform(points, matrix, origin):
    """Matrix [3, 3] times each of the points [N, 3] as seen from an origin [3]."""
    moved = np.empty_like(points)
    for i in range(points.shape[0]):
        x = points[i, 0] - origin[0]
        y = points[i, 1] - origin[1]
        z = points[i, 2] - origin[2]
        for axis in range(3):
            moved[i, axis] = (
                matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2] * z
            )
    return moved


@compiled
def project(points, distance, scale, left, top):
    """Perspective of a camera on the z axis that looks along -z.

    Args:
        points: float32 [N, 3].
        distance: Of the camera from the origin.
        scale: Pixels of a length at distance 1.
        left: Pixel column of the axis.
        top: Pixel row of the axis.

    Returns:
        Pixel x (right), pixel y (down) and depth z, float32 [N, 3].
    """
    seen = np.empty_like(points)
    for i in range(points.shape[0]):
        share = scale / (distance - points[i, 2])
        seen[i, 0] = left + points[i, 0] * share
        seen[i, 1] = top - points[i, 1] * share
        seen[i, 2] = points[i, 2]
    return seen


@compiled
def vertex_normals(vertices, triangles):
    """Unit normals [V, 3]: the mean of the adjoining triangles', by their area."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        wx = vertices[c, 0] - vertices[a, 0]
        wy = vertices[c, 1] - vertices[a, 1]
        wz = vertices[c, 2] - vertices[a, 2]
        x = uy * wz - uz * wy
        y = uz * wx - ux * wz
        z = ux * wy - uy * wx
        for k in (a, b, c):
            normals[k, 0] += x
            normals[k, 1] += y
            normals[k, 2] += z
    for i in range(normals.shape[0]):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        scale = np.float32(1.0) / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-9))
        normals[i, 0] = x * scale
        normals[i, 1] = y * scale
        normals[i, 2] = z * scale
    return normals


def neighbours(triangles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that share an edge with each of the first `count` vertices.

    Args:
        triangles: int32 [T, 3].
        count: Number of vertices, from 0, whose neighbours are wanted.

    Returns:
        Starts, int32 [count + 1], and vertices, int32 [N], below `count`: those of
        vertex i are `vertices[starts[i]:starts[i + 1]]`.
    """
    edges = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    edges = np.concatenate([edges, edges[:, ::-1]])
    edges = np.unique(edges[(edges < count).all(axis=1)], axis=0)
    starts = np.searchsorted(edges[:, 0], np.arange(count + 1))
    return starts.astype(np.int32), np.ascontiguousarray(edges[:, 1], np.int32)


@compiled
def concavity(vertices, normals, starts, adjacent, passes):
    """How far a vertex lies in a hollow, in 1/cm; negative on ridges.

    The mean curvature by the umbrella operator, smoothed over the neighbours: a
    stand-in for ambient occlusion at the scale of folds.

    Args:
        vertices: float32 [V, 3].
        normals: Unit normals [V, 3].
        starts: As from `neighbours`, [n + 1].
        adjacent: As from `neighbours`.
        passes: Times it is smoothed.

    Returns:
        float32 [n], within ±3.
    """
    count = starts.shape[0] - 1
    values = np.zeros(count, np.float32)
    smoothed = np.zeros(count, np.float32)
    for i in range(count):
        total = np.float32(0.0)
        for j in range(starts[i], starts[i + 1]):
            k = adjacent[j]
            x = vertices[k, 0] - vertices[i, 0]
            y = vertices[k, 1] - vertices[i, 1]
            z = vertices[k, 2] - vertices[i, 2]
            height = x * normals[i, 0] + y * normals[i, 1] + z * normals[i, 2]
            total += height / (x * x + y * y + z * z + np.float32(1e-4))
        number = starts[i + 1] - starts[i]
        if number > 0:
            mean = np.float32(2.0) * total / number
            values[i] = min(np.float32(3.0), max(np.float32(-3.0), mean))
    for _ in range(passes):
        for i in range(count):
            total = values[i]
            for j in range(starts[i], starts[i + 1]):
                total += values[adjacent[j]]
            smoothed[i] = total / np.float32(starts[i + 1] - starts[i] + 1)
        values, smoothed = smoothed, values
    return values
