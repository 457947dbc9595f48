"""Which classes count, against arithmetic by hand."""

import dataclasses
import pathlib

import numpy as np
import pytest

from byel_tf.data.manifest import Manifest
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.errors import RunError
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.scored_classes import choose_scored_classes

MODEL = ("anger", "fear", "neutral", "joy")


def dataset(*classes):
    fields = {f.name: None for f in dataclasses.fields(Manifest)}
    manifest = Manifest(**{**fields, "classes": classes})
    return PreparedDataset("set", pathlib.Path("set"), manifest, "f00d")


def predictions(labels):
    probabilities = np.array(
        [[0.1, 0.2, 0.6, 0.1], [0.0, 0.0, 1.0, 0.0], [0.5, 0.1, 0.3, 0.1]]
    )
    return Predictions(
        ("a", "b", "c"),
        np.array(labels),
        probabilities.argmax(axis=1),
        probabilities,
        logits=np.arange(12.0).reshape(3, 4),
    )


def test_a_set_of_fewer_classes():
    scored = choose_scored_classes(MODEL, dataset("joy", "anger", "fear"))
    assert scored.names == ("anger", "fear", "joy")
    found = scored.restrict(predictions([0, -1, 2]))
    # In the model's order, whatever the data set's.
    assert found.labels.tolist() == [3, -1, 1]
    assert found.predicted.tolist()[::2] == [1, 0]
    expected = [
        [0.25, 0.5, 0, 0.25],
        [1 / 3, 1 / 3, 0, 1 / 3],
        [5 / 7, 1 / 7, 0, 1 / 7],
    ]
    np.testing.assert_allclose(found.probabilities, expected)
    narrow = scored.narrow(found)
    assert narrow.labels.tolist() == [2, 1]
    assert narrow.predicted.tolist() == [1, 0]
    np.testing.assert_allclose(narrow.probabilities, np.delete(expected, 2, 1)[::2])
    assert narrow.logits.tolist() == [[0, 1, 3], [8, 9, 11]]
    assert scored.words(0) == (
        "scored on 3 of the model's 4 classes: the probability of neutral is removed, "
        "and the rest divided by its sum"
    )
    assert scored.to_json(0)["removed_classes"] == ["neutral"]


def test_all_classes_change_nothing():
    scored = choose_scored_classes(MODEL, dataset(*MODEL))
    given = predictions([0, 1, -1])
    found = scored.restrict(given)
    assert found.labels.tolist() == [0, 1, -1]
    assert found.probabilities is given.probabilities
    assert len(scored.narrow(found).labels) == 2
    assert scored.words(0) is None and scored.to_json(0) == {}


def test_classes_that_were_asked_for():
    scored = choose_scored_classes(MODEL, dataset(*MODEL), ("joy", "anger"))
    assert scored.names == ("anger", "joy")
    assert scored.restrict(predictions([0, 2, 3])).labels.tolist() == [0, -1, 3]
    assert scored.words(5).endswith("left out are 5 images of fear, neutral")
    assert scored.to_json(5)["left_out"] == {
        "classes": ["fear", "neutral"],
        "images": 5,
    }


@pytest.mark.parametrize(
    ("classes", "asked", "message"),
    [
        (("anger", "fear", "contempt"), (), "has the classes anger, fear, contempt"),
        (("anger", "contempt"), (), "prepare it with --classes=anger,fear,neutral,joy"),
        (MODEL, ("anger", "contempt"), "the model has no class 'contempt'"),
        (("anger", "joy"), ("anger", "fear"), "data set set has no class 'fear'"),
        (MODEL, ("anger",), "scored on anger alone"),
    ],
)
def test_what_cannot_be_scored(classes, asked, message):
    with pytest.raises(RunError, match=message):
        choose_scored_classes(MODEL, dataset(*classes), asked)
