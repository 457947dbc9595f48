import gzip

import cv2
import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.makehuman.formats import (
    parse_fit,
    parse_json,
    parse_mesh,
    parse_motion,
    parse_picture,
    parse_target,
    parsed,
    rotation,
)

MESH = b"""# a comment
v 0 0 0
v 0.1 0 0
v 0.1 0.2 0
v 0 0.2 0.3
vt 0 0
vt 1 0
vt 1 1
vt 0 0.75
g body
f 1/1 2/2 3/3 4/4
g other
f 1/1 2/2 4/4
"""
FIT = b"""name short01
x_scale 5 6 1.5
y_scale 7 8 2.0
z_scale 9 10 0.5
material short01.mhmat
verts 0
1 2 3 0.5 0.25 -0.75 0.1 0.2 0.3
4

delete_verts
1 - 9
"""
MOTION = b"""HIERARCHY
ROOT root
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation Zrotation
 JOINT jaw
 {
  OFFSET 0 0 1
  CHANNELS 3 Zrotation Xrotation Yrotation
  End Site
  {
   OFFSET 0 0 1
  }
 }
}
MOTION
Frames: 2
Frame Time: 0.04
0 0 0 0 0 0 0 0 0
0 0 0 0 0 90 30 0 0
"""


def test_a_mesh_in_centimetres_with_places_from_the_top():
    mesh = parse_mesh(MESH)
    np.testing.assert_allclose(mesh.vertices[3], [0, 2, 3])
    np.testing.assert_array_equal(mesh.triangles, [[0, 1, 2], [0, 2, 3], [0, 1, 3]])
    np.testing.assert_allclose(mesh.places[1], [[0, 1], [1, 0], [0, 0.25]])
    assert list(mesh.groups) == ["body", "body", "other"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"v 0.1 0 0", b"v 0.1 x 0", "could not convert"),
        (b"v 0.1 0 0", b"v 0.1 nan 0", "not finite"),
        (b"3/3", b"9/3", "names one of 4 that is not there"),
        (b"3/3", b"3/9", "names one of 4 that is not there"),
        (b"3/3", b"0/3", "names one of 4 that is not there"),
        (b"f 1/1 2/2", b"f 1 2", "sequence|place on a picture|inhomogeneous"),
    ],
)
def test_a_damaged_mesh(tmp_path, old, new, reason):
    path = tmp_path / "base.obj"
    path.write_bytes(MESH.replace(old, new, 1))
    with pytest.raises(RunError, match=reason) as caught:
        parsed(path, parse_mesh)
    assert str(caught.value).startswith(f"{path} is not what it should be: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(RunError, match=r"x\.obj is missing: expected MakeHuman's"):
        parsed(tmp_path / "x.obj", parse_mesh)
    with pytest.raises(RunError, match="cannot be read"):
        parsed(tmp_path, parse_mesh)


def test_a_target():
    shape = parse_target(gzip.compress(b"# what\n\n3 .1 -.2 0\n12 0 0 .05\n"))
    np.testing.assert_array_equal(shape.indices, [3, 12])
    np.testing.assert_allclose(shape.offsets, [[1, -2, 0], [0, 0, 0.5]], atol=1e-6)
    assert parse_target(gzip.compress(b"")).offsets.shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b"3 .1 -.2\n", None),
        (b"-3 .1 -.2 0\n", None),
        (b"3 .1 inf 0\n", None),
        (b"3 .1 -.2 0\n", -6),
    ],
    ids=["a number missing", "index below 0", "infinite", "cut short"],
)
def test_a_damaged_target(tmp_path, text, end):
    path = tmp_path / "a.target.gz"
    path.write_bytes(gzip.compress(text)[:end])
    with pytest.raises(RunError, match="is not what it should be"):
        parsed(path, parse_target)


def test_a_target_that_is_not_compressed(tmp_path):
    path = tmp_path / "a.target.gz"
    path.write_bytes(b"3 .1 -.2 0\n")
    with pytest.raises(RunError, match="is not what it should be"):
        parsed(path, parse_target)


@pytest.mark.parametrize("parse", [parse_picture, lambda data: 1 + parse_json(data)])
@pytest.mark.parametrize("content", [b"", b"[]", b"{"])
def test_whatever_is_wrong_is_one_line(tmp_path, parse, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(RunError, match="is not what it should be") as caught:
        parsed(path, parse)
    assert "\n" not in str(caught.value)


def test_how_a_mesh_keeps_to_the_body():
    fit = parse_fit(FIT)
    np.testing.assert_array_equal(fit.indices, [[1, 2, 3], [4, 4, 4]])
    np.testing.assert_allclose(fit.weights, [[0.5, 0.25, -0.75], [1, 0, 0]])
    np.testing.assert_allclose(fit.offsets, [[1, 2, 3], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(fit.ends, [[5, 6], [7, 8], [9, 10]])
    np.testing.assert_allclose(fit.lengths, [15, 20, 5])


@pytest.mark.parametrize(
    "data", [b"", FIT.replace(b"x_scale", b"scale"), FIT.replace(b"0.5 0.25", b"0.5 x")]
)
def test_a_damaged_fit(data):
    with pytest.raises(ValueError):
        parse_fit(data)


def test_json_gzipped_or_not():
    assert parse_json(b'{"a": 1}') == parse_json(gzip.compress(b'{"a": 1}')) == {"a": 1}


def test_a_picture_in_red_green_blue_and_opacity():
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, 90  # blue comes first in OpenCV
    picture = parse_picture(cv2.imencode(".png", pixels)[1].tobytes())
    assert picture.shape == (2, 3, 4)
    np.testing.assert_array_equal(picture[0, 0], [0, 0, 200, 90])


def test_a_pointer_in_place_of_a_picture():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    with pytest.raises(ValueError, match="git lfs pull"):
        parse_picture(pointer)
    with pytest.raises(ValueError, match="expected a PNG"):
        parse_picture(b"\x89PNG")


def test_turns_of_joints_with_y_up():
    names, parents, turns = parse_motion(MOTION)
    assert names == ["root", "jaw"]
    assert parents == [-1, 0]
    np.testing.assert_allclose(turns[0], np.broadcast_to(np.eye(3), (2, 3, 3)))
    # A turn about the file's z axis is one about y.
    np.testing.assert_allclose(turns[1, 0], rotation(1, np.array(90.0)), atol=1e-12)
    np.testing.assert_allclose(turns[1, 1], rotation(1, np.array(30.0)), atol=1e-12)


def test_motion_of_another_number_of_channels():
    with pytest.raises(ValueError, match="another number of channels"):
        parse_motion(MOTION.replace(b" 90 30 0 0", b" 90 30 0").replace(
            b"0 0 0 0 0 0 0 0 0\n", b"0 0 0 0 0 0 0 0\n"))  # fmt: skip


def test_rotation_is_counter_clockwise_about_each_axis():
    quarter = np.array(90.0)
    for axis in range(3):
        first = np.eye(3)[(axis + 1) % 3]
        second = np.eye(3)[(axis + 2) % 3]
        np.testing.assert_allclose(rotation(axis, quarter) @ first, second, atol=1e-12)
