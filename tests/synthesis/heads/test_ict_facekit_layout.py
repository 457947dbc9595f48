import json

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.heads.head import (
    EYE_SOCKET,
    FACE,
    MOUTH_SOCKET,
    RIGHT_EYE,
    SCALP,
)
from byel_tf.synthesis.heads.ict_facekit_layout import NEEDED_FILES, read_head

# Of the checkout's vertices, those that the head has, in its order: the face's edges at
# the sockets come a second time.
SOURCES = [
    *range(90),
    *range(90, 96), 10, 11, 12,
    *range(96, 102), 10, 20,
    *range(102, 114), *range(116, 120), *range(122, 126),
]  # fmt: skip


def vertices_of(path):
    rows = [line.split() for line in path.read_text().split("\n")]
    return np.array([row[1:4] for row in rows if row[:1] == ["v"]], dtype=np.float64)


def polygons_of(path):
    rows = [line.split() for line in path.read_text().split("\n")]
    return [
        [int(corner.split("/")[0]) - 1 for corner in row[1:]]
        for row in rows
        if row[:1] == ["f"]
    ]


def edit(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


def failure(checkout, layout):
    with pytest.raises(RunError) as caught:
        read_head(checkout, "small", layout)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_head_is_what_the_files_hold(checkout, layout):
    model = checkout / "FaceXModel"
    head = read_head(checkout, "small", layout)
    assert head.name == "small"
    neutral = vertices_of(model / "generic_neutral_mesh.obj")
    np.testing.assert_allclose(head.vertices, neutral[SOURCES], atol=1e-6)
    assert head.identities.shape == (100, len(SOURCES), 3)
    for i in (0, 1, 99):
        moved = vertices_of(model / f"identity{i:03d}.obj") - neutral
        np.testing.assert_allclose(head.identities[i], moved[SOURCES], atol=1e-6)
    assert tuple(head.expressions) == SHAPES
    for name, shape in head.expressions.items():
        offsets = (vertices_of(model / f"{name}.obj") - neutral)[SOURCES]
        moves = np.linalg.norm(offsets, axis=1) >= 2e-3
        assert 0 < moves.sum() < (offsets != 0).any(axis=1).sum()
        np.testing.assert_array_equal(shape.indices, np.flatnonzero(moves))
        assert shape.indices.dtype == np.int32
        np.testing.assert_allclose(shape.offsets, offsets[moves], atol=1e-6)
        assert shape.offsets.dtype == np.float32
    np.testing.assert_array_equal(head.landmarks, range(68, 0, -1))


def test_vertices_are_sorted_into_regions(checkout, layout):
    head = read_head(checkout, "small", layout)
    sizes = [80, 10, 6 + 3, 6 + 2, 4, 4, 4, 4, 4]
    np.testing.assert_array_equal(head.regions, np.repeat(range(9), sizes))
    right_eye = np.array(SOURCES)[head.regions == RIGHT_EYE]
    np.testing.assert_array_equal(right_eye, range(116, 120))


def test_polygons_become_triangles_within_one_region(checkout, layout):
    head = read_head(checkout, "small", layout)
    polygons = polygons_of(checkout / "FaceXModel" / "generic_neutral_mesh.obj")
    expected = {
        (polygon[0], polygon[i], polygon[i + 1])
        for polygon in polygons
        if 114 not in polygon
        for i in range(1, len(polygon) - 1)
    }
    assert len(head.triangles) == len(expected)
    sources = np.array(SOURCES)[head.triangles]
    assert {tuple(map(int, triangle)) for triangle in sources} == expected
    regions = head.regions[head.triangles]
    one_region = (regions == regions[:, :1]).all(axis=1)
    assert ((regions <= SCALP).all(axis=1) | one_region).all()
    assert {FACE, SCALP, MOUTH_SOCKET, EYE_SOCKET} < set(regions[:, 0])


def test_line_ends_of_windows_change_nothing(checkout, layout):
    expected = read_head(checkout, "small", layout)
    for name in NEEDED_FILES:
        content = (checkout / name).read_bytes()
        (checkout / name).write_bytes(content.replace(b"\n", b"\r\n"))
    head = read_head(checkout, "small", layout)
    for field in ("vertices", "triangles", "regions", "identities", "landmarks"):
        np.testing.assert_array_equal(getattr(head, field), getattr(expected, field))


def test_more_numbers_than_three_are_colours(checkout, layout):
    path = checkout / "FaceXModel" / "jawOpen.obj"
    expected = read_head(checkout, "small", layout).expressions["jawOpen"].offsets
    lines = path.read_text().split("\n")
    coloured = [f"{line} 1 0.5 0" if line.startswith("v ") else line for line in lines]
    path.write_text("\n".join(coloured))
    head = read_head(checkout, "small", layout)
    np.testing.assert_array_equal(head.expressions["jawOpen"].offsets, expected)


def test_every_file_is_needed(checkout, layout):
    shapes = {f"FaceXModel/{shape}.obj" for shape in SHAPES}
    assert shapes < set(NEEDED_FILES)
    for name in NEEDED_FILES:
        hidden = (checkout / name).rename(checkout / "hidden")
        assert f"{checkout / name} is missing" in failure(checkout, layout)
        hidden.rename(checkout / name)


def test_a_file_that_cannot_be_read(checkout, layout):
    path = checkout / "FaceXModel" / "jawOpen.obj"
    path.unlink()
    path.mkdir()
    assert f"{path} cannot be read" in failure(checkout, layout)


@pytest.mark.parametrize(
    "name", ["generic_neutral_mesh.obj", "identity042.obj", "eyeBlink_R.obj"]
)
def test_damaged_vertices(checkout, layout, name):
    path = checkout / "FaceXModel" / name
    whole = path.read_text()
    first = whole.split("\n")[2]
    assert first.startswith("v ")
    for damage, reason in (
        (whole[: whole.index("vt ") // 2], "vertices: expected 126"),
        (whole.replace(first + "\n", "", 1), "has 125 vertices: expected 126"),
        (whole.replace(first, first + "\n" + first, 1), "has 127 vertices"),
        ("", "has 0 vertices: expected 126"),
        (whole.replace(first, "v 1 2", 1), "not three numbers"),
        (whole.replace(first, "v 1 2 x", 1), "not three numbers"),
        (whole.replace(first, "v 1 nan 2", 1), "has the vertex 1 nan 2 (number 1)"),
        (whole.replace(first, "v 1 2 -inf", 1), "expected finite numbers"),
        (whole.replace(first, "v 1 2 31", 1), "in centimetres, within ±30"),
    ):
        path.write_text(damage)
        message = failure(checkout, layout)
        assert reason in message
        assert str(path) in message


@pytest.mark.parametrize(
    "polygon, reason",
    [
        ("f 1 2", "has the polygon 'f 1 2': expected at least three vertices from 1"),
        ("f 1 2 0", "polygon 'f 1 2 0'"),
        ("f 1 2 -3", "polygon 'f 1 2 -3'"),
        ("f 1/1 2/2 127/3", "vertices from 1 to 126"),
        ("f 1 2 x", "polygon 'f 1 2 x'"),
        ("f 1 2 107", "a triangle joins face and teeth"),
        ("f 1 81 91", "a triangle joins face and scalp and mouth_socket"),
        ("f 91 92 97", "a triangle joins mouth_socket and eye_socket"),
        ("f 81 82 91", "a triangle joins scalp and mouth_socket"),
        ("f 1 2 115", "a triangle joins a part that is left out and face"),
        ("f 123 124 122", "a triangle joins a part that is left out and lashes"),
    ],
)
def test_damaged_polygons(checkout, layout, polygon, reason):
    path = checkout / "FaceXModel" / "generic_neutral_mesh.obj"
    edit(path, "f 1/1 2/2 3/3 4/4", polygon)
    message = failure(checkout, layout)
    assert str(path) in message
    assert reason in message


def test_no_polygons(checkout, layout):
    path = checkout / "FaceXModel" / "generic_neutral_mesh.obj"
    content = path.read_text()
    path.write_text(content[: content.index("f 1/1")])
    assert f"{path} has no polygons" in failure(checkout, layout)


@pytest.mark.parametrize(
    "content, reason",
    [
        ('{"idx_to_landmark_verts": [1, 2', "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (json.dumps([1, 2]), "no usable 'idx_to_landmark_verts'"),
        (json.dumps({"expressions": []}), "no usable 'idx_to_landmark_verts'"),
        (json.dumps({"idx_to_landmark_verts": 68}), "no usable"),
        (json.dumps({"idx_to_landmark_verts": [1] * 67}), "expected 68 vertices"),
        (json.dumps({"idx_to_landmark_verts": [1] * 67 + [80]}), "0 to 79"),
        (json.dumps({"idx_to_landmark_verts": [1] * 67 + [-1]}), "0 to 79"),
        (json.dumps({"idx_to_landmark_verts": [1] * 67 + [True]}), "no usable"),
        (json.dumps({"idx_to_landmark_verts": [1] * 67 + [1.5]}), "no usable"),
    ],
)
def test_damaged_landmarks(checkout, layout, content, reason):
    path = checkout / "FaceXModel" / "vertex_indices.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = failure(checkout, layout)
    assert str(path) in message
    assert reason in message
