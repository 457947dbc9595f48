"""Joint training: the losses of fine-tuning and of BYEL on the same passes."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.dropout import record_dropout
from tests.models import byel_numpy
from tests.models.stepping import make_batch

ONE = tf.constant(1.0)


def float64(values):
    return [np.asarray(value, np.float64) for value in values]


@pytest.mark.parametrize("has_movements", [False, True])
@pytest.mark.parametrize("is_partly_labelled", [False, True])
def test_losses_are_those_of_both_stages(
    make_classifier, has_movements, is_partly_labelled
):
    model = make_classifier(is_joint=True, has_movements=has_movements)
    parts, batch = model.bootstrap, make_batch(1, 6)
    batch["weight"] = tf.constant([0.1, 0.2, 0.05, 0.0, 0.15, 0.1])
    labelled, share = batch["weight"], 0.6
    if is_partly_labelled:
        labelled = batch["label_weight"] = tf.constant([0, 0.5, 0, 0, 0.25, 0])
        share = 0.75
    view_1, view_2 = tf.unstack(batch["views"], axis=1)
    target = parts.target(view_2, training=True)
    representation = model.encoder(view_1, training=True)
    prediction = parts.predictor(
        parts.projector(representation, training=True), training=True
    )
    target, representation, prediction = float64((target, representation, prediction))
    emotions = float64(v for v in parts.emotion_classifier.trainable_variables)
    head = float64(model.action_unit_head.get_weights())
    movements = None
    if has_movements:
        (movements,) = float64(parts.movement_vectors.get_weights())

    def terms(shift=0.0, emotions=emotions, movements=movements):
        return byel_numpy.byel_terms(
            [prediction + shift],
            [target],
            [representation],
            emotions,
            head,
            batch,
            is_subtracted=not has_movements,
            movement_vectors=movements,
        )

    def total(**changed):
        added = terms(**changed)
        names = ("bootstrap_loss", "classification_loss", "orthonormality_penalty")
        return sum(added[name] for name in names)

    kernel, bias = float64(model.head.get_weights())
    factors = record_dropout(tf.ones([6, 6]), batch["key"], 0.5).numpy()
    logits = representation * factors @ kernel + bias
    losses = byel_numpy.cross_entropy(logits, batch["label"].numpy())
    classification = (np.asarray(labelled, np.float64) * losses).sum()
    added = terms()
    expected = {
        "bootstrap_loss": added["bootstrap_loss"] / 0.6,
        "cosine_1_to_2": added["cosine_1_to_2"] / 0.6,
        "orthonormality_penalty": added["orthonormality_penalty"] / 0.6,
        "emotion_loss": added["classification_loss"] / share,
        "action_unit_loss": added["action_unit_loss"] / share,
        "classification_loss": classification / share,
        "loss": (classification + 0.7 * added["action_unit_loss"] + total()) / 0.6,
    }
    gradients, scalars, _ = model.loss_and_gradients(batch, tf.constant(8.0))
    assert set(scalars) | {"gradient_norm"} == set(model.means)
    assert {n: float(v) for n, v in scalars.items()} == pytest.approx(
        expected, rel=1e-4
    )
    found = {
        id(variable): gradient.numpy() / 8.0
        for variable, gradient in zip(model.learned_variables, gradients, strict=True)
    }

    def compare(variable, function, point):
        oracle = byel_numpy.gradient(function, point)
        assert np.abs(oracle).max() > 1e-3
        np.testing.assert_allclose(found[id(variable)], oracle, rtol=2e-3, atol=2e-5)

    bias = parts.predictor.output_layer.bias
    compare(bias, lambda shift: total(shift=shift), np.zeros(bias.shape))
    vectors = parts.emotion_classifier.emotion_vectors
    compare(vectors, lambda w: total(emotions=[w, *emotions[1:]]), emotions[0])
    if has_movements:
        vectors = parts.movement_vectors.movement_vectors
        compare(vectors, lambda value: total(movements=value), movements)


def test_gradients_reach_all_that_learns_and_no_target(make_classifier):
    model = make_classifier(is_joint=True)
    targets = {id(v) for v in model.bootstrap.target.variables}
    assert not targets & {id(v) for v in model.learned_variables}
    gradients, _, _ = model.loss_and_gradients(make_batch(1, 6), ONE)
    for variable, gradient in zip(model.learned_variables, gradients, strict=True):
        assert np.abs(gradient.numpy()).max() > 0, variable.name


def test_classifier_begins_and_is_exported_as_without_bootstrapping(make_classifier):
    joint = make_classifier(is_joint=True, is_scattered=False)
    plain = make_classifier(is_scattered=False)
    ours = joint.inference_network.get_weights()
    for one, other in zip(ours, plain.inference_network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    followed = joint.encoder.get_weights() + joint.bootstrap.projector.get_weights()
    for one, other in zip(joint.bootstrap.target.get_weights(), followed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_average_and_target_follow_each_with_its_momentum(stepper):
    step = stepper("joint", 1)
    model, parts = step.model, step.model.bootstrap
    for k in range(2):
        pairs = {
            0.5 + 0.125 * k: (
                parts.target.trainable_variables,
                model.encoder.trainable_variables + parts.projector.trainable_variables,
            ),
            min(0.2, (1 + k) / (10 + k)): (
                model.averaged.trainable_variables,
                model.network.trainable_variables,
            ),
        }
        before = {m: [v.numpy() for v in pair[0]] for m, pair in pairs.items()}
        step(make_batch(k, 8))
        for momentum, (followers, learned) in pairs.items():
            for old, follower, new in zip(
                before[momentum], followers, learned, strict=True
            ):
                expected = momentum * old + (1 - momentum) * new.numpy()
                np.testing.assert_allclose(follower, expected, rtol=1e-5, atol=1e-6)
