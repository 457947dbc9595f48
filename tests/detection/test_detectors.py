import pytest

from byel_tf.detection.detectors import DETECTORS, make_detector
from byel_tf.detection.haar import HaarDetector
from byel_tf.detection.own import OwnDetector
from byel_tf.faces.detector import FaceDetector


def test_each_name_is_a_detector():
    made = [type(make_detector(name)) for name in DETECTORS]
    assert made == [FaceDetector, OwnDetector, HaarDetector]
    with pytest.raises(ValueError, match="mtcnn, own, haar. Received: name=hog"):
        make_detector("hog")
    with pytest.raises(ValueError, match="Received: min_confidence=2"):
        make_detector("own", 2)
