"""What both stages' steps share: traffic, bad steps, and Keras' own loops."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.compat import keras
from byel_tf.models.normalization import is_mean_of_replicas, share_statistics
from byel_tf.models.step import poisoned
from byel_tf.optimizers.factory import build_optimizer
from tests.models.conftest import sgd
from tests.models.stepping import Stepper, assert_close, assert_same, joined, make_batch

HAS_ADDONS = importlib.util.find_spec("tensorflow_addons") is not None
NAN = tf.constant(np.nan)
MODELS = pytest.mark.parametrize("name", ["byel", "classifier"])


def shares(seed):
    """Unlike halves of a batch."""
    return [make_batch(2 * seed + i, 4, total=8) for i in range(2)]


def with_first(batch, name, value):
    """The batch with another first number under a name."""
    flat = tf.reshape(batch[name], [-1])
    flat = tf.concat([[value], flat[1:]], axis=0)
    return {**batch, name: tf.reshape(flat, batch[name].shape)}


def with_infinite_loss(batch):
    """Huber's loss of so much is no number, and its slope is 1 all the same."""
    units = batch["action_units"]
    return {**batch, "action_units": tf.fill(units.shape, 3e38)}


FAULTS = {
    "an image": lambda batch: with_first(batch, "views", NAN),
    "an action unit": lambda batch: with_first(batch, "action_units", NAN),
    "a weight": lambda batch: with_first(batch, "weight", NAN),
    "the loss alone": with_infinite_loss,
}


def spoilt(seed, fault="an image", replica=0):
    """Halves of a batch, of which one replica's has a fault."""
    halves = shares(seed)
    halves[replica] = FAULTS[fault](halves[replica])
    return halves


def bad_steps_in_a_row(step):
    return int(step.model.bad_steps_in_a_row.numpy())


@MODELS
def test_gradients_are_all_that_travels_between_replicas(stepper, name):
    step = stepper(name, 2)
    step(*shares(1))
    graph = step.graph(*shares(1)).as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    travelling = ("Collective", "Nccl", "_Send", "_Recv")
    found = [n for n in nodes if any(word in n.op for word in travelling)]
    assert [node.op for node in found] == ["CollectiveReduceV2"] * 2
    assert len({node.device for node in found}) == 2
    # A sum over replicas that is no collective.
    device = {node.name: node.device for node in nodes}
    sums = [n for n in nodes if n.op in ("AddN", "AccumulateNV2")]
    for node in sums:
        assert {device[one.split(":")[0]] for one in node.input} == {node.device}


def test_gradients_travel_as_one_tensor(stepper):
    """One all-reduce, of as many numbers as there are learned ones."""
    step = stepper("byel", 2)
    (shape, _) = [
        operation.outputs[0].shape
        for operation in step.graph(*shares(1)).get_operations()
        if operation.type == "CollectiveReduceV2"
    ]
    learned = step.model.learned_variables
    assert shape.num_elements() == sum(v.shape.num_elements() for v in learned)


@MODELS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_step_between_good_ones_leaves_the_good_ones_alone(stepper, name, fault):
    step = stepper(name, 2)
    for halves in (shares(1), shares(2)):
        expected_logs = step(*halves)
    expected = step.weights()
    assert expected_logs["bad_steps"] == 0
    for replica in (0, 1):
        step = stepper(name, 2)
        for halves in (shares(1), spoilt(3, fault, replica), shares(2)):
            logs = step(*halves)
        assert_same(step.weights(), expected)
        assert logs == {**expected_logs, "bad_steps": 1}


@MODELS
def test_a_bad_step_changes_the_counters_alone(stepper, name):
    step = stepper(name, 1)
    good = make_batch(1, 8)
    logs = step(good)
    iterations = int(step.model.optimizer.iterations.numpy())
    before = step.weights()
    assert step(with_first(good, "views", NAN)) == {**logs, "bad_steps": 1}
    assert_same(step.weights(), before)
    assert int(step.model.optimizer.iterations.numpy()) == iterations == 1
    assert bad_steps_in_a_row(step) == 1
    step(good)
    assert bad_steps_in_a_row(step) == 0
    assert int(step.model.optimizer.iterations.numpy()) == 2
    step.model.reset_metrics()
    assert step.logs()["bad_steps"] == 0


@MODELS
def test_everything_is_frozen_after_too_many_bad_steps_in_a_row(stepper, name):
    step = stepper(name, 2)
    for halves in (spoilt(1), spoilt(1), shares(2), spoilt(1), spoilt(1, replica=1)):
        step(*halves)
    assert bad_steps_in_a_row(step) == 2
    logs = step(*shares(3))  # two are too few
    assert logs["bad_steps"] == 4 and bad_steps_in_a_row(step) == 0
    for _ in range(3):
        logs = step(*spoilt(1))
    before = step.weights()
    for number in range(2):
        assert bad_steps_in_a_row(step) == 3 + number
        assert step(*shares(4)) == {**logs, "bad_steps": 8 + number}
        assert_same(step.weights(), before)


def test_weights_that_are_no_numbers_end_in_bad_steps(stepper):
    step = stepper("byel", 1)
    kernel = step.model.online.projector.output_layer.kernel
    kernel.assign(tf.fill(kernel.shape, np.nan))
    before = step.weights()
    for _ in range(4):
        logs = step(make_batch(1, 8))
    assert_same(step.weights(), before)
    assert logs["bad_steps"] == bad_steps_in_a_row(step) == 4
    assert np.isfinite(list(logs.values())).all()


def test_means_over_labelled_examples_do_not_count_the_others(make_byel):
    model = make_byel()
    labels = {"few": [0.25, 0, 0.5, 0], "none": [0.0, 0, 0, 0], "all": [0.25] * 4}
    values = {"few": 2.0, "none": 0.0, "all": 4.0}
    for name, weights in labels.items():
        batch = make_batch(1) | {"label_weight": tf.constant(weights)}
        scalars = {key: values[name] for key in ("loss", "classification_loss")}
        scalars = {key: tf.constant(value) for key, value in scalars.items()}
        model.count(scalars, batch, tf.constant(True))
    means = {name: float(mean.result()) for name, mean in model.means.items()}
    assert means["loss"] == pytest.approx((2 + 0 + 4) / 3)
    assert means["classification_loss"] == pytest.approx((0.75 * 2 + 4) / 1.75)


def test_a_loss_that_is_not_finite_poisons_gradients_that_are():
    gradients = [tf.ones([2, 3]), tf.ones([2]), tf.ones([4])]
    for loss in (np.nan, np.inf, -np.inf):
        found = poisoned(gradients, tf.constant(loss))
        assert not np.isfinite(tf.linalg.global_norm(found).numpy())
        assert [gradient.shape for gradient in found] == [(2, 3), (2,), (4,)]
    for ours, theirs in zip(
        poisoned(gradients, tf.constant(1e38)), gradients, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def float16():
    keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    keras.mixed_precision.set_global_policy("float32")


def test_float16_finds_its_scale_and_then_counts_bad_steps(
    float16, two_replicas, make_classifier
):
    # Gradients that overflow with the scale that Keras begins with.
    with two_replicas.scope():
        model = make_classifier(keras.optimizers.SGD(1e-4), class_weights=[300.0] * 3)
    optimizer, step = model.optimizer, Stepper(model)
    assert isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)

    def networks():
        return [v.numpy() for part in model.networks.values() for v in part.variables]

    def scale():
        return float(optimizer.loss_scale.numpy())

    first_scale, before, sought = scale(), networks(), 0
    while int(optimizer.iterations.numpy()) == 0:
        assert_same(networks(), before)
        logs = step(*shares(1))
        sought += 1
        assert bad_steps_in_a_row(step) == 0 and sought < 20
    assert sought > 1
    assert scale() == first_scale / 2 ** (sought - 1)
    # The scale is out of what is applied.
    twin = make_classifier(class_weights=[300.0] * 3)
    alone = [twin.loss_and_gradients(s, tf.constant(1.0))[0] for s in shares(1)]
    whole = [first + second for first, second in zip(*alone, strict=True)]
    norm = tf.linalg.global_norm(whole).numpy()
    assert logs["gradient_norm"] == pytest.approx(norm, rel=0.02)
    assert np.isfinite(list(logs.values())).all()
    assert np.isfinite(np.concatenate([v.ravel() for v in networks()])).all()
    before = networks()
    # No scale helps against a NaN: it falls to 1, and then the steps are bad.
    while scale() > 1:
        step(*spoilt(2))
        assert bad_steps_in_a_row(step) == 0
    for number in range(3):
        step(*spoilt(2))
        assert bad_steps_in_a_row(step) == number + 1
    step(*shares(1))
    assert bad_steps_in_a_row(step) == 4 and scale() == 1
    assert_same(networks(), before)
    assert int(optimizer.iterations.numpy()) == 1


@pytest.mark.skipif(not HAS_ADDONS, reason="tensorflow-addons is not installed")
@pytest.mark.parametrize("replicas", [1, 2])
def test_bad_steps_with_an_optimizer_of_tensorflow_addons(
    make_classifier, two_replicas, replicas
):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        step = Stepper(make_classifier(build_optimizer("lamb", 1e-2)))

    def batch(seed, is_bad=False):
        halves = spoilt(seed) if is_bad else shares(seed)
        return halves if replicas == 2 else [joined(*halves)]

    step(*batch(1, is_bad=True))  # the slots are made while nothing is applied
    assert int(step.model.optimizer.iterations.numpy()) == 0
    good = step(*batch(2))
    before = step.weights()
    slots = len(step.model.optimizer.variables())
    assert slots == 1 + 2 * len(step.model.learned_variables)
    assert step(*batch(3, is_bad=True)) == {**good, "bad_steps": 2}
    assert_same(step.weights(), before)
    step(*batch(4))
    assert int(step.model.optimizer.iterations.numpy()) == 2
    for copies in step.state():
        assert np.isfinite(copies).all()


def test_an_optimizer_by_name_may_be_given_outside_of_the_scope(
    make_classifier, two_replicas
):
    with two_replicas.scope():
        model = make_classifier()
    model.compile("adam")
    for variable in model.optimizer.variables:
        assert len(two_replicas.experimental_local_results(variable)) == 2


def dataset(batches):
    return tf.data.Dataset.from_tensor_slices(joined(*batches)).batch(8)


@pytest.mark.parametrize("replicas", [1, 2])
@MODELS
def test_keras_own_loops_train_validate_and_predict(
    name, replicas, stepper, make_byel, make_classifier, two_replicas
):
    make = {"byel": make_byel, "classifier": make_classifier}[name]
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    batches = [shares(seed) for seed in range(3)]
    training = dataset([joined(*halves) for halves in batches])
    held_out = [make_batch(seed, 8) for seed in (20, 21)]
    images = tf.concat([batch["image"] for batch in held_out], axis=0)
    labels = tf.concat([batch["label"] for batch in held_out], axis=0)

    with strategy.scope():
        model = make()
        model.compile(sgd())
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(dict(logs))
    )
    history = model.fit(
        training,
        validation_data=dataset(held_out),
        epochs=2,
        callbacks=[callback],
        verbose=0,
    ).history

    copy, step = make(), stepper(name, replicas)

    def score(weights):
        copy.set_weights(weights)
        predicted = np.argmax(copy.classify(images), axis=1)
        return f1_score(labels, predicted, average="macro")

    for epoch in range(2):
        step.model.reset_metrics()
        for halves in batches:
            expected = step(*(halves if replicas == 2 else [joined(*halves)]))
        share_statistics(strategy, step.model.variables)
        expected["val_macro_f1"] = score(step.model.get_weights())
        found = {key: values[epoch] for key, values in history.items()}
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert seen[epoch] == found
    assert int(model.optimizer.iterations.numpy()) == 6

    # What is validated and predicted with is what would be exported: after training
    # alone the replicas' statistics differ.
    def train():
        model.fit(training, verbose=0)
        for variable in model.variables:
            if is_mean_of_replicas(variable):
                copies = [copy.numpy() for copy in step.copies(variable)]
                assert (np.ptp(copies, axis=0).max() > 1e-4) == (replicas == 2)
        return model.get_weights()

    def classify_everywhere():
        logits = tf.function(lambda: strategy.run(model.classify, args=(images,)))()
        return strategy.experimental_local_results(logits)

    expected = score(train())
    found = model.evaluate(dataset(held_out), verbose=0, return_dict=True)
    assert found == {"macro_f1": pytest.approx(expected)}
    for logits in classify_everywhere():
        np.testing.assert_allclose(logits, copy.classify(images), rtol=1e-4, atol=1e-5)
    if name == "classifier":
        score(train())
        floats = tf.cast(images, tf.float32) / 255.0
        found = model.predict(
            tf.data.Dataset.from_tensor_slices(floats).batch(4), verbose=0
        )
        assert_close(found, copy(floats), rtol=1e-4, atol=1e-5)
