import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.compat import keras
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.dropout import record_dropout
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.training.build import compile_model

CLASSES = 3


def one_view(batch):
    return (tf.cast(batch["image"], tf.float32) / 255.0,)


def make_batch(rng, size, total=None):
    return {
        "image": tf.constant(rng.integers(256, size=(size, 16, 16, 3)), tf.uint8),
        "label": tf.constant(rng.integers(CLASSES, size=size), tf.int32),
        "weight": tf.fill([size], 1.0 / (total or size)),
        "key": tf.constant(rng.integers(1000, size=(size, 2)), tf.int64),
    }


@pytest.fixture
def make_model(tiny_encoder):
    def make(**options):
        keras.utils.set_random_seed(3)
        model = ExpressionClassifier(tiny_encoder(), CLASSES, one_view, **options)
        compile_model(model, keras.optimizers.SGD(0.1), "float32")
        return model

    return make


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
    single = make_model(dropout=0.5)
    expected = tf.function(single.train_step)(batch)
    with two_replicas.scope():
        model = make_model(dropout=0.5, jit_compile=jit_compile)
    batches = two_replicas.experimental_distribute_values_from_function(
        lambda context: filling if context.replica_id_in_sync_group else batch
    )

    @tf.function
    def step(values):
        return two_replicas.run(model.train_step, args=(values,))

    logs = step(batches)
    loss = two_replicas.experimental_local_results(logs["loss"])[0]
    assert float(loss) == pytest.approx(float(expected["loss"]), rel=1e-4)
    for ours, theirs in zip(
        model.learned_variables, single.learned_variables, strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)
    for variable in model.variables:
        for copy in two_replicas.experimental_local_results(variable):
            assert np.isfinite(copy.numpy()).all(), variable.name


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
