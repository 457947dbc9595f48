import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score, precision_score, recall_score
from tensorboard.plugins.pr_curve import metadata

from byel_tf.monitoring.evaluations import Evaluations
from byel_tf.monitoring.evaluator import Evaluator

CLASSES = ("anger", "fear", "joy / $")


@pytest.fixture
def scores(rng):
    """Labels and logits of 40 examples."""
    return rng.integers(3, size=40), rng.normal(size=(40, 3)).astype(np.float32)


@pytest.fixture
def make_callback(writer, scores):
    """A function that makes the callback of a model whose images are its logits."""
    labels, logits = scores
    batches = tf.data.Dataset.from_tensor_slices(
        {"image": logits, "label": labels, "weight": np.ones(40, np.float32)}
    ).batch(8)

    def make(every_epochs=1, last_step=100):
        evaluator = Evaluator(tf.distribute.get_strategy(), lambda logits: logits, 3)
        return Evaluations(
            "finetune",
            writer,
            evaluator,
            {"first": batches, "second": batches.take(2)},
            CLASSES,
            every_epochs,
            last_step,
        )

    return make


def test_every_test_split_has_its_place(make_callback, read_events):
    callback = make_callback()
    callback.step = 7
    callback.on_epoch_end(0, {})
    events = read_events()
    assert set(events.PluginTagToContent("scalars")) == {
        "finetune/macro_f1_test/first",
        "finetune/macro_f1_test/second",
    }
    assert set(events.PluginTagToContent("images")) == {
        "finetune/confusion_matrix/first",
        "finetune/confusion_matrix/second",
    }
    assert set(events.PluginTagToContent("pr_curves")) == {
        f"{name}/{label}" for name in ("first", "second") for label in CLASSES
    }


def test_macro_f1_and_curves_are_those_of_scikit_learn(
    make_callback, read_events, scores
):
    callback = make_callback()
    callback.step = 7
    callback.on_epoch_end(0, {})
    events = read_events()

    labels, logits = scores
    (point,) = events.Tensors("finetune/macro_f1_test/first")
    assert point.step == 7
    assert tf.make_ndarray(point.tensor_proto) == pytest.approx(
        f1_score(labels, logits.argmax(axis=1), average="macro")
    )
    probabilities = tf.nn.softmax(logits).numpy()
    for index, label in enumerate(CLASSES):
        (point,) = events.Tensors(f"first/{label}")
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


@pytest.mark.parametrize(
    ("every_epochs", "expected"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5])]
)
def test_epochs_that_are_evaluated(make_callback, read_events, every_epochs, expected):
    callback = make_callback(every_epochs, last_step=5)
    for epoch in range(5):
        callback.step = epoch + 1
        callback.on_epoch_end(epoch, {})
    points = read_events().Tensors("finetune/macro_f1_test/first")
    assert [point.step for point in points] == expected
