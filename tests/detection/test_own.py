import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from byel_tf.detection.own import OwnDetector


@pytest.fixture(scope="module")
def detector():
    return OwnDetector()


def points_of(face):
    return np.array(
        [face.left_eye, face.right_eye, face.nose, face.mouth_left, face.mouth_right]
    )


def away(face, points):
    """Mean distance of the points in eye–mouth distances; far if there is no face."""
    if face is None:
        return 9.0
    distance = np.hypot(*(points[:2].mean(axis=0) - points[3:].mean(axis=0)))
    return np.hypot(*(points_of(face) - points).T).mean() / distance


@pytest.mark.parametrize(
    ("scale", "roll", "least"),
    [(0.35, 0, 19), (0.7, 0, 20), (1.6, 0, 21), (0.8, 40, 17), (0.8, -60, 17)],
)
def test_drawn_faces_are_found_where_they_are(detector, place, scale, roll, least):
    """From 20 to 90 pixels, upright and not; docs/detector.md has the shares."""
    errors = []
    for number in range(24):
        picture, points = place(number, scale=scale, roll=roll)
        errors.append(away(detector.largest(picture), points))
    assert np.sum(np.array(errors) < 0.25) >= least
    assert np.median(errors) < 0.1


@pytest.mark.parametrize("side", [40, 48, 130])
def test_faces_that_fill_the_picture(detector, place, heads, side):
    """Of FER2013's kind; the picture ends at chin and forehead."""
    good = 0
    for number in range(12):
        points = heads.points[number]
        distance = np.hypot(*(points[:2].mean(axis=0) - points[3:].mean(axis=0)))
        picture, true = place(number, size=(side, side), scale=side / 2.4 / distance)
        good += away(detector.largest(picture), true) < 0.25
    assert good >= 11


def test_all_faces_and_the_largest(detector, place):
    picture = Image.new("RGB", (700, 260), (90, 90, 90))
    truths = []
    for i, (number, scale) in enumerate(((0, 0.6), (5, 1.2), (2, 0.8))):
        part, points = place(number, size=(230, 260), scale=scale, grey=90)
        picture.paste(part, (233 * i, 0))
        truths.append(points + [233 * i, 0])
    faces = detector.all(picture)
    assert len(faces) == 3
    for points in truths:
        assert min(away(face, points) for face in faces) < 0.2
    assert away(detector.largest(picture), truths[1]) < 0.2
    assert detector.largest(picture) == faces[0]
    for face in faces:
        x0, y0, x1, y1 = face.bounds
        assert np.all((points_of(face) > [x0, y0]) & (points_of(face) < [x1, y1]))


def test_the_face_within_bounds(detector, place):
    picture = Image.new("RGB", (460, 260), (90, 90, 90))
    for i, scale in enumerate((0.6, 1.2)):
        part, points = place(i, size=(230, 260), scale=scale, grey=90)
        picture.paste(part, (230 * i, 0))
        if i == 0:
            first = points
    found = detector.within(picture, (80.0, 90.0, 150.0, 170.0))
    assert away(found, first) < 0.2


def test_large_pictures_are_answered_in_their_own_pixels(detector, place):
    picture, points = place(0, scale=1.2)
    large = picture.resize((1920, 1440), Image.Resampling.BICUBIC)
    assert away(detector.largest(large), points * 6) < 0.2


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3)),
        np.full((480, 640, 3), 127),
        np.full((7, 2000, 3), 200),
        np.full((2000, 7, 3), 200),
        np.tile([[[0], [255]], [[255], [0]]], (100, 120, 3)),
        np.random.default_rng(1).integers(256, size=(300, 300, 3)),
    ],
    ids=["one pixel", "grey", "wide", "high", "checks", "noise"],
)
def test_where_there_is_no_face(detector, pixels):
    assert detector.all(Image.fromarray(pixels.astype(np.uint8))) == []


def test_modes(detector, place):
    """Grey is the same; alpha is left out; wider values are refused."""
    picture, points = place(3, scale=0.9)
    face = detector.largest(picture)
    assert away(face, points) < 0.2
    assert detector.largest(picture.convert("L")) == face
    clear = picture.copy()
    clear.putalpha(0)
    assert detector.largest(clear) == face
    assert away(detector.largest(picture.quantize(64)), points) < 0.2
    for mode in ("I;16", "I", "F"):
        with pytest.raises(ValueError, match=f"Received: mode={mode}"):
            detector.largest(Image.new(mode, (64, 64)))


def test_equal_pictures_give_equal_faces(detector, place):
    picture, _ = place(4)
    first = detector.all(picture)
    detector.largest(place(5)[0])
    assert detector.all(picture.copy()) == first
    assert pickle.loads(pickle.dumps(detector)).all(picture) == first


def test_confidence_is_a_threshold(place):
    picture, _ = place(4, scale=0.3)
    confidence = OwnDetector().largest(picture).confidence
    assert 0.8 <= confidence < 1
    assert OwnDetector(confidence).largest(picture).confidence == confidence
    assert OwnDetector(float(np.nextafter(confidence, 2))).all(picture) == []
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="Received: min_confidence="):
            OwnDetector(wrong)


def test_neither_tensorflow_nor_opencv_nor_a_word():
    code = (
        "import sys\n"
        "from PIL import Image\n"
        "from byel_tf.detection.detectors import make_detector\n"
        "make_detector('own').largest(Image.new('RGB', (99, 99)))\n"
        "names = ('tensorflow', 'keras', 'tf_keras', 'mtcnn', 'cv2', 'numba')\n"
        "print([name for name in names if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
