"""Evaluations to report on."""

import dataclasses

import numpy as np
import pytest

from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.comparison import compare
from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.predictions import Predictions


def brightness_predictions(dataset, split="test"):
    """What a model would say that takes pictures from 128 on for class 1."""
    from byel_tf.data.records import read_records

    count = dataset.manifest.splits[split].count
    records = read_records(dataset, split, range(count))
    values = np.array([_brightness(record.encoded) for record in records], float)
    logits = np.stack([(128 - values) / 20, (values - 128) / 20], axis=1)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return Predictions(
        tuple(record.filename for record in records),
        np.array([record.label for record in records]),
        probabilities.argmax(axis=1),
        probabilities,
        (),
        logits,
        np.stack([values / 255, values % 7, np.ones(count)], axis=1),
    )


def _brightness(encoded):
    import io

    from PIL import Image

    with Image.open(io.BytesIO(encoded)) as image:
        return image.getpixel((0, 0))


@pytest.fixture
def make_evaluation():
    """A function that evaluates a split of a set of `prepare_brightness`."""

    def make(dataset, split="test", **others):
        predictions = brightness_predictions(dataset, split)
        result = assess(predictions, dataset.manifest.classes, 1.0, 2.0)
        rest = {"comparisons": {}, "probes": {}, "domain_gap": None, **others}
        return Evaluation(dataset, split, result, predictions, **rest)

    return make


@pytest.fixture
def evaluation():
    """Everything that an evaluation can hold, under names that break tables."""
    labels = np.array([0, 1, 0, 1, 1])
    probabilities = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    predictions = Predictions(
        tuple("abcde"), labels, labels, probabilities, (), np.log(probabilities)
    )
    return Evaluation(
        None,
        "test",
        assess(predictions, ("x|y", "z"), 1.0, 0.5),
        predictions,
        {"other|model": compare(labels, labels, 1 - labels, 2)},
        {
            "linear_probe": {"macro_f1": 0.5, "accuracy": 0.625},
            "nearest_neighbours": {"macro_f1": 0.25, "accuracy": 0.75},
        },
        DomainGap(
            5, 7, 0.875, 12.5, {"x|y": {"cosine": 0.1, "euclidean": 2.0}, "z": None}
        ),
    )


@pytest.fixture
def bare(evaluation):
    return dataclasses.replace(evaluation, comparisons={}, probes={}, domain_gap=None)
