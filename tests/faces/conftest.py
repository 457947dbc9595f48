import dataclasses
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from byel_tf.faces.detector import FaceDetector
from byel_tf.synthesis import renderer
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.drawing import renderer as renderer_of
from byel_tf.synthesis.heads.load import BUILT_IN
from byel_tf.synthesis.sampling import sample_face


@dataclasses.dataclass(frozen=True)
class DrawnFace:
    """A picture, and what the renderer knew of it, in pixels of its columns' edges."""

    expression: str
    picture: Image.Image
    points: np.ndarray  # both eyes, nose, both corners of the mouth [5, 2]
    centre: np.ndarray  # of the crop, had the camera no offsets [2]


@pytest.fixture(scope="session")
def draw_face():
    """A function that draws face number `index`, with sections changed as given."""
    domain = load_domain("synthetic")
    expressions = list(domain.expressions)
    views = []

    class View(renderer._View):
        def __init__(self, camera, pose, at_rest, moved, size):
            super().__init__(camera, pose, at_rest, moved, size)
            eyes, mouth = at_rest[36:48].mean(axis=0), at_rest[48:60].mean(axis=0)
            distance = np.linalg.norm(eyes - mouth) / (camera.distance - 8)
            views.append((self, moved, distance * self._scale / size))

    def draw(index, size, **changes):
        expression = expressions[index % len(expressions)]
        face = sample_face(domain, expression, 5, index)
        sections = {
            section: dataclasses.replace(getattr(face, section), **fields)
            for section, fields in changes.items()
        }
        face = dataclasses.replace(face, **sections)
        with mock.patch.object(renderer, "_View", View):
            picture = renderer_of(BUILT_IN).render_clean(face, size)
        view, moved, distance = views.pop()
        internal = view._half * 2 + 1
        marks = (view.project(moved)[:, :2].astype(float) + 0.5) * size / internal
        points = [marks[36:42].mean(0), marks[42:48].mean(0), *marks[[30, 48, 54]]]
        offsets = np.array([face.camera.offset_x, face.camera.offset_y])
        return DrawnFace(
            expression,
            Image.fromarray(picture),
            np.array(points),
            size * (0.5 - offsets * distance),
        )

    return draw


@pytest.fixture(scope="session")
def detector():
    return FaceDetector()
