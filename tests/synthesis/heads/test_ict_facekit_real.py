"""The published data, where this machine has them."""

import pathlib
import tarfile
import tempfile

import numpy as np
import pytest

from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.heads.head import (
    EYE_SOCKET,
    FACE,
    GUMS,
    LASHES,
    LEFT_EYE,
    MOUTH_SOCKET,
    RIGHT_EYE,
    SCALP,
    TEETH,
)
from byel_tf.synthesis.heads.ict_facekit import ict_facekit_head
from byel_tf.synthesis.heads.ict_facekit_layout import read_head


@pytest.fixture(scope="module")
def heads():
    """As read from a checkout, as first converted, and as cached."""
    project = pathlib.Path(__file__).resolve().parents[3]
    archive = project.parent / "shared" / "facekit" / "ICT-FaceKit.tar.xz"
    if not archive.exists():
        pytest.skip("ICT-FaceKit's data are not on this machine")
    # 400 MB, which pytest's own temporary folders would keep.
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            # Releases of Python differ in whether extraction takes a filter.
            for member in packed:
                if member.isfile():
                    path = pathlib.Path(folder, member.name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(packed.extractfile(member).read())
        checkout = pathlib.Path(folder, "ICT-FaceKit")
        cache = pathlib.Path(folder, "cache")
        read = read_head(checkout, "read")
        converted = ict_facekit_head(checkout, cache=cache)
        size = sum(file.stat().st_size for file in cache.iterdir())
        assert 15e6 < size < 27e6
        # Unmodified, it needs no network: the cached form is the release's.
        yield read, converted, ict_facekit_head(cache=cache)


@pytest.fixture(scope="module")
def head(heads):
    return heads[-1]


def test_the_cached_form_is_exact_enough(heads):
    read, converted, cached = heads
    assert converted.name == cached.name == "ict-facekit"
    for field in ("vertices", "triangles", "regions", "landmarks"):
        np.testing.assert_array_equal(getattr(cached, field), getattr(read, field))
    np.testing.assert_array_equal(cached.identities, converted.identities)
    assert np.abs(cached.identities - read.identities).max() < 1e-3
    assert tuple(cached.expressions) == SHAPES
    for name, shape in cached.expressions.items():
        expected = read.expressions[name]
        np.testing.assert_array_equal(shape.indices, expected.indices)
        assert np.abs(shape.offsets - expected.offsets).max() < 1e-3
        same = converted.expressions[name]
        np.testing.assert_array_equal(shape.offsets, same.offsets)


def test_its_parts(head):
    assert head.identities.shape == (100, len(head.vertices), 3)
    # The sockets have copies of the face's edges.
    sizes = {
        FACE: 9409,
        SCALP: 1839,
        MOUTH_SOCKET: 2046 + 74,
        EYE_SOCKET: 768 + 84,
        GUMS: 2977,
        TEETH: 4412,
        LEFT_EYE: 770,
        RIGHT_EYE: 770,
        LASHES: 1368,
    }
    assert {region: head.count(region) for region in sizes} == sizes
    assert len(head.triangles) == 47804
    assert set(head.triangles.ravel()) == set(range(len(head.vertices)))


def test_its_frame(head):
    landmarks = head.vertices[head.landmarks]
    right_ear, chin, left_ear = landmarks[[0, 8, 16]]
    assert right_ear[0] < -5 < 5 < left_ear[0]
    brows, nose_tip = landmarks[17:27], landmarks[30]
    assert chin[1] < nose_tip[1] < brows[:, 1].min()
    assert nose_tip[2] > landmarks[:, 2].max() - 0.1 > right_ear[2] + 5
    assert landmarks[36:42, 0].max() < 0 < landmarks[42:48, 0].min()
    assert landmarks[48, 0] < landmarks[54, 0]  # mouth corners
    for region, landmark in ((LEFT_EYE, slice(42, 48)), (RIGHT_EYE, slice(36, 42))):
        eye = head.vertices[head.regions == region].mean(axis=0)
        assert np.abs(eye - landmarks[landmark].mean(axis=0))[:2].max() < 0.5
    # The mesh is symmetric to rounding: distances are those of a head in centimetres.
    assert 12 < left_ear[0] - right_ear[0] < 17
    for name, shape in head.expressions.items():
        weight = np.linalg.norm(shape.offsets, axis=1)
        where = (head.vertices[shape.indices, 0] * weight).sum() / weight.sum()
        if name.endswith("_L"):
            assert where > 1
        elif name.endswith("_R"):
            assert where < -1
        else:
            assert abs(where) < 0.5
    for name, sign in (("jawLeft", 1), ("mouthLeft", 1), ("jawRight", -1)):
        assert sign * head.expressions[name].offsets[:, 0].mean() > 0.1


def test_triangles_face_outwards(head):
    corners = head.vertices[head.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    regions = head.regions[head.triangles]
    one_region = (regions == regions[:, :1]).all(axis=1)
    assert (one_region | (regions <= SCALP).all(axis=1)).all()
    owner = regions.max(axis=1)
    for eye in (LEFT_EYE, RIGHT_EYE):
        middle = head.vertices[head.regions == eye].mean(axis=0)
        outwards = corners[owner == eye].mean(axis=1) - middle
        assert ((outwards * normals[owner == eye]).sum(axis=1) > 0).all()
    at_front = (owner <= SCALP) & (corners[:, :, 2].min(axis=1) > 9.5)
    cheeks = at_front & (np.abs(corners[:, :, 0]).min(axis=1) > 3.5)
    assert (normals[cheeks, 2] > 0).mean() > 0.95
    # The sockets are seen from inside: their walls face their own middle.
    middle = head.vertices[head.regions == MOUTH_SOCKET].mean(axis=0)
    inwards = middle - corners[owner == MOUTH_SOCKET].mean(axis=1)
    assert ((inwards * normals[owner == MOUTH_SOCKET]).sum(axis=1) > 0).mean() > 0.9


def test_copies_stay_with_the_face(head):
    """The lips' and lids' edges, which are there twice, never come apart."""
    face = head.vertices[head.regions == FACE]
    at = {tuple(vertex): i for i, vertex in enumerate(face)}
    for region, count in ((MOUTH_SOCKET, 74), (EYE_SOCKET, 84)):
        copies = np.flatnonzero(head.regions == region)[-count:]
        originals = np.array([at[tuple(vertex)] for vertex in head.vertices[copies]])
        modes = head.identities
        np.testing.assert_array_equal(modes[:, copies], modes[:, originals])
        for shape in head.expressions.values():
            offsets = np.zeros_like(head.vertices)
            offsets[shape.indices] = shape.offsets
            np.testing.assert_array_equal(offsets[copies], offsets[originals])


def test_hands_touch_it(head, check_hands):
    check_hands(head, Anatomy(head).casting, 15)
