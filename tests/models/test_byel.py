import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.compat import keras
from byel_tf.models.byel import BYEL, ONE_WAY
from tests.models import byel_numpy
from tests.models.stepping import (
    CLASSES,
    Stepper,
    assert_close,
    assert_same,
    joined,
    make_batch,
)

ONE = tf.constant(1.0)


def values(variables):
    return [variable.numpy() for variable in variables]


def float64(tensors):
    return [np.asarray(tensor, np.float64) for tensor in tensors]


def uneven_batch(seed=1):
    """A replica's share: its weights are unlike, do not add up to 1, and one is 0."""
    batch = make_batch(seed, 6)
    return {**batch, "weight": tf.constant([0.1, 0.2, 0.05, 0.0, 0.15, 0.1])}


def test_target_starts_as_a_copy_of_the_online_network(make_byel):
    model = make_byel(is_scattered=False)
    followed = [*model.online.encoder.variables, *model.online.projector.variables]
    assert_same(values(model.target.variables), values(followed))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "bootstrap_weight": 0.5,
            "classification_weight": 0.25,
            "orthonormality_weight": 0.3,
            "action_unit_weight": 0.7,
            "label_smoothing": 0.4,
            "class_weights": [0.5, 2.0, 1.25],
        },
        {"is_subtracted": False, "label_smoothing": 0.2},
        {"has_emotions": False, "action_unit_weight": 0.7},
        {"is_partly_labelled": True},
        {"directions": ONE_WAY, "is_subtracted": False, "has_movements": True},
    ],
)
def test_losses_and_gradients_are_those_of_the_formulas(make_byel, options):
    options = dict(options)
    is_partly_labelled = options.pop("is_partly_labelled", False)
    model, batch = make_byel(**options), uneven_batch()
    if is_partly_labelled:
        batch["label_weight"] = tf.constant([0.0, 0.5, 0.0, 0.0, 0.25, 0.0])
    views = tf.unstack(batch["views"], axis=1)
    is_one_way = "directions" in options
    seen, predicted = (views[1:], views[:1]) if is_one_way else (views, views)
    targets = float64(model.target(view, training=True) for view in seen)
    representations = [model.online.encoder(v, training=True) for v in predicted]
    predictions = float64(
        model.online.project(r, training=True)[1] for r in representations
    )
    representations = float64(representations)
    head = float64(model.action_unit_head.get_weights())
    emotions = None
    if model.emotion_classifier is not None:
        emotions = float64(values(model.emotion_classifier.trainable_variables))
    weights = {
        f"{name}": options.get(f"{option}_weight", 1.0)
        for name, option in {
            "bootstrap_loss": "bootstrap",
            "classification_loss": "classification",
            "orthonormality_penalty": "orthonormality",
            "action_unit_loss": "action_unit",
        }.items()
    }

    movements = None
    if options.get("has_movements"):
        (movements,) = float64(model.movement_vectors.get_weights())

    def terms(emotions=emotions, head=head, shift=0.0, movements=movements):
        return byel_numpy.byel_terms(
            [prediction + shift for prediction in predictions],
            targets,
            representations,
            emotions,
            head,
            batch,
            is_subtracted=options.get("is_subtracted", emotions is not None),
            smoothing=options.get("label_smoothing", 0.0),
            class_weights=options.get("class_weights"),
            movement_vectors=movements,
        )

    def total(**changed):
        found = terms(**changed)
        return sum(weights[name] * found[name] for name in weights if name in found)

    gradients, scalars, _, _ = model.loss_and_gradients(batch, tf.constant(8.0))
    expected = {**terms(), "loss": total()}
    assert set(scalars) == set(expected)
    of_labels = ("classification_loss", "action_unit_loss")
    for name, value in scalars.items():
        is_of_labels = is_partly_labelled and name in of_labels
        share = 0.75 if is_of_labels else 0.6
        assert float(value) == pytest.approx(expected[name] / share, rel=1e-4), name

    found = {
        id(variable): gradient.numpy() / 8.0
        for variable, gradient in zip(model.learned_variables, gradients, strict=True)
    }

    def compare(variable, function, point):
        oracle = byel_numpy.gradient(function, point)
        assert np.abs(oracle).max() > 1e-3
        np.testing.assert_allclose(found[id(variable)], oracle, rtol=2e-3, atol=2e-5)

    # A shift of all predictions is what the last bias of the predictor makes.
    bias = model.online.predictor.output_layer.bias
    compare(bias, lambda shift: total(shift=shift), np.zeros(bias.shape))
    for i, variable in enumerate(model.action_unit_head.trainable_variables):
        compare(
            variable,
            lambda value, i=i: total(head=[*head[:i], value, *head[i + 1 :]]),
            head[i],
        )
    if movements is not None:
        vectors = model.movement_vectors.movement_vectors
        compare(vectors, lambda value: total(movements=value), movements)
    if emotions is not None:
        for i, variable in enumerate(model.emotion_classifier.trainable_variables):
            compare(
                variable,
                lambda value, i=i: total(
                    emotions=[*emotions[:i], value, *emotions[i + 1 :]]
                ),
                emotions[i],
            )


def test_gradients_reach_every_learned_variable_and_no_target(make_byel):
    model = make_byel()
    targets = {id(v) for v in model.target.variables}
    assert not targets & {id(v) for v in model.learned_variables}
    gradients, _, _, _ = model.loss_and_gradients(make_batch(1, 6), ONE)
    for variable, gradient in zip(model.learned_variables, gradients, strict=True):
        assert np.abs(gradient.numpy()).max() > 0, variable.name


def test_statistics_of_batch_norm_belong_to_one_view_and_one_network(make_byel):
    model, batch = make_byel(), make_batch(1, 6)
    expected = {}
    for network in (model.online, model.target):
        stem = network.encoder.backbone.get_layer("stem")
        means = [
            tf.reduce_mean(stem(network.encoder.standardize(view)), axis=(0, 1, 2))
            for view in tf.unstack(batch["views"], axis=1)
        ]
        expected[network] = 0.9 * (0.1 * means[0]) + 0.1 * means[1]
    model.loss_and_gradients(batch, ONE)
    for network, mean in expected.items():
        moving_mean = network.encoder.backbone.get_layer("stem_norm").moving_mean
        np.testing.assert_allclose(moving_mean, mean, rtol=1e-4, atol=1e-6)


def test_target_follows_what_the_optimizer_made_with_the_momentum_of_the_step(
    stepper,
):
    step = stepper("byel", 1)
    target, online = step.model.target, step.model.online
    for k in range(3):
        before = values(target.trainable_variables)
        learned = values(online.averaged_variables)
        step(make_batch(k, 8))
        after = values(online.averaged_variables)
        assert any(np.abs(a - b).max() > 0 for a, b in zip(after, learned, strict=True))
        momentum = 0.5 + 0.125 * k
        expected = [
            momentum * old + (1 - momentum) * new
            for old, new in zip(before, after, strict=True)
        ]
        found = values(target.trainable_variables)
        assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_subtraction_without_vectors_is_refused(make_byel):
    model = make_byel(has_emotions=False)
    with pytest.raises(ValueError, match="emotion_classifier=None"):
        BYEL(model.online, model.target, None, None, subtract=lambda *_: None)


def test_byol_is_byel_without_emotions_and_labels(make_byel):
    model = make_byel(has_emotions=False, action_unit_head=None)
    batch = {**make_batch(1), "label": None, "action_units": None}
    _, scalars, _, logits = model.loss_and_gradients(batch, ONE)
    assert logits is None and scalars["loss"] == scalars["bootstrap_loss"]
    names = {metric.name for metric in model.metrics}
    assert not names & {"classification_loss", "macro_f1", "action_unit_loss"}


def test_each_view_learns_the_movements_of_its_own_picture(make_byel):
    model, batch = make_byel(), make_batch(1)
    first, second = batch["action_units"], make_batch(2)["action_units"]

    def loss(own, others=None):
        pair = {} if others is None else {"pair_action_units": others}
        taught = {**batch, "action_units": own, **pair}
        return float(model.loss_and_gradients(taught, ONE)[1]["action_unit_loss"])

    crossed = loss(first, second), loss(second, first)
    assert sum(crossed) == pytest.approx(loss(first) + loss(second), rel=1e-5)
    assert crossed[0] != pytest.approx(loss(first), rel=1e-3)


def test_two_replicas_learn_what_one_does(stepper):
    # Each replica's batch-norm statistics are those of the whole batch when both
    # have the same half.
    one, two = stepper("byel", 1), stepper("byel", 2)
    for seed in range(2):
        half = make_batch(seed, 4, total=8)
        expected = one(joined(half, half))
        logs = two(half, half)
    assert logs == pytest.approx(expected, rel=1e-3, abs=1e-5)
    # Moving variances are those of samples: of fewer images they are a bit larger.
    assert_close(two.weights(), one.weights(), rtol=5e-3, atol=1e-4)


def test_both_replicas_stay_alike_with_unlike_halves(stepper):
    two = stepper("byel", 2)
    for seed in (1, 3):
        two(make_batch(seed, 4, total=8), make_batch(seed + 1, 4, total=8))
    model = two.model
    for variable in [*model.learned_variables, *model.target.trainable_variables]:
        first, second = two.copies(variable)
        np.testing.assert_array_equal(first.numpy(), second.numpy(), variable.name)


def test_gradients_are_sums_and_logs_are_means_over_unlike_replicas(stepper, make_byel):
    shares = [make_batch(seed, 4, total=8) for seed in (1, 2)]
    alone = [make_byel().loss_and_gradients(share, ONE) for share in shares]
    two = stepper("byel", 2)
    before = values(two.model.learned_variables)
    logs = two(*shares)
    after = values(two.model.learned_variables)
    # The first step of SGD is the gradient times the learning rate.
    expected = [
        a.numpy() + b.numpy() for a, b in zip(*(a[0] for a in alone), strict=True)
    ]
    steps = [(old - new) / 0.1 for old, new in zip(before, after, strict=True)]
    assert_close(steps, expected, rtol=1e-3, atol=1e-4)
    norm = np.sqrt(sum((gradient.astype(float) ** 2).sum() for gradient in expected))
    assert logs["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    for name, first in alone[0][1].items():
        second = alone[1][1][name]
        mean = float(first + second) / 2
        assert logs[name] == pytest.approx(mean, rel=1e-4, abs=1e-6), name
    projections = np.concatenate([np.asarray(a[2], float) for a in alone])
    deviation = projections.std(axis=0).mean()
    assert logs["projection_deviation"] == pytest.approx(deviation, rel=1e-4)


def test_projection_deviation_leaves_filling_examples_out(stepper, make_byel):
    batch = make_batch(1, 8)
    batch["weight"] = tf.constant([0.2] * 5 + [0.0] * 3)
    _, _, directions, _ = make_byel().loss_and_gradients(batch, ONE)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-5)
    expected = np.asarray(directions, float)[:5].std(axis=0).mean()
    logs = stepper("byel", 1)(batch)
    assert logs["projection_deviation"] == pytest.approx(expected, rel=1e-4)


def test_macro_f1_of_training_is_that_of_the_first_view(stepper, make_byel):
    batch = make_batch(1, 8)
    _, _, _, logits = make_byel().loss_and_gradients(batch, ONE)
    expected = f1_score(batch["label"], np.argmax(logits, axis=1), average="macro")
    assert stepper("byel", 1)(batch)["macro_f1"] == pytest.approx(expected)


def test_compiled_step_gives_the_same(stepper, make_byel):
    batch, plain = make_batch(1, 8), stepper("byel", 1)
    compiled = Stepper(make_byel(jit_compile=True))
    assert compiled(batch) == pytest.approx(plain(batch), rel=1e-3, abs=1e-5)
    assert_close(compiled.weights(), plain.weights(), rtol=1e-2, atol=1e-4)
    nodes = compiled.graph(batch).as_graph_def().node
    assert sum(node.attr["_XlaMustCompile"].b for node in nodes) == 1


def test_mixed_precision_keeps_losses_in_float32(make_byel):
    batch = make_batch(1, 6)
    _, expected, _, _ = make_byel().loss_and_gradients(batch, ONE)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = make_byel()
        gradients, scalars, directions, logits = model.loss_and_gradients(batch, ONE)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert model.online.encoder.backbone.compute_dtype == "bfloat16"
    tensors = [*gradients, *scalars.values(), directions, logits]
    assert {tensor.dtype for tensor in tensors} == {tf.float32}
    assert {v.dtype for v in model.learned_variables} == {tf.float32}
    assert float(scalars["loss"]) == pytest.approx(float(expected["loss"]), rel=0.05)


def test_validation_uses_moving_statistics_and_changes_nothing(stepper):
    step = stepper("byel", 1)
    step(make_batch(1, 8))
    before = step.weights()
    batch = make_batch(2, 5)
    few = {name: value[:2] for name, value in batch.items()}
    np.testing.assert_allclose(
        step.model.classify(batch["image"])[:2],
        step.model.classify(few["image"]),
        atol=1e-4,
    )
    assert step.model.test_step(batch) == {}
    assert_same(step.weights(), before)


def test_classification_is_that_of_the_plain_prediction(stepper):
    model = stepper("byel", 1).model
    images = make_batch(2, 5)["image"]
    _, prediction = model.online(tf.cast(images, tf.float32) / 255.0)
    expected = model.emotion_classifier(prediction)
    np.testing.assert_allclose(model.classify(images), expected, rtol=1e-4, atol=1e-5)
    assert expected.shape == (5, CLASSES)


def test_byol_says_that_it_classifies_nothing(make_byel):
    byol = make_byel(has_emotions=False, is_subtracted=False)
    with pytest.raises(ValueError, match="emotion_classifier=None"):
        byol.classify(tf.zeros([1, 16, 16, 3], tf.uint8))
