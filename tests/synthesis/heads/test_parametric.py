import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from byel_tf.synthesis.action_units import ACTION_UNITS, SHAPES
from byel_tf.synthesis.heads.head import (
    FACE,
    GUMS,
    LASHES,
    LEFT_EYE,
    RIGHT_EYE,
    SCALP,
    TEETH,
)
from byel_tf.synthesis.heads.parametric import parametric_head
from byel_tf.synthesis.heads.parametric.features import EYE, EYE_RADIUS

MIRROR = np.array([-1.0, 1.0, 1.0])
# Landmarks of a head of average size in the common frame, cm.
LANDMARKS = {
    0: (-7.4, 3.7, 3.7), 8: (0, -7.6, 10.4), 16: (7.4, 3.7, 3.7), 19: (-3.8, 6.3, 9.8),
    27: (0, 3.7, 10.7), 30: (0, 0.4, 13.1), 33: (0, -1.2, 11.6), 36: (-4.5, 3.4, 8.6),
    39: (-1.8, 3.3, 9.2), 44: (3.9, 3.9, 9.4), 48: (-2.5, -3.5, 10.2),
    51: (0, -2.5, 11.8), 54: (2.5, -3.5, 10.2), 57: (0, -4.4, 11.5),
    62: (0, -3.3, 11.3), 66: (0, -3.4, 11.3),
}  # fmt: skip


@pytest.fixture(scope="module")
def head():
    return parametric_head()


def moved(head, **weights):
    """Vertices with expressions; names without a side mean both sides."""
    vertices = head.vertices.astype(float)
    for name, weight in weights.items():
        names = [name] if name in head.expressions else [f"{name}_L", f"{name}_R"]
        for shape in (head.expressions[n] for n in names):
            vertices[shape.indices] += weight * shape.offsets
    return vertices


def dense(head, name):
    offsets = np.zeros_like(head.vertices)
    offsets[head.expressions[name].indices] = head.expressions[name].offsets
    return offsets


@pytest.fixture(scope="module")
def opposite(head):
    """The vertex on the other side of each one, found by the outline of the shapes."""
    key = np.concatenate(
        [head.vertices, head.regions[:, None], 1e3 * np.abs(dense(head, "jawOpen"))],
        axis=1,
    )
    other = key * [-1, 1, 1, 1, 1, 1, 1]
    left = head.regions == LEFT_EYE
    right = head.regions == RIGHT_EYE
    other[left, 3], other[right, 3] = RIGHT_EYE, LEFT_EYE
    order, other_order = np.lexsort(key.T), np.lexsort(other.T)
    np.testing.assert_array_equal(key[order], other[other_order])
    result = np.empty(len(key), int)
    result[other_order] = order
    return result


def corners(vertices, triangles):
    return (vertices[triangles[:, k]] for k in range(3))


def areas(vertices, triangles):
    a, b, c = corners(vertices, triangles)
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def skin_triangles(head):
    return head.triangles[head.regions[head.triangles].max(axis=1) <= SCALP]


def boundary(triangles):
    edges = np.sort(
        np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1
    )
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() <= 2
    return unique[counts == 1]


class TestGeometry:
    def test_has_a_dense_face_and_few_vertices(self, head):
        assert 8_000 <= head.count(FACE) <= 11_000
        assert len(head.vertices) < 20_000
        for region in range(LASHES + 1):
            assert head.count(region) > 0

    def test_triangles_lie_in_one_region_or_in_the_skin(self, head):
        regions = head.regions[head.triangles]
        regions[regions == SCALP] = FACE
        assert (regions == regions[:, :1]).all()

    def test_uses_every_vertex(self, head):
        assert len(np.unique(head.triangles)) == len(head.vertices)

    def test_triangles_are_not_degenerate(self, head):
        assert areas(head.vertices.astype(float), head.triangles).min() > 1e-5

    def test_skin_has_no_holes_but_eyes_mouth_and_neck(self, head):
        edges = boundary(skin_triangles(head))
        size = len(head.vertices)
        graph = coo_array((np.ones(len(edges)), edges.T), shape=(size, size))
        _, rims = connected_components(graph, directed=False)
        assert len(np.unique(rims[edges])) == 4

    def test_skin_faces_outwards(self, head):
        triangles = skin_triangles(head)
        a, b, c = corners(head.vertices.astype(float), triangles)
        normals = np.cross(b - a, c - a)
        middle = (a + b + c) / 3
        # On the forehead, on the back of the head and on the cheeks.
        assert (normals[(middle[:, 1] > 7) & (middle[:, 2] > 8), 2] > 0).all()
        assert (normals[middle[:, 2] < -5, 2] < 0).all()
        cheek = (
            (middle[:, 0] > 4) & (middle[:, 2] > 5) & (np.abs(middle[:, 1] + 1.5) < 1.5)
        )
        assert (normals[cheek, 2] > 0).all() and (normals[cheek, 0] > 0).mean() > 0.95

    @pytest.mark.parametrize("region", [LEFT_EYE, RIGHT_EYE])
    def test_eyeballs_are_spheres_with_positive_volume(self, head, region):
        triangles = head.triangles[head.regions[head.triangles[:, 0]] == region]
        a, b, c = corners(head.vertices.astype(float), triangles)
        volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
        assert volume == pytest.approx(4 / 3 * np.pi * EYE_RADIUS**3, rel=0.03)

    @pytest.mark.parametrize("mark", LANDMARKS)
    def test_landmarks_lie_where_they_do_on_other_heads(self, head, mark):
        assert head.regions[head.landmarks[mark]] == FACE
        np.testing.assert_allclose(
            head.vertices[head.landmarks[mark]], LANDMARKS[mark], atol=0.4
        )

    def test_landmarks_are_distinct(self, head):
        assert len(np.unique(head.landmarks)) == 68

    def test_is_the_same_each_time(self, head):
        parametric_head.cache_clear()
        again = parametric_head()
        np.testing.assert_array_equal(again.vertices, head.vertices)
        np.testing.assert_array_equal(again.triangles, head.triangles)
        np.testing.assert_array_equal(again.identities, head.identities)


class TestExpressions:
    def test_has_every_shape(self, head):
        assert set(head.expressions) == set(SHAPES)

    @pytest.mark.parametrize("name", SHAPES)
    def test_shapes_are_sorted_and_strong_enough(self, head, name):
        shape = head.expressions[name]
        assert shape.indices.dtype == np.int32 and shape.offsets.dtype == np.float32
        assert (np.diff(shape.indices) > 0).all()
        assert 0.2 < np.linalg.norm(shape.offsets, axis=1).max() < 5.5

    @pytest.mark.parametrize(
        "name", [n for n, u in ACTION_UNITS.items() if u.two_sided]
    )
    def test_left_and_right_are_mirror_images(self, head, opposite, name):
        left, right = dense(head, f"{name}_L"), dense(head, f"{name}_R")
        np.testing.assert_array_equal(left, (right * MIRROR)[opposite])
        # _L is the subject's left.
        outwards = np.abs(head.vertices[:, 0]) > 1.2
        strength = np.linalg.norm(left, axis=1) * outwards
        assert (
            strength[head.vertices[:, 0] > 0].sum()
            > 9 * strength[head.vertices[:, 0] < 0].sum()
        )

    @pytest.mark.parametrize(
        "name",
        [
            n
            for n, u in ACTION_UNITS.items()
            if not u.two_sided and n[-4:] not in ("Left", "ight")
        ],
    )
    def test_shapes_of_the_whole_face_are_symmetric(self, head, opposite, name):
        offsets = dense(head, name)
        np.testing.assert_allclose(offsets, (offsets * MIRROR)[opposite], atol=1e-6)

    def test_lips_touch_at_rest(self, head):
        marks = head.vertices[head.landmarks]
        np.testing.assert_allclose(marks[[61, 62, 63]], marks[[67, 66, 65]], atol=0.05)

    def test_jaw_opens_the_mouth(self, head):
        marks = moved(head, jawOpen=1.0)[head.landmarks]
        assert marks[62, 1] - marks[66, 1] >= 2.5
        assert np.linalg.norm(marks[62] - marks[66]) >= 3.0

    def test_mouth_close_keeps_an_open_jaw_s_lips_together(self, head):
        marks = moved(head, jawOpen=1.0, mouthClose=1.0)[head.landmarks]
        assert np.linalg.norm(marks[62] - marks[66]) < 0.2
        assert marks[8, 1] < head.vertices[head.landmarks[8], 1] - 1.5

    def test_lower_teeth_and_tongue_go_with_the_jaw(self, head):
        down = moved(head, jawOpen=1.0) - head.vertices
        teeth = head.regions == TEETH
        upper = teeth & (np.abs(down).max(axis=1) == 0)
        assert 0.3 < upper.sum() / teeth.sum() < 0.7
        assert (down[teeth & ~upper, 1] < -0.5).all()
        assert (np.abs(down[head.regions == GUMS]).max(axis=1) > 0.5).any()

    @pytest.mark.parametrize(
        ("name", "mark", "way"),
        [
            ("mouthSmile", 54, (0.4, 0.5, -0.3)),
            ("mouthFrown", 54, (0, -0.4, 0)),
            ("mouthStretch", 54, (0.5, 0, -0.3)),
            ("browInnerUp", 22, (0, 0.4, 0)),
            ("browOuterUp", 25, (0, 0.5, 0)),
            ("browDown", 23, (-0.2, -0.3, 0)),
            ("noseSneer", 35, (0, 0.3, 0)),
            ("mouthUpperUp", 52, (0, 0.4, 0)),
            ("mouthLowerDown", 56, (0, -0.3, 0)),
            ("mouthPucker", 54, (-0.5, 0, 0.2)),
        ],
    )
    def test_landmarks_go_the_right_way(self, head, name, mark, way):
        vertex = head.landmarks[mark]
        change = moved(head, **{name: 1.0})[vertex] - head.vertices[vertex]
        for moves, at_least in zip(change, way, strict=True):
            assert moves * np.sign(at_least) >= abs(at_least)

    def test_gaze_turns_the_eyeball(self, head):
        front = np.flatnonzero(head.regions == LEFT_EYE)
        front = front[np.argmax(head.vertices[front, 2])]
        for name, axis, sign in (
            ("eyeLookUp", 1, 1),
            ("eyeLookDown", 1, -1),
            ("eyeLookIn", 0, -1),
            ("eyeLookOut", 0, 1),
        ):
            change = moved(head, **{name: 1.0})[front] - head.vertices[front]
            assert sign * change[axis] > 0.4


class TestLids:
    def lid_skin(self, head):
        x, y, z = head.vertices.T
        near = np.hypot(x - EYE[0], y - EYE[1]) < 0.95
        return np.flatnonzero((head.regions == FACE) & near & (z > EYE[2] + 0.8))

    def test_lids_have_a_thickness(self, head):
        edge = head.vertices[head.landmarks[[43, 44, 46, 47]]]
        off = np.linalg.norm(edge - EYE, axis=1) - EYE_RADIUS
        assert (off > 0.08).all() and (off < 0.3).all()

    def test_closed_lids_meet(self, head):
        closed = moved(head, eyeBlink=1.0)[head.landmarks]
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            assert closed[upper, 1] - closed[lower, 1] < 0.1

    @pytest.mark.parametrize("weights", [
        {}, {"eyeBlink": 0.5}, {"eyeBlink": 1.0}, {"eyeWide": 1.4}, {"eyeSquint": 1.0},
        {"eyeLookDown": 1.0}, {"browDown": 1.4, "eyeSquint": 1.0, "noseSneer": 1.4},
        {"cheekRaiser": 1.2, "cheekSquint": 1.2, "mouthSmile": 1.4},
    ])  # fmt: skip
    def test_lids_stay_in_front_of_the_eyeball(self, head, weights):
        skin = self.lid_skin(head)
        edge = head.vertices[skin]
        # The inner edges of the margins touch the eyeball; the skin does not.
        outer = np.linalg.norm(edge - EYE, axis=1) > EYE_RADIUS + 0.1
        distance = np.linalg.norm(moved(head, **weights)[skin[outer]] - EYE, axis=1)
        assert distance.min() > EYE_RADIUS + 0.005


class TestIdentities:
    def test_are_many_and_differ(self, head):
        modes = head.identities[:, ::8].reshape(len(head.identities), -1)
        assert len(modes) >= 30
        unit = modes / np.linalg.norm(modes, axis=1, keepdims=True)
        similar = np.abs(unit @ unit.T - np.eye(len(unit)))
        assert similar.max() < 0.95

    def test_spread_like_people(self, head):
        face = head.identities[:, head.regions == FACE]
        spread = np.sqrt((face**2).sum(axis=(0, 2)))
        assert 0.4 < np.sqrt((spread**2).mean()) < 0.75
        assert spread.max() < 2.0

    def test_most_are_symmetric(self, head, opposite):
        crooked = [
            np.abs(mode - (mode * MIRROR)[opposite]).max() > 1e-6
            for mode in head.identities
        ]
        assert 3 <= sum(crooked) <= 8

    def test_lips_and_lids_stay_closed_and_eyeballs_round(self, head):
        eye = head.regions == LEFT_EYE
        rest = head.vertices[eye].astype(float)
        generator = np.random.default_rng(0)
        for _ in range(10):
            weights = generator.normal(size=len(head.identities))
            change = np.tensordot(weights, head.identities, axes=1)
            marks = (head.vertices + change)[head.landmarks]
            np.testing.assert_allclose(marks[62], marks[66], atol=0.08)
            ball = rest + change[eye]
            middle = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
            assert np.ptp(np.linalg.norm(ball - middle, axis=1)) < 0.15
            rim = change[head.landmarks[42:48]].mean(axis=0)
            assert np.linalg.norm(rim - change[eye].mean(axis=0)) < 0.25

    def test_faces_do_not_fold_over(self, head):
        generator = np.random.default_rng(1)
        face = head.triangles[(head.regions[head.triangles] == FACE).all(axis=1)]
        a, b, c = corners(head.vertices.astype(float), face)
        normal = np.cross(b - a, c - a)
        for _ in range(5):
            weights = generator.normal(size=len(head.identities))
            a, b, c = corners(
                head.vertices + np.tensordot(weights, head.identities, axes=1), face
            )
            flipped = np.einsum("ij,ij->i", normal, np.cross(b - a, c - a)) <= 0
            assert flipped.mean() < 0.003
