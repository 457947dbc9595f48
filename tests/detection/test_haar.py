import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from byel_tf.detection import haar
from byel_tf.detection.haar import HaarDetector
from byel_tf.errors import RunError


@pytest.fixture(scope="module")
def detector():
    return HaarDetector()


@pytest.fixture(scope="module")
def found(detector, place):
    """Faces whose points are about right, of those of `place`, with what was drawn."""
    good = []
    for number in range(12):
        picture, points = place(number)
        face = detector.largest(picture)
        if face is None:
            continue
        five = (face.left_eye, face.right_eye, face.nose, face.mouth_left)
        away = np.subtract(five, points[:4])
        away = np.hypot(*away.T).mean() / np.hypot(*(points[0] - points[3]))
        if away < 0.3:
            good.append((picture, face))
    return good


def test_drawn_faces_are_found(detector, found):
    assert len(found) >= 6
    threads = cv2.getNumThreads()
    for picture, face in found[:3]:
        assert detector.all(picture)[0] == face
        assert 0.8 <= face.confidence < 1
        assert detector.largest(picture.convert("L")) == face
        assert pickle.loads(pickle.dumps(detector)).largest(picture) == face
        x0, y0, x1, y1 = face.bounds
        assert x0 < face.left_eye[0] < face.right_eye[0] < x1
        assert y0 < face.left_eye[1] < face.mouth_left[1] < y1
    assert cv2.getNumThreads() == threads


def test_large_ones_are_found(detector, found):
    picture, face = found[0]
    large = detector.largest(picture.resize((1920, 1440)))
    assert 5 < np.subtract(*large.bounds[2::-2]) / (face.bounds[2] - face.bounds[0]) < 7


def test_where_there_is_no_face(detector):
    for pixels in (np.zeros((1, 1)), np.full((90, 70), 99), np.full((5, 900), 9)):
        assert detector.all(Image.fromarray(pixels.astype(np.uint8))) == []


def test_confidence_is_a_threshold(detector, found):
    picture, face = found[0]
    assert HaarDetector(face.confidence).largest(picture) == face
    assert len(HaarDetector(0).all(picture)) >= len(detector.all(picture))
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="Received: min_confidence="):
            HaarDetector(wrong)


def test_an_opencv_without_cascades(monkeypatch):
    haar._cascade.cache_clear()
    monkeypatch.setattr(haar, "_CASCADE", "none.xml")
    with pytest.raises(RunError, match=r"without none\.xml: pip install"):
        HaarDetector()
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(RunError, match="has no cascades: pip install"):
        HaarDetector()
