import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.compat import keras
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.dropout import record_dropout
from byel_tf.models.encoders import Encoder
from tests.models import byel_numpy
from tests.models.conftest import first_view
from tests.models.stepping import (
    CLASSES,
    Stepper,
    assert_close,
    assert_same,
    joined,
    make_batch,
)

ONE = tf.constant(1.0)


def values(network):
    return [variable.numpy() for variable in network.weights]


def test_learns_a_batch_by_heart(stepper):
    step, batch = stepper("classifier", 1), make_batch(1, 8)
    first = step(batch)["loss"]
    for _ in range(100):
        step.model.reset_metrics()
        last = step(batch)["loss"]
    assert last < 0.7 * first


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.0},
        {"dropout": 0.5, "label_smoothing": 0.3, "class_weights": [0.5, 2.0, 1.25]},
        {"dropout": 0.5, "action_unit_head": None},
    ],
)
def test_loss_and_gradients_are_those_of_the_formulas(make_classifier, options):
    model = make_classifier(**options)
    batch = make_batch(1, 6)
    batch["weight"] = tf.constant([0.1, 0.2, 0.05, 0.0, 0.15, 0.1])
    weight = np.asarray(batch["weight"], np.float64)
    labels = batch["label"].numpy()
    representation = np.asarray(
        model.encoder(first_view(batch)[0], training=True), np.float64
    )
    factors = record_dropout(tf.ones([6, 6]), batch["key"], options["dropout"]).numpy()
    class_weights = np.array(options.get("class_weights", [1.0] * CLASSES))

    def classification(kernel, bias):
        losses = byel_numpy.cross_entropy(
            representation * factors @ kernel + bias,
            labels,
            options.get("label_smoothing", 0.0),
        )
        return (weight * class_weights[labels] * losses).sum()

    kernel, bias = (v.astype(np.float64) for v in model.head.get_weights())
    expected = {"loss": classification(kernel, bias)}
    if model.action_unit_head is not None:
        # The action units are told from the whole representation.
        a, b = model.action_unit_head.get_weights()
        losses = byel_numpy.huber(representation @ a + b, batch["action_units"].numpy())
        expected["classification_loss"] = expected["loss"]
        expected["action_unit_loss"] = (weight * losses).sum()
        expected["loss"] += 0.7 * expected["action_unit_loss"]
    gradients, scalars, _ = model.loss_and_gradients(batch, tf.constant(8.0))
    assert set(scalars) == set(expected)
    for name, value in scalars.items():
        assert float(value) == pytest.approx(expected[name] / 0.6, rel=1e-4), name
    found = {
        id(variable): gradient.numpy() / 8.0
        for variable, gradient in zip(model.learned_variables, gradients, strict=True)
    }
    oracle = byel_numpy.gradient(lambda value: classification(value, bias), kernel)
    np.testing.assert_allclose(
        found[id(model.head.kernel)], oracle, rtol=2e-3, atol=1e-5
    )


def test_dropout_is_decided_by_keys_alone(make_classifier):
    model, batch = make_classifier(), make_batch(1)
    _, _, first = model.loss_and_gradients(batch, ONE)
    _, _, again = model.loss_and_gradients(batch, ONE)
    np.testing.assert_array_equal(first, again)
    others = {**batch, "key": make_batch(2)["key"]}
    _, _, other = model.loss_and_gradients(others, ONE)
    assert np.abs(first - other).max() > 1e-3


def test_a_replica_of_mere_filling_changes_nothing(stepper):
    one, two = stepper("classifier", 1), stepper("classifier", 2)
    half = make_batch(1, 4, total=8)
    whole = joined(half, half)
    filling = {**whole, "weight": tf.zeros([8])}
    whole["weight"] = tf.fill([8], 1 / 8)
    expected = one(whole)
    logs = two(whole, filling)
    assert logs == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for ours, theirs in zip(
        two.model.learned_variables, one.model.learned_variables, strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)
    for copies in two.state():
        assert np.isfinite(copies).all()


@pytest.mark.parametrize("name", ["classifier", "joint"])
def test_two_replicas_learn_what_one_does(stepper, name):
    # Each replica's batch-norm statistics are those of the whole batch when both
    # have the same half.
    one, two = stepper(name, 1), stepper(name, 2)
    for seed in range(3):
        half = make_batch(seed, 4, total=8)
        expected = one(joined(half, half))
        logs = two(half, half)
    assert logs == pytest.approx(expected, rel=1e-3, abs=1e-5)
    # Moving variances are those of samples: of fewer images they are a bit larger.
    assert_close(two.weights(), one.weights(), rtol=5e-3, atol=1e-4)


def test_compiled_step_gives_the_same_on_two_replicas(
    stepper, make_classifier, two_replicas
):
    shares = [make_batch(seed, 4, total=8) for seed in (1, 2)]
    plain = stepper("classifier", 2)
    with two_replicas.scope():
        compiled = Stepper(make_classifier(jit_compile=True))
    assert compiled(*shares) == pytest.approx(plain(*shares), rel=1e-3, abs=1e-5)
    assert_close(compiled.weights(), plain.weights(), rtol=1e-2, atol=1e-4)
    # Each replica's passes are XLA's, and nothing else is.
    nodes = compiled.graph(*shares).as_graph_def().node
    assert sum(node.attr["_XlaMustCompile"].b for node in nodes) == 2


def test_action_units_are_learned_in_training_only(make_classifier):
    model, plain = make_classifier(), make_classifier(action_unit_head=None)
    gradients, _, _ = model.loss_and_gradients(make_batch(1), ONE)
    for variable, gradient in zip(model.learned_variables, gradients, strict=True):
        assert np.abs(gradient.numpy()).max() > 0, variable.name
    assert len(model.learned_variables) == len(plain.learned_variables) + 2
    assert len(model.inference_network.weights) == len(plain.network.weights)


def test_average_begins_as_a_copy_and_learns_nothing_itself(make_classifier):
    model = make_classifier(is_scattered=False)
    assert_same(values(model.averaged), values(model.network))
    averaged = {id(v) for v in model.averaged.weights}
    assert not averaged & {id(v) for v in model.learned_variables}


def test_average_follows_weights_and_statistics(stepper):
    step = stepper("classifier", 1)
    model = step.model
    expected = values(model.averaged)
    for k in range(5):
        step(make_batch(k, 8))
        momentum = min(0.2, (1 + k) / (10 + k))
        expected = [
            momentum * average + (1 - momentum) * value
            for average, value in zip(expected, values(model.network), strict=True)
        ]
    assert_close(values(model.averaged), expected, rtol=1e-5, atol=1e-6)
    for average, now in zip(expected, values(model.network), strict=True):
        assert np.abs(average - now).max() > 1e-6  # all of them move, statistics too


def test_averaging_does_not_change_what_is_learned(stepper, make_classifier):
    averaging, plain = (
        stepper("classifier", 1),
        Stepper(make_classifier(weight_ema=0.0)),
    )
    for seed in range(3):
        averaging(make_batch(seed, 8))
        plain(make_batch(seed, 8))
    assert plain.model.averaged is None
    assert plain.model.inference_network is plain.model.network
    assert_same(values(averaging.model.network), values(plain.model.network))


def test_validation_uses_the_average(stepper):
    model, batch = stepper("classifier", 1).model, make_batch(1, 30)
    rng = np.random.default_rng(0)
    head = model.averaged.head
    head.kernel.assign(rng.normal(size=head.kernel.shape))
    images = tf.cast(batch["image"], tf.float32) / 255.0
    scores = {
        network: f1_score(
            batch["label"], network(images)[1].numpy().argmax(1), average="macro"
        )
        for network in (model.network, model.averaged)
    }
    assert scores[model.averaged] != pytest.approx(scores[model.network])
    assert model.test_step(batch) == {}
    found = model.macro_f1.result().numpy()
    assert found == pytest.approx(scores[model.averaged], rel=1e-6)


def test_integers_among_the_weights_are_not_averaged():
    """As in the normalisation within the EfficientNets of keras.applications."""

    def build():
        layers = [keras.layers.Normalization(), keras.layers.GlobalAveragePooling2D()]
        encoder = Encoder(lambda images: images, keras.Sequential(layers), 3)
        encoder.build((None, 16, 16, 3))
        return encoder

    model = ExpressionClassifier(
        build(), CLASSES, first_view, build_averaged_encoder=build, weight_ema=0.9
    )
    assert any(v.dtype.is_integer for v in model.averaged.weights)
    model.compile("sgd")
    assert Stepper(model)(make_batch(1, 2))["bad_steps"] == 0


def test_outputs_are_means_over_both_mirror_images(make_classifier):
    options = {"weight_ema": 0.0}
    plain = make_classifier(**options)
    averaging = make_classifier(flip_average=True, **options)
    (images,) = first_view(make_batch(1, 5))
    outputs = [plain(i) for i in (images, images[:, :, ::-1])]
    for ours, first, second in zip(averaging(images), *outputs, strict=True):
        assert np.abs(first - second).max() > 1e-4
        np.testing.assert_allclose(ours, (first + second) / 2, atol=1e-6)


def test_dropout_is_off_outside_training(make_classifier):
    model = make_classifier(dropout=0.9)
    (images,) = first_view(make_batch(1, 3))
    representation, logits = model(images)
    expected = model.averaged.head(representation)
    np.testing.assert_array_equal(logits, expected)
