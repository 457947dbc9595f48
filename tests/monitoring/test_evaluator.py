import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import confusion_matrix, f1_score

from byel_tf.data.pipeline import evaluation_data
from byel_tf.monitoring.evaluator import Evaluator


def classify(images):
    """Logits of two classes: dark and bright."""
    brightness = tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3)) / 255
    return tf.stack([0.5 - brightness, brightness - 0.5], axis=1)


@pytest.fixture
def pictures(rng):
    """Brightness and label of each; some have no label."""
    labels = [0, 1, 1, 0, -1, 0, 1, 0, -1, 1, 1, 0, 0]
    return [(int(rng.integers(256)), label) for label in labels]


def evaluated(strategy, dataset, times=1):
    evaluate = Evaluator(strategy, classify, 2)
    data = evaluation_data(dataset, "test", image_size=16, batch_size=4)
    return [evaluate(data) for _ in range(times)][-1]


def test_labelled_images_are_counted_once(prepare_brightness, pictures):
    dataset = prepare_brightness(test=pictures)
    counts = evaluated(tf.distribute.get_strategy(), dataset, times=2)
    labelled = [picture for picture in pictures if picture[1] >= 0]
    assert len(labelled) % 4  # the last batch is filled up
    labels = [label for _, label in labelled]
    predicted = [int(brightness > 127) for brightness, _ in labelled]
    np.testing.assert_array_equal(counts.confusion, confusion_matrix(labels, predicted))
    expected = f1_score(labels, predicted, average="macro")
    assert counts.macro_f1 == pytest.approx(expected)
    np.testing.assert_array_equal(counts.thresholds.sum(axis=0), len(labelled))
    hits, false_alarms, rejections, misses = counts.thresholds[:, 1, 50]  # from ½ on
    np.testing.assert_array_equal(
        [[rejections, false_alarms], [misses, hits]], counts.confusion
    )


def test_two_replicas_count_as_one_device(prepare_brightness, pictures, two_replicas):
    dataset = prepare_brightness(test=pictures)
    single = evaluated(tf.distribute.get_strategy(), dataset)
    mirrored = evaluated(two_replicas, dataset)
    assert single.macro_f1 == mirrored.macro_f1
    np.testing.assert_array_equal(single.confusion, mirrored.confusion)
    np.testing.assert_array_equal(single.thresholds, mirrored.thresholds)


def test_classes_that_a_data_set_has_not_are_no_answers(prepare_brightness, pictures):
    dataset = prepare_brightness(test=pictures)

    def with_neutral(images):
        dark, bright = tf.unstack(classify(images), axis=1)
        return tf.stack([bright, 9 + 0 * dark, dark], axis=1)

    evaluate = Evaluator(tf.distribute.get_strategy(), with_neutral, 3)
    data = evaluation_data(dataset, "test", image_size=16, batch_size=4, labels=(2, 0))
    counts, plain = evaluate(data), evaluated(tf.distribute.get_strategy(), dataset)
    assert counts.macro_f1 == plain.macro_f1
    np.testing.assert_array_equal(counts.confusion[[2, 0]][:, [2, 0]], plain.confusion)
    assert counts.confusion.sum() == plain.confusion.sum()
