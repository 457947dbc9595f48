import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.models.macro_f1 import MacroF1

CLASSES = 3


def score(labels, logits):
    return f1_score(labels, logits.argmax(1), average="macro", zero_division=0)


def draw(rng, count, present=(0, 1, 2)):
    labels = rng.choice(present, size=count)
    return labels, rng.normal(size=(count, CLASSES)) + 2 * np.eye(CLASSES)[labels]


@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2), (1,)])
def test_macro_f1_is_scikit_learns(rng, present):
    metric = MacroF1(CLASSES)
    labels, logits = draw(rng, 30, present)
    logits[:, 1] -= 1e3 * (1 not in present)
    for part in np.split(np.arange(30), 3):
        metric.update_state(tf.constant(labels[part]), tf.constant(logits[part]))
    assert metric.result().numpy() == pytest.approx(score(labels, logits), rel=1e-6)
    metric.reset_state()
    assert metric.result().numpy() == 0


def test_examples_without_weight_are_left_out_and_all_others_count_once(rng):
    metric = MacroF1(CLASSES)
    labels, logits = draw(rng, 30)
    weights = rng.choice([0.0, 0.01, 5.0], size=30)
    metric.update_state(
        tf.constant(labels), tf.constant(logits), tf.constant(weights, tf.float32)
    )
    counted = weights > 0
    expected = score(labels[counted], logits[counted])
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(score(labels, logits))


def test_macro_f1_is_that_of_all_replicas_counts(rng, two_replicas):
    with two_replicas.scope():
        metric = MacroF1(CLASSES)
    labels, logits = draw(rng, 30)
    split = 15

    def part(values):
        return two_replicas.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                np.split(values, [split])[context.replica_id_in_sync_group]
            )
        )

    @tf.function
    def step(labels, logits):
        two_replicas.run(metric.update_state, args=(labels, logits))

    step(part(labels), part(logits))
    assert metric.result().numpy() == pytest.approx(score(labels, logits), rel=1e-6)
