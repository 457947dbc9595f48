import dataclasses

import numpy as np
import pytest
from scipy.spatial import cKDTree

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.drawing import renderer
from byel_tf.synthesis.hands.held import HELD, Holder
from byel_tf.synthesis.heads.load import BUILT_IN
from byel_tf.synthesis.mesh import vertex_normals
from byel_tf.synthesis.sampling import sample_face


@pytest.fixture(scope="session")
def draw():
    """The renderer of the built-in head."""
    return renderer(BUILT_IN)


@pytest.fixture(scope="session")
def synthetic():
    return load_domain("synthetic")


def _nearness(points, vertices, triangles):
    """Height of points over the nearest of a surface, along the normal there, cm."""
    normals = vertex_normals(vertices, triangles)
    used = np.unique(triangles)
    _, nearest = cKDTree(vertices[used]).query(points)
    nearest = used[nearest]
    return ((points - vertices[nearest]) * normals[nearest]).sum(axis=1)


@pytest.fixture(scope="session")
def check_hands(synthetic):
    """Holds hands to random faces of a head: none is in the face, and all touch it."""

    def check(head, casting, count):
        holder = Holder(head, casting)
        skin = slice(0, int((head.regions <= 1).sum()))
        front = casting[(head.vertices[casting][..., 2] > -5).all(axis=1)]
        for index in range(count):
            kind, expression = (
                HELD[index % len(HELD)],
                list(synthetic.expressions)[index % len(synthetic.expressions)],
            )
            face = sample_face(synthetic, expression, 3, 7 * index)
            worn = dataclasses.replace(face.accessories, hand=kind)
            face = dataclasses.replace(face, accessories=worn)
            person = head.person(face)
            vertices = person.moved(face.action_units)
            held = holder.held(face, person, vertices, skin)
            chin = vertices[head.landmarks[8], 1]
            # What is lower is before the clothes, outside the picture.
            seen = held.points[:, 1] > chin - 2.5
            heights = _nearness(held.points[seen], vertices, front)
            assert heights.min() > -0.7, (index, kind)
            assert heights.min() < 0.8, (index, kind)
            assert held.shade.min() >= 0
            assert held.shade.min() < 0.95 < held.shade.max()

    return check
