import dataclasses
import json

import numpy as np
import pytest

from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.calibration import score_probabilities, temper
from byel_tf.evaluation.intervals import score_intervals
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.predictions import Predictions

CLASSES = ("a", "b", "c")


@pytest.fixture
def predictions(rng):
    logits = rng.normal(size=(60, 3)) * 2
    labels = rng.integers(-1, 3, size=60)
    return Predictions(
        tuple(map(str, range(60))),
        labels,
        logits.argmax(axis=1),
        temper(logits, 1.5),
        tuple(f"person {index % 9}" for index in range(60)),
        logits,
    )


def test_the_parts_are_those_of_the_labelled_images(predictions):
    result = assess(predictions, CLASSES, 1.5, 2.5)
    is_labelled = predictions.labels != -1
    labels, predicted = (
        predictions.labels[is_labelled],
        predictions.predicted[is_labelled],
    )
    subjects = np.array(predictions.subjects)[is_labelled]
    logits = predictions.logits[is_labelled]
    assert 30 < len(labels) < 60
    assert result.scores == score(labels, predicted, CLASSES)
    assert result.intervals == score_intervals(
        labels, predicted, temper(logits, 1.5), CLASSES, subjects
    )
    expected = {"exported": 1.5, "uncalibrated": 1.0, "fitted": 2.5}
    assert list(result.calibration) == list(expected)
    for name, temperature in expected.items():
        at = result.calibration[name]
        assert at.temperature == temperature
        assert at.scores == score_probabilities(labels, temper(logits, temperature))


def test_without_logits_there_is_the_export_alone(predictions):
    bare = dataclasses.replace(predictions, logits=None)
    result = assess(bare, CLASSES, None, 2.5)
    assert list(result.calibration) == ["exported"]
    assert result.calibration["exported"].temperature is None


def test_the_entry_keeps_what_it_had(predictions):
    result = assess(predictions, CLASSES, 1.5)
    content = result.to_json()
    assert json.loads(json.dumps(content, allow_nan=False))["count"] == content["count"]
    assert {
        "count",
        "accuracy",
        "macro_f1",
        "per_class",
        "confusion_matrix",
        "balanced_accuracy",
        "cohen_kappa",
        "log_loss",
        "brier",
        "expected_calibration_error",
        "intervals",
        "calibration",
    } == set(content)
    assert content["log_loss"] == content["calibration"]["exported"]["log_loss"]
    assert content["calibration"]["uncalibrated"]["temperature"] == 1
    assert content["intervals"]["unit"] == "subject"
    assert set(content["intervals"]) == {
        "level",
        "resamples",
        "unit",
        "units",
        "accuracy",
        "macro_f1",
        "balanced_accuracy",
        "cohen_kappa",
        "log_loss",
        "brier",
        "expected_calibration_error",
        "per_class_precision",
        "per_class_recall",
        "per_class_f1",
    }
    for name in ("log_loss", "brier", "expected_calibration_error", "cohen_kappa"):
        lower, upper = content["intervals"][name]
        assert lower < content[name] < upper


def test_no_labelled_image(predictions):
    unlabelled = dataclasses.replace(predictions, labels=np.full(60, -1))
    content = assess(unlabelled, CLASSES, 1.5, 2.0).to_json()
    assert json.dumps(content, allow_nan=False)
    assert (content["count"], content["macro_f1"]) == (0, 0)
    assert content["intervals"] is content["log_loss"] is content["cohen_kappa"] is None
