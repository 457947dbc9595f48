import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.compat import keras
from byel_tf.models import classifier as classifier_module
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.dropout import record_dropout
from byel_tf.models.encoders import Encoder
from byel_tf.models.heads import build_action_unit_head
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.training.build import compile_model

CLASSES = 3
UNITS = 4


def one_view(batch):
    return (tf.cast(batch["image"], tf.float32) / 255.0,)


def make_batch(rng, size, total=None):
    return {
        "image": tf.constant(rng.integers(256, size=(size, 16, 16, 3)), tf.uint8),
        "label": tf.constant(rng.integers(CLASSES, size=size), tf.int32),
        "weight": tf.fill([size], 1.0 / (total or size)),
        "key": tf.constant(rng.integers(1000, size=(size, 2)), tf.int64),
        "action_units": tf.constant(rng.uniform(0, 2, size=(size, UNITS)), tf.float32),
    }


@pytest.fixture
def make_model(tiny_encoder):
    def make(weight_ema=0.0, action_unit_weight=0.0, **options):
        keras.utils.set_random_seed(3)
        model = ExpressionClassifier(
            tiny_encoder(),
            CLASSES,
            one_view,
            build_averaged_encoder=tiny_encoder if weight_ema else None,
            weight_ema=weight_ema,
            action_unit_head=(
                build_action_unit_head(UNITS, 6) if action_unit_weight else None
            ),
            action_unit_weight=action_unit_weight,
            **options,
        )
        compile_model(model, keras.optimizers.SGD(0.1), "float32")
        return model

    return make


def values(network):
    return [v.numpy() for v in network.weights]


def step_on_replicas(strategy, model, batches):
    """One step with one given batch a replica; the logs."""
    replica_batches = strategy.experimental_distribute_values_from_function(
        lambda context: batches[context.replica_id_in_sync_group]
    )
    step = tf.function(lambda batch: strategy.run(model.train_step, args=(batch,)))
    return {
        name: float(strategy.experimental_local_results(value)[0])
        for name, value in step(replica_batches).items()
    }


def test_learns_a_batch_by_heart(rng, make_model):
    model = make_model(dropout=0.0)
    batch = make_batch(rng, 12)
    step = tf.function(model.train_step)
    first = float(step(batch)["loss"])
    for _ in range(150):
        model.reset_metrics()
        last = float(step(batch)["loss"])
    assert last < 0.5 * first


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_replica_of_mere_filling_changes_nothing(
    rng, two_replicas, jit_compile, make_model
):
    batch = make_batch(rng, 1)
    filling = {**batch, "weight": tf.zeros([1])}
    options = {"dropout": 0.5, "action_unit_weight": 0.7, "weight_ema": 0.9}
    single = make_model(**options)
    expected = tf.function(single.train_step)(batch)
    with two_replicas.scope():
        model = make_model(**options, jit_compile=jit_compile)
    logs = step_on_replicas(two_replicas, model, [batch, filling])
    for name in ("loss", "classification_loss", "action_unit_loss"):
        assert logs[name] == pytest.approx(float(expected[name]), rel=1e-4), name
    for ours, theirs in zip(
        model.learned_variables, single.learned_variables, strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)
    for variable in model.variables:
        for copy in two_replicas.experimental_local_results(variable):
            assert np.isfinite(copy.numpy()).all(), variable.name


def test_two_replicas_learn_what_one_does(rng, two_replicas, make_model):
    # Each replica's batch-norm statistics are those of the whole batch when both
    # have the same half.
    half = make_batch(rng, 4, total=8)
    whole = {k: tf.concat([v, v], 0) for k, v in half.items()}
    options = {"dropout": 0.5, "action_unit_weight": 0.7, "weight_ema": 0.9}
    single = make_model(**options)
    with two_replicas.scope():
        model = make_model(**options)
    step = tf.function(single.train_step)
    for _ in range(3):
        expected = step(whole)
        logs = step_on_replicas(two_replicas, model, [half, half])
    for name, value in expected.items():
        assert logs[name] == pytest.approx(float(value), rel=2e-4), name
    for ours, theirs in zip(model.variables, single.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)


def test_losses_are_those_of_the_formulas(rng, make_model):
    options = {"dropout": 0.0, "label_smoothing": 0.3, "action_unit_weight": 0.7}
    batch = make_batch(rng, 6)
    twin = make_model(**options)
    representation = twin.encoder(one_view(batch)[0], training=True).numpy()
    kernel, bias = twin.head.get_weights()
    logits = representation @ kernel + bias
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = 0.7 * np.eye(CLASSES)[batch["label"]] + 0.3 / CLASSES
    classification = -(target * log_softmax).sum(-1).mean()
    kernel, bias = twin.action_unit_head.get_weights()
    error = np.abs(representation @ kernel + bias - batch["action_units"])
    action_units = np.where(error < 1, error**2 / 2, error - 0.5).mean()
    logs = tf.function(make_model(**options).train_step)(batch)
    assert float(logs["classification_loss"]) == pytest.approx(classification, rel=1e-4)
    assert float(logs["action_unit_loss"]) == pytest.approx(action_units, rel=1e-4)
    total = classification + 0.7 * action_units
    assert float(logs["loss"]) == pytest.approx(total, rel=1e-4)


def test_action_units_are_learned_in_training_only(rng, make_model):
    model, plain = make_model(action_unit_weight=0.7), make_model()
    gradients, _, _ = model._compute_gradients(make_batch(rng, 6), tf.constant(1.0))
    for variable, gradient in zip(model.learned_variables, gradients, strict=True):
        assert np.abs(gradient.numpy()).max() > 0, variable.name
    assert len(model.learned_variables) == len(plain.learned_variables) + 2
    assert len(model.inference_network.weights) == len(plain.network.weights)


def test_average_follows_weights_and_statistics(rng, make_model):
    base = 0.25
    model = make_model(weight_ema=base)
    expected = values(model.network)
    for average, value in zip(values(model.averaged), expected, strict=True):
        np.testing.assert_array_equal(average, value)
    step = tf.function(model.train_step)
    for k in range(5):
        step(make_batch(rng, 6))
        momentum = min(base, (1 + k) / (10 + k))
        expected = [
            momentum * average + (1 - momentum) * value
            for average, value in zip(expected, values(model.network), strict=True)
        ]
    for average, value, now in zip(
        values(model.averaged), expected, values(model.network), strict=True
    ):
        np.testing.assert_allclose(average, value, rtol=1e-5, atol=1e-6)
        assert np.abs(average - now).max() > 1e-6  # all of them move, statistics too


def test_averaging_does_not_change_what_is_learned(rng, make_model):
    plain, averaged = make_model(), make_model(weight_ema=0.9)
    batch = make_batch(rng, 6)
    for model in (plain, averaged):
        step = tf.function(model.train_step)
        for _ in range(3):
            step(batch)
    for ours, theirs in zip(
        values(averaged.network), values(plain.network), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_validation_uses_the_average(rng, make_model):
    model = make_model(weight_ema=0.9)
    batch = make_batch(rng, 30)
    head = model.averaged.head
    head.kernel.assign(rng.normal(size=head.kernel.shape))
    logits = {
        network: network(one_view(batch)[0])[1].numpy()
        for network in (model.network, model.averaged)
    }
    scores = {
        network: f1_score(batch["label"], value.argmax(1), average="macro")
        for network, value in logits.items()
    }
    assert scores[model.averaged] != pytest.approx(scores[model.network])
    logs = tf.function(model.test_step)(batch)
    assert float(logs["macro_f1"]) == pytest.approx(scores[model.averaged], rel=1e-6)


def test_averaging_adds_no_traffic_between_replicas(
    rng, two_replicas, monkeypatch, make_model
):
    batch = make_batch(rng, 4, total=8)

    def count_reductions():
        with two_replicas.scope():
            model = make_model(weight_ema=0.9)

        @tf.function
        def step():
            two_replicas.run(model.train_step, args=(batch,))

        nodes = step.get_concrete_function().graph.as_graph_def().node
        return sum(
            n.op in ("AddN", "CollectiveReduceV2", "NcclAllReduce") for n in nodes
        )

    with_average = count_reductions()
    monkeypatch.setattr(classifier_module, "update_moving_average", lambda *_: None)
    assert with_average == count_reductions() > 0


def test_integers_among_the_weights_are_not_averaged(rng):
    """As in the normalisation within the EfficientNets of keras.applications."""

    def build():
        layers = [keras.layers.Normalization(), keras.layers.GlobalAveragePooling2D()]
        encoder = Encoder(lambda images: images, keras.Sequential(layers), 3)
        encoder.build((None, 16, 16, 3))
        return encoder

    model = ExpressionClassifier(
        build(), CLASSES, one_view, build_averaged_encoder=build, weight_ema=0.9
    )
    assert any(v.dtype.is_integer for v in model.averaged.weights)
    compile_model(model, keras.optimizers.SGD(0.1), "float32")
    tf.function(model.train_step)(make_batch(rng, 2))


def test_outputs_are_means_over_both_mirror_images(rng, make_model):
    plain, averaging = make_model(), make_model(flip_average=True)
    images = one_view(make_batch(rng, 5))[0]
    outputs = [plain(i) for i in (images, images[:, :, ::-1])]
    for ours, first, second in zip(averaging(images), *outputs, strict=True):
        assert np.abs(first - second).max() > 1e-4
        np.testing.assert_allclose(ours, (first + second) / 2, atol=1e-6)


def test_dropout_depends_on_the_record_alone(rng):
    vectors = tf.ones([6, 400])
    keys = tf.constant(rng.integers(10**6, size=(6, 2)), tf.int64)
    dropped = record_dropout(vectors, keys, 0.3).numpy()
    assert set(np.unique(dropped.round(5))) == {0, np.float32(1 / 0.7).round(5)}
    assert (dropped == 0).mean() == pytest.approx(0.3, abs=0.04)
    order = [3, 1, 5]
    again = record_dropout(
        tf.gather(vectors, order), tf.gather(keys, order), 0.3
    ).numpy()
    np.testing.assert_array_equal(again, dropped[order])
    assert not np.array_equal(dropped[0], dropped[1])


def test_dropout_is_the_same_when_compiled(rng):
    keys = tf.constant(rng.integers(10**6, size=(4, 2)), tf.int64)
    run = tf.function(lambda v, k: record_dropout(v, k, 0.5), jit_compile=True)
    vectors = tf.ones([4, 100])
    np.testing.assert_array_equal(
        run(vectors, keys), record_dropout(vectors, keys, 0.5)
    )


def test_no_dropout_changes_nothing():
    vectors = tf.ones([2, 3])
    assert record_dropout(vectors, tf.zeros([2, 2], tf.int64), 0.0) is vectors


def test_dropout_is_off_outside_training(rng, make_model):
    model = make_model(dropout=0.9)
    images = one_view(make_batch(rng, 3))[0]
    np.testing.assert_array_equal(model(images)[1], model(images)[1])


@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2), (1,)])
def test_macro_f1_is_scikit_learns(rng, present):
    metric = MacroF1(CLASSES)
    labels = rng.choice(present, size=30)
    logits = rng.normal(size=(30, CLASSES)) + 2 * np.eye(CLASSES)[labels]
    logits[:, 1] -= 1e3 * (1 not in present)
    for part in np.split(np.arange(30), 3):
        metric.update_state(tf.constant(labels[part]), tf.constant(logits[part]))
    expected = f1_score(labels, logits.argmax(1), average="macro", zero_division=0)
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-6)
    metric.reset_state()
    assert metric.result().numpy() == 0
