import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models import byel as byel_module
from byel_tf.training.build import build_byel, compile_model

TAU = 0.75
CLASSES = 3
UNITS = 4


def two_views(batch):
    image = tf.cast(batch["image"], tf.float32) / 255.0
    return image, tf.reverse(image, axis=[2])


def make_batch(rng, size):
    return {
        "image": tf.constant(rng.integers(256, size=(size, 16, 16, 3)), tf.uint8),
        "label": tf.constant(rng.integers(CLASSES, size=size), tf.int32),
        "weight": tf.fill([size], 1.0 / size),
        "action_units": tf.constant(rng.uniform(0, 2, size=(size, UNITS)), tf.float32),
    }


@pytest.fixture
def make_model(tiny_encoder):
    def make(precision="float32", num_classes=CLASSES, **options):
        keras.utils.set_random_seed(3)
        model = build_byel(
            tiny_encoder,
            two_views,
            num_classes=num_classes,
            projection_size=8,
            hidden_size=16,
            target_momentum=lambda step: tf.constant(TAU),
            **{"subtraction": num_classes is not None, **options},
        )
        compile_model(model, keras.optimizers.SGD(0.1), precision)
        return model

    return make


def values(variables):
    return [v.numpy() for v in variables]


def step_once(model, batch):
    return {k: float(v) for k, v in tf.function(model.train_step)(batch).items()}


def step_on_replicas(strategy, model, batches):
    """One step with one given batch a replica."""
    replica_batches = strategy.experimental_distribute_values_from_function(
        lambda context: batches[context.replica_id_in_sync_group]
    )

    @tf.function
    def step(batch):
        return strategy.run(model.train_step, args=(batch,))

    return {
        name: float(strategy.experimental_local_results(value)[0])
        for name, value in step(replica_batches).items()
    }


def test_target_starts_as_a_copy_of_the_online_network(make_model):
    model = make_model()
    for target, online in zip(
        values(model.target.variables),
        values([*model.online.encoder.variables, *model.online.projector.variables]),
        strict=True,
    ):
        np.testing.assert_array_equal(target, online)


def test_target_follows_the_online_network_after_the_optimizer(rng, make_model):
    model = make_model()
    before = values(model.target.trainable_variables)
    step_once(model, make_batch(rng, 6))
    after = values(model.online.averaged_variables)
    assert any(np.abs(a - b).max() > 1e-6 for a, b in zip(after, before, strict=True))
    for target, old, new in zip(
        values(model.target.trainable_variables), before, after, strict=True
    ):
        np.testing.assert_allclose(target, TAU * old + (1 - TAU) * new, atol=1e-6)


def test_statistics_of_batch_norm_belong_to_one_view_and_one_network(rng, make_model):
    model = make_model()
    batch = make_batch(rng, 6)
    views = two_views(batch)
    stem = model.online.encoder.backbone.get_layer("stem")
    means = [
        tf.reduce_mean(stem(model.online.encoder.standardize(v)), axis=(0, 1, 2))
        for v in views
    ]
    step_once(model, batch)
    for network in (model.online, model.target):
        expected = 0.9 * (0.9 * 0 + 0.1 * means[0]) + 0.1 * means[1]
        moving_mean = network.encoder.backbone.get_layer("stem_norm").moving_mean
        np.testing.assert_allclose(moving_mean, expected, rtol=1e-4, atol=1e-6)


def test_reported_losses_are_those_of_the_formulas(rng, make_model):
    model = make_model()
    batch = make_batch(rng, 6)
    # The forward passes once more, by hand, on a twin with the same weights.
    twin = make_model()
    view_1, view_2 = two_views(batch)
    z1, z2 = (twin.target(v, training=True).numpy() for v in (view_1, view_2))
    _, p1 = twin.online(view_1, training=True)
    _, p2 = twin.online(view_2, training=True)
    w = twin.emotion_classifier.emotion_vectors.numpy()
    labels = batch["label"].numpy()

    def unit(x):
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def subtracted(p):
        return p - np.linalg.norm(p, axis=1, keepdims=True) * w[:, labels].T

    def cross_entropy(p):
        logits = p @ w
        logits = (logits - logits.mean(0)) / np.sqrt(logits.var(0) + 1e-5)
        log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -log_softmax[np.arange(len(labels)), labels].mean()

    p1, p2 = p1.numpy(), p2.numpy()
    bootstrap = np.mean(
        4
        - 2 * (unit(subtracted(p1)) * unit(z2)).sum(1)
        - 2 * (unit(subtracted(p2)) * unit(z1)).sum(1)
    )
    classification = cross_entropy(p1) + cross_entropy(p2)
    penalty = np.abs(np.eye(CLASSES) - w.T @ w).sum()
    logs = step_once(model, batch)
    assert logs["bootstrap_loss"] == pytest.approx(bootstrap, rel=1e-4)
    assert logs["classification_loss"] == pytest.approx(classification, rel=1e-4)
    assert logs["orthonormality_penalty"] == pytest.approx(penalty, abs=1e-5)
    assert logs["loss"] == pytest.approx(bootstrap + classification + penalty, rel=1e-4)


@pytest.mark.parametrize("num_classes", [CLASSES, None])
def test_action_units_are_told_from_both_representations(rng, make_model, num_classes):
    options = {"num_action_units": UNITS, "action_unit_weight": 0.7}
    options["num_classes"] = num_classes
    batch = make_batch(rng, 6)
    twin = make_model(**options)
    kernel, bias = twin.action_unit_head.get_weights()
    expected = 0
    for view in two_views(batch):
        representation = twin.online.encoder(view, training=True).numpy()
        error = np.abs(representation @ kernel + bias - batch["action_units"])
        expected += np.where(error < 1, error**2 / 2, error - 0.5).mean()
    logs = step_once(make_model(**options), batch)
    assert logs["action_unit_loss"] == pytest.approx(expected, rel=1e-4)
    total = 0.7 * expected + sum(
        logs.get(name, 0)
        for name in ("bootstrap_loss", "classification_loss", "orthonormality_penalty")
    )
    assert logs["loss"] == pytest.approx(total, rel=1e-5)


def test_labels_are_smoothed(rng, make_model):
    batch = make_batch(rng, 6)
    twin = make_model()
    target = 0.6 * np.eye(CLASSES)[batch["label"]] + 0.4 / CLASSES
    expected = 0
    for view in two_views(batch):
        _, prediction = twin.online(view, training=True)
        logits = twin.emotion_classifier(prediction, training=True)
        expected -= (target * tf.nn.log_softmax(logits).numpy()).sum(1).mean()
    logs = step_once(make_model(label_smoothing=0.4), batch)
    assert logs["classification_loss"] == pytest.approx(expected, rel=1e-4)
    assert logs["classification_loss"] != pytest.approx(
        step_once(make_model(), batch)["classification_loss"], rel=1e-3
    )


@pytest.mark.parametrize(
    "weights",
    [{"bootstrap_weight": 0.0}, {"classification_weight": 0.5}],
)
def test_weights_scale_their_terms(rng, weights, make_model):
    model = make_model(**weights)
    logs = step_once(model, make_batch(rng, 6))
    expected = (
        weights.get("bootstrap_weight", 1) * logs["bootstrap_loss"]
        + weights.get("classification_weight", 1) * logs["classification_loss"]
        + logs["orthonormality_penalty"]
    )
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_gradients_reach_every_learned_variable_and_no_target(rng, make_model):
    model = make_model(num_action_units=UNITS)
    targets = {id(v) for v in model.target.variables}
    assert not targets & {id(v) for v in model.learned_variables}
    gradients, _, _ = model._compute_gradients(make_batch(rng, 6), tf.constant(1.0))
    for variable, gradient in zip(model.learned_variables, gradients, strict=True):
        assert np.abs(gradient.numpy()).max() > 0, variable.name


def test_byol_is_byel_without_emotions(rng, make_model):
    model = make_model(num_classes=None)
    logs = step_once(model, make_batch(rng, 6))
    assert "classification_loss" not in logs and "macro_f1" not in logs
    assert logs["loss"] == logs["bootstrap_loss"]


def test_subtraction_without_vectors_is_refused(make_model):
    model = make_model(num_classes=None)
    with pytest.raises(ValueError, match="emotion_classifier=None"):
        byel_module.BYEL(
            model.online, model.target, two_views, None, subtract=lambda *_: None
        )


def test_two_replicas_learn_what_one_does(rng, two_replicas, make_model):
    # Each replica's batch-norm statistics are those of the whole batch when both
    # have the same half.
    half = make_batch(rng, 4)
    whole = {k: tf.concat([v, v], 0) for k, v in half.items()}
    whole["weight"] = tf.fill([8], 1 / 8)
    half["weight"] = tf.fill([4], 1 / 8)
    single = make_model(num_action_units=UNITS)
    expected = step_once(single, whole)
    with two_replicas.scope():
        model = make_model(num_action_units=UNITS)
    logs = step_on_replicas(two_replicas, model, [half, half])
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, rel=2e-4, abs=1e-5), name
    for ours, theirs in zip(model.variables, single.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-4)


def test_logs_are_means_over_replicas(rng, two_replicas, make_model):
    batches = [make_batch(rng, 4), make_batch(rng, 4)]
    for batch in batches:
        batch["weight"] = tf.fill([4], 1 / 8)
    alone = [step_once(make_model(), batch) for batch in batches]
    with two_replicas.scope():
        model = make_model()
    logs = step_on_replicas(two_replicas, model, batches)
    mean = (alone[0]["bootstrap_loss"] + alone[1]["bootstrap_loss"]) / 2
    assert alone[0]["bootstrap_loss"] != pytest.approx(alone[1]["bootstrap_loss"])
    assert logs["bootstrap_loss"] == pytest.approx(mean, rel=1e-4)


def test_compiled_step_gives_the_same(rng, make_model):
    batch = make_batch(rng, 4)
    plain, compiled = make_model(), make_model(jit_compile=True)
    logs = step_once(compiled, batch)
    expected = step_once(plain, batch)
    for name in ("loss", "bootstrap_loss", "gradient_norm"):
        assert logs[name] == pytest.approx(expected[name], rel=1e-3)
    graph = tf.function(compiled.train_step).get_concrete_function(batch).graph
    marked = [
        node for node in graph.as_graph_def().node if node.attr["_XlaMustCompile"].b
    ]
    assert marked, "no part of the step is marked for XLA"


def test_compiled_step_runs_on_two_replicas(rng, two_replicas, make_model):
    batches = [make_batch(rng, 4), make_batch(rng, 4)]
    with two_replicas.scope():
        model = make_model(jit_compile=True)
    assert np.isfinite(step_on_replicas(two_replicas, model, batches)["loss"])


def test_moving_average_adds_no_traffic_between_replicas(
    rng, two_replicas, monkeypatch, make_model
):
    batch = make_batch(rng, 4)

    def count_reductions():
        with two_replicas.scope():
            model = make_model()

        @tf.function
        def step():
            two_replicas.run(model.train_step, args=(batch,))

        nodes = step.get_concrete_function().graph.as_graph_def().node
        return sum(
            n.op in ("AddN", "CollectiveReduceV2", "NcclAllReduce") for n in nodes
        )

    with_average = count_reductions()
    monkeypatch.setattr(byel_module, "update_moving_average", lambda *_: None)
    assert with_average == count_reductions() > 0


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_losses_in_float32(rng, make_model, precision):
    batch = make_batch(rng, 6)
    expected = step_once(make_model(), batch)
    keras.mixed_precision.set_global_policy(precision)
    try:
        model = make_model(precision=precision)
        before = values(model.learned_variables)
        logs = step_once(model, batch)
        # Loss scaling may skip its first steps while it finds its scale.
        step = tf.function(model.train_step)
        for _ in range(12):
            assert all(np.isfinite(float(v)) for v in step(batch).values())
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert {v.dtype for v in model.learned_variables} == {tf.float32}
    assert logs["loss"] == pytest.approx(expected["loss"], rel=0.05)
    after = values(model.learned_variables)
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True))


def test_validation_uses_moving_statistics_and_changes_nothing(rng, make_model):
    model = make_model()
    before = values(model.variables)
    batch = make_batch(rng, 5)
    logs = tf.function(model.test_step)(batch)
    assert set(logs) == {"macro_f1"}
    confusion = {id(model.macro_f1.confusion)}
    for variable, old in zip(model.variables, before, strict=True):
        if id(variable) not in confusion:
            np.testing.assert_array_equal(variable.numpy(), old)
