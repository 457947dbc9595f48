import io

import numpy as np
import pytest
from PIL import Image

from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.report.examples import (
    Example,
    confident_errors,
    most_uncertain,
    thumbnails,
)

PROBABILITIES = np.array(
    [[0.9, 0.1], [0.05, 0.95], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8], [0.99, 0.01]]
)
PREDICTIONS = Predictions(
    tuple("abcdef"),
    np.array([0, 0, 0, 1, 0, -1]),
    PROBABILITIES.argmax(axis=1),
    PROBABILITIES,
)
CLASSES = ("calm", "wild")


def test_confident_errors():
    # d is labelled wild and taken for calm; f has no label.
    assert confident_errors(PREDICTIONS, CLASSES, 3) == [
        Example(1, "calm → wild 0.95", "b"),
        Example(4, "calm → wild 0.80", "e"),
        Example(2, "calm → wild 0.60", "c"),
    ]
    assert len(confident_errors(PREDICTIONS, CLASSES, 9)) == 4
    assert confident_errors(PREDICTIONS, CLASSES, 0) == []


def test_most_uncertain():
    found = most_uncertain(PREDICTIONS, CLASSES, 9)
    assert [example.filename for example in found] == list("dceabf")
    assert found[-1].caption == "unlabelled → calm 0.99"


@pytest.mark.filterwarnings("error")
def test_a_certain_prediction():
    certain = Predictions(("a",), np.array([0]), np.array([0]), np.array([[1.0, 0.0]]))
    assert len(most_uncertain(certain, CLASSES, 1)) == 1


def test_thumbnails_are_those_of_the_images(prepare_brightness):
    values = (0, 60, 120, 180, 240)
    pictures = [(value, 0) for value in values]
    # Small shards, so that there are several.
    dataset = prepare_brightness("set", shard_bytes=300, test=pictures)
    assert len(dataset.manifest.splits["test"].shards) > 1
    files = thumbnails(dataset, "test", [Example(i, "", "") for i in (3, 0, 4)])
    for content, index in zip(files, (3, 0, 4), strict=True):
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "JPEG"
            assert np.asarray(image).mean() == pytest.approx(values[index], abs=2)
