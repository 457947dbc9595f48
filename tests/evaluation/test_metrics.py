import dataclasses
import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from byel_tf.evaluation.metrics import score

CLASSES = ("a", "b", "c", "d")

PAIRS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50
)


@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_scores_are_those_of_scikit_learn(pairs):
    labels, predictions = np.array(pairs).T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(labels, predictions, CLASSES)
    assert scores.count == len(pairs)
    assert scores.accuracy == pytest.approx(np.mean(labels == predictions))
    assert scores.macro_f1 == pytest.approx(
        metrics.f1_score(labels, predictions, average="macro", zero_division=0)
    )
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (labels, predictions), 1)
    assert scores.confusion_matrix == expected.tolist()
    for index, name in enumerate(CLASSES):
        row = scores.per_class[name]
        true, predicted = expected[index].sum(), expected[:, index].sum()
        hits = expected[index, index]
        assert row["support"] == true
        assert row["recall"] == pytest.approx(hits / true if true else 0)
        assert row["precision"] == pytest.approx(hits / predicted if predicted else 0)
        total = true + predicted
        assert row["f1"] == pytest.approx(2 * hits / total if total else 0)


@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_macro_f1_is_over_the_classes_that_occur(pairs):
    labels, predictions = np.array(pairs).T
    scores = score(labels, predictions, CLASSES)
    present = sorted({*labels.tolist(), *predictions.tolist()})
    f1 = [scores.per_class[CLASSES[index]]["f1"] for index in present]
    assert scores.macro_f1 == pytest.approx(np.mean(f1))


def test_one_class_only():
    scores = score(np.zeros(5, int), np.zeros(5, int), CLASSES)
    assert (scores.accuracy, scores.macro_f1) == (1, 1)
    assert scores.per_class["b"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


def random_case(rng):
    """Labels and predictions: absent classes, single ones and few images are common."""
    size = rng.choice([1, 2, 5, 30])
    of_labels, of_predictions = (rng.integers(1, 5, 2)).tolist()
    classes = rng.permutation(4)
    labels = classes[rng.integers(of_labels, size=size)]
    guesses = rng.permutation(4)[rng.integers(of_predictions, size=size)]
    return labels, np.where(rng.random(size) < rng.choice([0, 0.6, 1]), labels, guesses)


def test_many_cases_equal_scikit_learn(rng):
    undefined = 0
    for _ in range(150):
        labels, predictions = random_case(rng)
        scores = score(labels, predictions, CLASSES)
        f1, table = (
            metrics.f1_score(labels, predictions, average="macro", zero_division=0),
            metrics.precision_recall_fscore_support(
                labels, predictions, labels=range(4), zero_division=0
            ),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recall = metrics.balanced_accuracy_score(labels, predictions)
            kappa = metrics.cohen_kappa_score(labels, predictions)
        assert scores.macro_f1 == f1
        assert scores.balanced_accuracy == recall
        assert scores.accuracy == np.mean(labels == predictions)
        rows = [list(scores.per_class[name].values()) for name in CLASSES]
        np.testing.assert_array_equal(rows, np.transpose(table))
        # Nothing but the undefined is None, and NaN never comes out.
        undefined += np.isnan(kappa)
        assert scores.cohen_kappa == (None if np.isnan(kappa) else kappa)
    assert 2 < undefined < 75


@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_balanced_accuracy_and_kappa_by_their_formulas(pairs):
    labels, predictions = np.array(pairs).T
    scores = score(labels, predictions, CLASSES)
    present = np.unique(labels)
    recalls = [np.mean(predictions[labels == label] == label) for label in present]
    assert scores.balanced_accuracy == pytest.approx(np.mean(recalls))
    chance = sum(np.mean(labels == k) * np.mean(predictions == k) for k in range(4))
    if chance == 1:
        assert scores.cohen_kappa is None
    else:
        agreement = np.mean(labels == predictions)
        expected = (agreement - chance) / (1 - chance)
        assert scores.cohen_kappa == pytest.approx(expected, abs=1e-12)


def test_no_image():
    empty = np.zeros(0, int)
    scores = score(empty, empty, CLASSES)
    assert (scores.count, scores.accuracy, scores.macro_f1) == (0, 0, 0)
    assert (scores.balanced_accuracy, scores.cohen_kappa) == (0, None)
    assert scores.confusion_matrix == [[0] * 4] * 4
    assert set(scores.per_class) == set(CLASSES)


@pytest.mark.parametrize("count", [0, 7])
def test_scores_can_be_written_as_json(count):
    labels = np.arange(count, dtype=np.int64) % 4
    scores = score(labels, labels[::-1], CLASSES)
    content = dataclasses.asdict(scores)
    assert json.loads(json.dumps(content)) == content
