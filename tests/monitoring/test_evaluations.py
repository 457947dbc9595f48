from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import precision_score, recall_score
from tensorboard.plugins.pr_curve import metadata

from byel_tf.evaluation.report.figures import confusion_matrix_png
from byel_tf.monitoring.evaluations import write_evaluation
from byel_tf.monitoring.evaluator import Evaluator

CLASSES = ("anger", "fear", "joy / $")


@pytest.fixture
def scores(rng):
    """Labels and logits of 40 examples."""
    return rng.integers(3, size=40), rng.normal(size=(40, 3)).astype(np.float32)


@pytest.fixture
def counts(scores):
    """What a model says whose images are its logits."""
    labels, logits = scores
    batches = tf.data.Dataset.from_tensor_slices(
        {"image": logits, "label": labels, "weight": np.ones(40, np.float32)}
    ).batch(8)
    parts = {"order.batch_size": 8, "epoch.return_value": batches, "labels": labels}
    data = mock.Mock(**parts)
    evaluate = Evaluator(tf.distribute.get_strategy(), lambda logits: logits, 3)
    return evaluate(data)


def test_every_data_set_has_its_place(counts, writer, read_events):
    with writer.as_default(step=7):
        for name in ("first", "second"):
            write_evaluation("finetune", name, counts, CLASSES, 7, confusion_matrix_png)
    events = read_events()
    assert set(events.PluginTagToContent("images")) == {
        "finetune/confusion_matrix/first",
        "finetune/confusion_matrix/second",
    }
    assert set(events.PluginTagToContent("pr_curves")) == {
        f"{name}/{label}" for name in ("first", "second") for label in CLASSES
    }


def test_the_matrix_is_drawn_from_the_counts(counts, writer, read_events):
    drawn = []

    def draw(confusion, classes, title):
        drawn.append((confusion, classes, title))
        return tf.io.encode_png(np.zeros((2, 3, 3), np.uint8)).numpy()

    with writer.as_default(step=7):
        write_evaluation("finetune", "x", counts, CLASSES, 7, draw)
    ((confusion, classes, title),) = drawn
    assert confusion.sum() == 40 and classes == CLASSES
    assert title == f"x, step 7: macro F1 {counts.macro_f1:.3f}"
    (point,) = read_events().Tensors("finetune/confusion_matrix/x")
    width, height, _ = tf.make_ndarray(point.tensor_proto)
    assert (width, height) == (b"3", b"2")


def test_curves_are_those_of_scikit_learn(counts, writer, read_events, scores):
    with writer.as_default(step=7):
        write_evaluation("finetune", "x", counts, CLASSES, 7, confusion_matrix_png)
    events = read_events()
    labels, logits = scores
    probabilities = tf.nn.softmax(logits).numpy()
    for index, label in enumerate(CLASSES):
        (point,) = events.Tensors(f"x/{label}")
        assert point.step == 7
        curve = tf.make_ndarray(point.tensor_proto)
        assert curve.shape == (6, 101)
        for number in (0, 20, 55, 100):
            found = probabilities[:, index] >= number / 100
            for row, score in (
                (metadata.PRECISION_INDEX, precision_score),
                (metadata.RECALL_INDEX, recall_score),
            ):
                expected = score(labels == index, found, zero_division=0)
                assert curve[row, number] == pytest.approx(expected)
