import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from byel_tf.faces.crop import face_box
from byel_tf.faces.detector import DetectedFace, FaceDetector

BARE = {"accessories": {"hand": "none", "glasses": "none"}}


def points_of(face):
    return np.array(
        [face.left_eye, face.right_eye, face.nose, face.mouth_left, face.mouth_right]
    )


def distance(points):
    return np.linalg.norm((points[0] + points[1] - points[3] - points[4]) / 2)


def canvas(*placed, size=(640, 480)):
    """Pictures at places and sides on grey, and where their points come to lie."""
    image = Image.new("RGB", size, (96, 100, 104))
    points = []
    for face, left, top, side in placed:
        picture = face.picture.resize((side, side), Image.Resampling.BICUBIC)
        image.paste(picture, (left, top))
        points.append(face.points * side / face.picture.width + [left, top])
    return image, points


def assert_found(face, points, tolerance=0.15):
    """Within a share of the eye–mouth distance, each point; eyes and mouth closer."""
    assert face is not None
    away = np.abs(points_of(face) - points) / distance(points)
    assert away.max() < tolerance
    assert np.abs((points_of(face) - points).mean(axis=0)).max() < (
        0.06 * distance(points)
    )


@pytest.mark.parametrize(
    ("index", "left", "top", "side"),
    [
        (5, 30, 20, 110),
        (20, 500, 10, 120),
        (26, 10, 330, 140),
        (33, 260, 140, 200),
        (47, 420, 260, 200),
        (61, 150, 30, 420),
    ],
)
def test_drawn_faces_are_found_where_they_are(
    detector, draw_face, index, left, top, side
):
    drawn = draw_face(index, 160, camera={"side": 2.8}, **BARE)
    image, (points,) = canvas((drawn, left, top, side))
    face = detector.largest(image)
    assert_found(face, points)
    assert 0.8 <= face.confidence <= 1
    x0, y0, x1, y1 = face.bounds
    assert np.all((points > [x0, y0]) & (points < [x1, y1]))


@pytest.mark.parametrize("size", [24, 48, 96, 250])
def test_faces_that_fill_the_picture(detector, draw_face, size):
    """As the renderer crops them; measured: all of 200."""
    drawn = [draw_face(7 * i, max(size, 48), **BARE) for i in range(20)]
    found = []
    for face in drawn:
        image, (points,) = canvas((face, 0, 0, size), size=(size, size))
        detected = detector.largest(image)
        if detected is not None:
            away = (points_of(detected) - points).mean(axis=0) / distance(points)
            found.append(np.abs(away).max() < 0.1)
    assert sum(found) >= 18


def test_a_detected_face_is_cropped_as_it_was_drawn(detector, draw_face):
    """Within what five points tell; measured over 200: side 1.01, centre 0.01."""
    ratios, away = [], []
    for i in range(24):
        drawn = draw_face(7 * i, 96, **BARE)
        box = detector.largest(drawn.picture).box()
        ratios.append(box.side / 96)
        centre = np.array([box.left, box.top]) + box.side / 2
        away.append((centre - drawn.centre) / 96)
    assert np.mean(ratios) == pytest.approx(1, abs=0.06)
    assert np.abs(np.mean(away, axis=0)).max() < 0.03


def test_the_larger_of_two_faces_is_chosen(detector, draw_face):
    small, large = (draw_face(i, 160, camera={"side": 2.8}, **BARE) for i in (5, 33))
    for placed in (
        [(small, 30, 40, 150), (large, 330, 120, 300)],
        [(large, 20, 60, 300), (small, 420, 200, 150)],
    ):
        image, points = canvas(*placed)
        is_large = placed[0][0] is not large
        assert_found(detector.largest(image), points[is_large])


def test_size_decides_not_confidence(detector, monkeypatch):
    boxes = np.array([[1.0, 1.0, 9.0, 9.0], [20.0, 20.0, 29.0, 29.0]])
    points = boxes[:, None, :2] + [[2, 3], [6, 3], [4, 5], [2, 7], [6, 7]]
    found = (boxes, np.array([0.99, 0.9]), points)
    monkeypatch.setattr("byel_tf.faces.detector.find_faces", lambda *_: found)
    face = detector.largest(Image.new("RGB", (40, 40)))
    assert (face.confidence, face.bounds) == (0.9, (20.0, 20.0, 29.0, 29.0))
    assert (face.nose, face.mouth_left) == ((24.0, 25.0), (22.0, 27.0))


def test_the_face_that_bounds_are_of(detector, draw_face):
    small, large = (draw_face(i, 160, camera={"side": 2.8}, **BARE) for i in (5, 33))
    image, points = canvas((small, 30, 40, 150), (large, 330, 120, 300))
    found = detector.within(image, (60, 70, 150, 170))
    assert_found(found, points[0])
    assert found.bounds[0] > 30 and found.bounds[2] < 180
    assert_found(detector.within(image, (400, 180, 560, 380)), points[1])
    # Bounds of no face, of none near by, and of no part of the picture.
    assert detector.within(image, (200, 300, 300, 400)) is None
    assert detector.within(image, (250, 40, 330, 120)) is None
    assert detector.within(image, (-300, -300, -200, -200)) is None


def test_small_faces_are_found_within_bounds(detector, draw_face):
    """They are too small by the size of the picture, which decides without bounds."""
    drawn = draw_face(33, 160, camera={"side": 2.8}, **BARE)
    image, (points,) = canvas((drawn, 1200, 300, 60), size=(3001, 1999))
    assert detector.largest(image) is None
    found = detector.within(image, (1210, 310, 1250, 350))
    assert_found(found, points)
    assert detector.within(image, (1500, 310, 1540, 350)) is None


def test_the_most_in_common_is_chosen(detector, monkeypatch):
    boxes = np.array([[0.0, 0.0, 30.0, 30.0], [11.0, 11.0, 19.0, 19.0]])
    points = boxes[:, None, :2] + [[2, 3], [6, 3], [4, 5], [2, 7], [6, 7]]
    found = (boxes, np.array([0.99, 0.9]), points)
    monkeypatch.setattr("byel_tf.faces.detector.find_faces", lambda *_: found)
    image = Image.new("RGB", (60, 60))
    # What is looked at begins at (21, 31); the larger face has less in common.
    face = detector.within(image, (28, 38, 42, 52))
    assert (face.bounds, face.confidence) == ((32.0, 42.0, 40.0, 50.0), 0.9)
    assert (face.nose, face.mouth_left) == ((36.0, 47.0), (34.0, 49.0))
    # A neighbour that reaches into the bounds is not theirs.
    beside = (boxes[:1] * 8 / 30, np.array([0.99]), points[:1])
    monkeypatch.setattr("byel_tf.faces.detector.find_faces", lambda *_: beside)
    assert detector.within(image, (28, 38, 42, 52)) is None
    with pytest.raises(ValueError, match="Received"):
        detector.within(image, (5, 5, 5, 5))


def test_large_pictures_are_answered_in_their_own_pixels(detector, draw_face):
    drawn = draw_face(33, 160, camera={"side": 2.8}, **BARE)
    image, (points,) = canvas((drawn, 1200, 300, 900), size=(3001, 1999))
    assert_found(detector.largest(image), points)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((480, 640, 3), 127, np.uint8),
        np.full((7, 2000, 3), 200, np.uint8),
        np.full((2000, 7, 3), 200, np.uint8),
        np.tile(np.uint8([[[0], [255]], [[255], [0]]]), (100, 120, 3)),
        np.random.default_rng(1).integers(256, size=(300, 300, 3), dtype=np.uint8),
    ],
    ids=["one pixel", "grey", "wide", "high", "checks", "noise"],
)
def test_where_there_is_no_face(detector, picture):
    assert detector.largest(Image.fromarray(picture)) is None


def test_photographs(detector):
    """What matplotlib and scikit-learn ship: a portrait, a temple and a flower."""
    from matplotlib import cbook
    from sklearn.datasets import load_sample_images

    for pixels in load_sample_images().images:
        assert detector.largest(Image.fromarray(pixels)) is None
    try:
        portrait = cbook.get_sample_data("grace_hopper.jpg")
    except FileNotFoundError:
        pytest.skip("this matplotlib comes without its sample data")
    with portrait, Image.open(portrait) as image:
        face = detector.largest(image)
    by_eye = np.array([[222, 190], [309, 187], [267, 237], [232, 277], [305, 274]])
    assert np.abs(points_of(face) - by_eye).max() < 6


def test_modes(detector, draw_face):
    """Grey is found as well; alpha is left out; wider values are refused."""
    drawn = draw_face(33, 160, **BARE)
    image, points = drawn.picture, drawn.points
    assert_found(detector.largest(image.convert("L")), points)
    assert_found(detector.largest(image.quantize(64)), points)
    clear = image.copy()
    clear.putalpha(0)
    assert detector.largest(clear) == detector.largest(image)
    for mode in ("I;16", "I", "F"):
        with pytest.raises(ValueError, match=f"Received: mode={mode}"):
            detector.largest(Image.new(mode, (64, 64)))


def test_equal_pictures_give_equal_faces(detector, draw_face):
    image = draw_face(26, 120).picture
    first = detector.largest(image)
    detector.largest(draw_face(5, 250).picture)
    assert detector.largest(image.copy()) == first
    assert pickle.loads(pickle.dumps(detector)).largest(image) == first
    np.testing.assert_array_equal(
        np.asarray(image), np.asarray(draw_face(26, 120).picture)
    )


def test_confidence_is_a_threshold(draw_face):
    image = draw_face(26, 120).picture
    confidence = FaceDetector().largest(image).confidence
    assert FaceDetector(confidence).largest(image) is not None
    above = float(np.nextafter(np.float32(confidence), np.float32(2)))
    if above <= 1:
        other = FaceDetector(above).largest(image)
        assert other is None or other.confidence >= above
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="Received: min_confidence="):
            FaceDetector(wrong)


def test_the_box_is_of_the_five_points():
    points = ((40.0, 50.0), (60.0, 52.0), (50.0, 63.0), (43.0, 72.0), (59.0, 74.0))
    face = DetectedFace(*points, (30.0, 30.0, 70.0, 90.0), 0.9)
    assert face.box() == face_box(*points)
    assert face.box(1.5) == face_box(*points).with_margin(1.5)
    assert pickle.loads(pickle.dumps(face)) == face
    assert dataclasses.replace(face, confidence=0.5) != face


def test_neither_tensorflow_nor_a_word():
    code = (
        "import sys\n"
        "from PIL import Image\n"
        "from byel_tf.faces.detector import FaceDetector\n"
        "FaceDetector().largest(Image.new('RGB', (99, 99)))\n"
        "names = ('tensorflow', 'keras', 'tf_keras', 'mtcnn', 'cv2')\n"
        "print([name for name in names if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
