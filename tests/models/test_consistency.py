"""FixMatch: sure answers to weak views are the labels of strong ones."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.views import ready_views
from byel_tf.models.consistency import Consistency
from tests.models import byel_numpy
from tests.models.stepping import make_batch

WEAK = np.array([[4.0, 0, 0], [0, 1, 0], [0, 0, 5], [9, 0, 0]])
STRONG = np.array([[1.0, 0, 2], [0, 1, 0], [1, 2, 0], [-1, 0, 0]])
WEIGHT = np.array([0.2, 0.3, 0.1, 0.0])


def test_loss_is_that_of_the_formula_and_no_gradient_reaches_the_weak_view():
    weak, strong = (tf.constant(x, tf.float32) for x in (WEAK, STRONG))
    batch = {"weight": tf.constant(WEIGHT, tf.float32)}
    with tf.GradientTape() as tape:
        tape.watch([weak, strong])
        loss, scalars = Consistency(2.0, 0.9).loss(weak, strong, batch)
    losses = byel_numpy.cross_entropy(STRONG, np.array([0, 1, 2, 0]))
    is_sure = np.array([1, 0, 1, 1])  # softmax of 4 against 0 and 0 is 0.965
    expected = (WEIGHT * is_sure * losses).sum()
    assert float(loss) == pytest.approx(2 * expected, rel=1e-5)
    assert float(scalars["consistency_loss"]) == pytest.approx(expected / 0.6, rel=1e-5)
    assert float(scalars["sure_share"]) == pytest.approx(0.3 / 0.6)
    of_weak, of_strong = tape.gradient(loss, [weak, strong])
    assert of_weak is None
    assert (np.abs(of_strong).max(axis=1) > 0).tolist() == [True, False, True, False]


def test_all_images_teach_the_classifier_though_few_are_labelled(make_classifier):
    sure = Consistency(1.0, 0.0)
    model = make_classifier(
        dropout=0.0, action_unit_head=None, consistency=sure, make_views=ready_views
    )
    batch = make_batch(1, 6)
    batch["label_weight"] = tf.constant([0, 1.0, 0, 0, 0, 0])
    gradients, scalars, _ = model.loss_and_gradients(batch, tf.constant(1.0))
    assert set(scalars) | {"gradient_norm"} == set(model.means)
    weak, strong = (
        np.asarray(model.encoder(view, training=True), np.float64)
        for view in tf.unstack(batch["views"], axis=1)
    )
    kernel, bias = (v.astype(np.float64) for v in model.head.get_weights())
    answers = (weak @ kernel + bias).argmax(axis=1)
    labels = batch["label"].numpy()

    def total(kernel):
        supervised = byel_numpy.cross_entropy(weak @ kernel + bias, labels)[1]
        others = byel_numpy.cross_entropy(strong @ kernel + bias, answers)
        return supervised + others.mean()

    assert float(scalars["loss"]) == pytest.approx(total(kernel), rel=1e-4)
    found = dict(zip([id(v) for v in model.learned_variables], gradients, strict=True))
    oracle = byel_numpy.gradient(total, kernel)
    np.testing.assert_allclose(
        found[id(model.head.kernel)], oracle, rtol=2e-3, atol=1e-5
    )
