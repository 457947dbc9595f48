import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.head import LEFT_EYE
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.prototype_sheet import plain_face


@pytest.fixture(scope="module")
def head():
    return load_head("built-in")


@pytest.fixture
def face():
    """A face with given modes, and proportions of 1 but for given ones."""
    plain = plain_face(load_domain("synthetic"), "neutral", {}, 0)

    def made(identity=(), **proportions):
        ones = {"eye_scale": 1.0, "lower_face": 1.0, "jaw_width": 1.0}
        shape = dataclasses.replace(plain.shape, **{**ones, **proportions})
        return dataclasses.replace(plain, identity=identity, shape=shape)

    return made


def test_without_weights_everybody_is_the_average(head, face):
    person = head.person(face())
    np.testing.assert_allclose(person.vertices, head.vertices, atol=1e-6)
    assert person.texture is None
    assert person.cards(face(), {}) is None
    assert person.painted(face()) == face()


def test_persons_are_sums_of_modes(head, face):
    person = head.person(face(identity=(2.0, 0.0, -1.0)))
    expected = head.vertices + 2 * head.identities[0] - head.identities[2]
    np.testing.assert_allclose(person.vertices, expected, atol=1e-4)


def test_proportions(head, face):
    plain = head.person(face()).vertices
    larger = head.person(face(eye_scale=1.2)).vertices
    eye = head.regions == LEFT_EYE
    widths = [np.ptp(vertices[eye], axis=0)[0] for vertices in (plain, larger)]
    assert 1.1 < widths[1] / widths[0] < 1.25
    longer = head.person(face(lower_face=1.1)).vertices
    wider = head.person(face(jaw_width=1.1)).vertices
    chin, jaw = head.landmarks[8], head.landmarks[12]
    assert longer[chin, 1] < plain[chin, 1] - 0.5
    assert wider[jaw, 0] > 1.05 * plain[jaw, 0]


def test_movements_are_sums_of_shapes(head, face):
    person = head.person(face())
    before = person.vertices.copy()
    moved = person.moved({"jawOpen": 0.5, "no such shape": 1.0, "mouthSmile_L": 0.0})
    shape = head.expressions["jawOpen"]
    expected = before.copy()
    expected[shape.indices] += 0.5 * shape.offsets
    np.testing.assert_allclose(moved, expected, atol=1e-5)
    np.testing.assert_array_equal(person.vertices, before)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"identities": np.zeros((2, 3, 3), np.float32)}, "identities must be float32"),
        ({"landmarks": np.zeros(67, np.int32)}, "landmarks must be int32 of shape"),
        ({"landmarks": np.full(68, 10**6, np.int32)}, "must name vertices below"),
    ],
)
def test_arrays_that_do_not_fit(head, change, reason):
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(head, **change)


def test_a_child_has_larger_eyes_a_small_nose_and_full_cheeks(head, face):
    grown, child = face(), face()
    child = dataclasses.replace(
        child, growth=dataclasses.replace(child.growth, youth=1)
    )
    plain, young = (head.person(one).vertices for one in (grown, child))
    marks = [vertices[head.landmarks] for vertices in (plain, young)]

    def eye(vertices):
        return np.ptp(vertices[head.regions == LEFT_EYE], axis=0)[0]

    assert eye(young) > 1.15 * eye(plain)
    bridge = [one[30, 2] - one[27, 2] for one in marks]
    assert bridge[1] < 0.85 * bridge[0]
    heights = [one[27, 1] - one[8, 1] for one in marks]
    assert heights[1] < 0.92 * heights[0]
    cheek = np.argmin(np.abs(plain - (marks[0][54] + [2.2, 0.4, -1.5])).sum(axis=1))
    assert young[cheek, 0] > plain[cheek, 0] + 0.5
