import csv
import dataclasses

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.evaluation.predictions import (
    Predictions,
    predictions_csv,
    read_predictions,
)

CLASSES = ("anger", "label")
PREDICTIONS = Predictions(
    ("a.png", 'b,"\r c\n.png', "caf\udcff.png"),
    np.array([1, -1, 0]),
    np.array([0, 0, 1]),
    np.array([[0.75, 0.25], [0.5, 0.5], [1 / 3, 2 / 3]], np.float32),
)


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "set.csv"
    file.write_bytes(predictions_csv(PREDICTIONS, CLASSES))
    return file


def test_table(file):
    with open(file, encoding="utf-8", newline="") as table:
        header, *rows = csv.reader(table)
    assert header == ["filename", "label", "predicted", "anger", "label"]
    assert rows[0] == ["a.png", "label", "anger", "0.75", "0.25"]
    assert rows[1] == ['b,"\r c\n.png', "", "anger", "0.5", "0.5"]
    assert rows[2] == [r"caf\udcff.png", "anger", "label", "0.333333", "0.666667"]


def test_what_is_written_is_read_back(file):
    read = read_predictions(file)
    assert read.filenames[:2] == PREDICTIONS.filenames[:2]
    np.testing.assert_array_equal(read.labels, PREDICTIONS.labels)
    np.testing.assert_array_equal(read.predicted, PREDICTIONS.predicted)
    np.testing.assert_allclose(read.probabilities, PREDICTIONS.probabilities, atol=1e-6)


def test_what_a_spreadsheet_would_run_is_text(tmp_path):
    given = dataclasses.replace(PREDICTIONS, filenames=("=1", "'=1", "@x"))
    file = tmp_path / "set.csv"
    file.write_bytes(predictions_csv(given, ("=cmd", "label")))
    with open(file, encoding="utf-8", newline="") as table:
        cells = [row[:3] for row in csv.reader(table)]
    assert cells == [
        ["filename", "label", "predicted"],
        ["'=1", "label", "'=cmd"],
        ["''=1", "", "'=cmd"],
        ["'@x", "'=cmd", "label"],
    ]
    read = read_predictions(file)
    assert read.filenames == given.filenames
    np.testing.assert_array_equal(read.labels, given.labels)
    np.testing.assert_array_equal(read.predicted, given.predicted)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n",
        b'"filename","label","predicted","x"\n"a","y","x",1\n',
        b'"filename","label","predicted","x"\n"a","x"\n',
        b'"filename","label","predicted","x"\n"a","x","x"\n"b","x","x",1,1\n',
        b"\xff\xfe",
    ],
)
def test_another_file_is_refused(tmp_path, content):
    file = tmp_path / "set.csv"
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"set\.csv is not a table of predictions"):
        read_predictions(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"set\.csv cannot be read: No such file"):
        read_predictions(tmp_path / "set.csv")


def test_those_with_a_label():
    every = Predictions(
        *(getattr(PREDICTIONS, name) for name in ("filenames", "labels", "predicted")),
        PREDICTIONS.probabilities,
        subjects=("Ada", "", "Bo"),
        logits=np.log(PREDICTIONS.probabilities),
        representations=np.arange(6.0).reshape(3, 2),
    )
    chosen = every.labelled()
    assert chosen.filenames == ("a.png", "caf\udcff.png")
    assert chosen.subjects == ("Ada", "Bo")
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.predicted.tolist() == [0, 1]
    np.testing.assert_array_equal(chosen.probabilities, every.probabilities[[0, 2]])
    np.testing.assert_array_equal(chosen.logits, every.logits[[0, 2]])
    np.testing.assert_array_equal(chosen.representations, [[0, 1], [4, 5]])
    bare = PREDICTIONS.labelled()
    assert (bare.subjects, bare.logits, bare.representations) == ((), None, None)
    assert chosen.labelled() is chosen
