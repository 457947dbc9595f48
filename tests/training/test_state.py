"""What a stage's state names, saves and gives back."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.distribution.strategy import build_strategy
from byel_tf.optimizers.factory import build_optimizer
from byel_tf.training.state import TrainingState, named_variables
from tests.models.stepping import make_batch
from tests.training.stage_runs import every_variable


@pytest.fixture
def created():
    """Every variable that is made, in whatever way, by weak reference."""
    made = []

    def note(make_next, **options):
        variable = make_next(**options)
        made.append(weakref.ref(variable))
        return variable

    with tf.variable_creator_scope(note):
        yield made


@pytest.fixture
def make(make_byel, make_classifier):
    makers = {"pretrain": make_byel, "finetune": make_classifier}
    return lambda name, **options: makers[name](is_scattered=False, **options)


def step_once(model):
    """A step on unlike shares, after which nothing is as it was made."""
    strategy = model.distribute_strategy
    shares = [make_batch(seed, total=8) for seed in (1, 2)]
    batch = strategy.experimental_distribute_values_from_function(
        lambda context: shares[context.replica_id_in_sync_group]
    )
    if strategy.num_replicas_in_sync == 1:
        batch = shares[0]
    strategy.run(tf.function(model.train_step), args=(batch,))


def keras_counters(model):
    """What `fit` counts and our loop does not, of each Keras model and its losses."""
    yield from model.compiled_loss._total_loss_mean.variables
    yield model._steps_per_execution
    for part in [model, *model.submodules]:
        if isinstance(part, keras.Model):
            yield from (part._train_counter, part._test_counter, part._predict_counter)


def assert_names_all(state, model, created):
    named = {id(variable) for variable in state.variables.values()}
    assert len(named) == len(state.variables)  # each once
    gc.collect()
    counters = {id(counter) for counter in keras_counters(model)}
    alive = [made() for made in created if made() is not None]
    alive = [variable for variable in alive if id(variable) not in counters]
    assert len(alive) > 10
    for variable in [*alive, *every_variable(model)]:
        assert id(variable) in named, f"{variable.name} is not in the state"


def adam():
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9))


def scaled():
    return keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1, 0.9))


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("pretrain", "lars"),
        ("pretrain", "adamw"),
        ("pretrain", scaled),
        ("finetune", "sgd"),
        ("finetune", adam),
        ("finetune", scaled),
    ],
)
def test_everything_is_named(make, created, name, optimizer):
    if isinstance(optimizer, str):
        optimizer = build_optimizer(optimizer, 0.1, weight_decay=1e-3, momentum=0.9)
    else:
        optimizer = optimizer()
    model = make(name, optimizer=optimizer)
    assert_names_all(TrainingState(model), model, created)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pretrain", {"has_emotions": False}),
        ("pretrain", {"action_unit_head": None}),
        ("finetune", {"weight_ema": 0.0}),
        ("finetune", {"action_unit_head": None}),
        ("finetune", {"is_joint": True, "has_movements": True}),
    ],
)
def test_everything_of_another_model_is_named(make, created, name, options):
    model = make(name, **options)
    assert_names_all(TrainingState(model), model, created)


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_a_step_makes_nothing_more(make, created, name):
    model = make(name, optimizer=scaled())
    state = TrainingState(model)
    step_once(model)
    assert_names_all(state, model, created)


@pytest.mark.parametrize("optimizer", ["lamb", "lazy_adam", "novograd", "yogi"])
def test_everything_of_an_addon_is_named_before_its_first_step(
    make, created, optimizer
):
    pytest.importorskip("tensorflow_addons")
    model = make("finetune", optimizer=build_optimizer(optimizer, 0.1))
    state = TrainingState(model)
    assert_names_all(state, model, created)
    before = {id(variable) for variable in state.variables.values()}
    step_once(model)
    assert {id(v) for v in TrainingState(model).variables.values()} == before
    assert_round_trip(make, model, "finetune", build_optimizer(optimizer, 0.1))


def copies(model, variable):
    strategy = model.distribute_strategy
    return [c.numpy() for c in strategy.experimental_local_results(variable)]


def assert_round_trip(make, model, name, optimizer):
    """Another model takes the state, and has every replica's every bit."""
    state = TrainingState(model, {"vectors": np.arange(3.0)})
    state.step, state.epochs, state.collapsed_since = 7, 2, 5
    state.offer(0.25)
    saved = state.to_arrays()
    with model.distribute_strategy.scope():
        other = make(name, optimizer=optimizer)
        restored = TrainingState(other)
    restored.restore(*saved)
    pairs = zip(state.variables.items(), restored.variables.items(), strict=True)
    for (key, ours), (other_key, theirs) in pairs:
        assert key == other_key
        np.testing.assert_array_equal(
            copies(model, ours), copies(other, theirs), err_msg=key
        )
    assert (restored.step, restored.epochs, restored.collapsed_since) == (7, 2, 5)
    assert (restored.best.step, restored.best.macro_f1) == (7, 0.25)
    np.testing.assert_array_equal(restored.carried["vectors"], np.arange(3.0))
    arrays, numbers = restored.to_arrays()
    assert (arrays.keys(), numbers) == (saved[0].keys(), saved[1])
    for key, array in saved[0].items():
        np.testing.assert_array_equal(arrays[key], array, err_msg=key)
        assert arrays[key].dtype == array.dtype


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_every_replicas_own_statistics_come_back(make, two_replicas, name):
    with two_replicas.scope():
        model = make(name)
    step_once(model)
    own = [v for v in TrainingState(model).variables.values() if is_own(v)]
    unlike = [v for v in own if (np.ptp(copies(model, v), axis=0) > 0).any()]
    assert len(unlike) >= 5  # moving statistics, and sums behind metrics
    assert_round_trip(make, model, name, None)


def is_own(variable):
    return variable.synchronization == tf.VariableSynchronization.ON_READ


def test_one_replica_gets_the_mean_of_the_statistics_and_the_whole_sums(
    make, two_replicas
):
    with two_replicas.scope():
        model = make("finetune")
    step_once(model)
    with build_strategy("one_device").scope():
        other = make("finetune")
        restored = TrainingState(other)
    restored.restore(*TrainingState(model).to_arrays())
    norm, its = (m.network.encoder.backbone.layers[1] for m in (model, other))
    first, second = copies(model, norm.moving_mean)
    assert (first != second).any()
    np.testing.assert_allclose(its.moving_mean, (first + second) / 2, rtol=1e-6)
    first, second = copies(model, model.macro_f1.confusion)
    assert first.sum() == second.sum() == 4
    np.testing.assert_array_equal(other.macro_f1.confusion, first + second)
    kernel, its = (m.network.head.kernel.numpy() for m in (model, other))
    np.testing.assert_array_equal(kernel, its)


def test_two_replicas_get_the_statistics_of_one_each_and_its_sums_once(
    make, two_replicas
):
    model = make("finetune")
    step_once(model)
    with two_replicas.scope():
        other = make("finetune")
        restored = TrainingState(other)
    restored.restore(*TrainingState(model).to_arrays())
    norm, its = (m.network.encoder.backbone.layers[1] for m in (model, other))
    for copy in copies(other, its.moving_mean):
        np.testing.assert_array_equal(copy, norm.moving_mean.numpy())
    first, second = copies(other, other.macro_f1.confusion)
    np.testing.assert_array_equal(first, model.macro_f1.confusion.numpy())
    assert not second.any()
    np.testing.assert_array_equal(other.macro_f1.result(), model.macro_f1.result())


def test_a_state_of_another_model_changes_nothing(make):
    model, other = make("finetune"), make("finetune", action_unit_head=None)
    state = TrainingState(model)
    before = state.to_arrays()
    step_once(other)
    arrays, numbers = TrainingState(other).to_arrays()
    with pytest.raises(
        ValueError, match="^networks/action_unit.* has nothing, the mod"
    ):
        state.restore(arrays, numbers)
    wrong = {**before[0], "networks/network/head/bias": np.zeros(4, np.float32)}
    expected = r"^networks/network/head/bias has the shape \(4,\), the model has \(3,\)"
    with pytest.raises(ValueError, match=expected):
        state.restore({k: v + 1 for k, v in wrong.items()}, before[1])
    for key, array in state.to_arrays()[0].items():
        np.testing.assert_array_equal(array, before[0][key])


@pytest.mark.parametrize("value", [np.float32(1), np.ones(6, np.float32)])
def test_statistics_of_another_shape_are_refused(make, value):
    state = TrainingState(make("finetune"))
    arrays, numbers = state.to_arrays()
    key = next(name for name in arrays if name.endswith("moving_mean"))
    with pytest.raises((ValueError, TypeError)):
        state.restore({**arrays, key: value}, numbers)


def test_the_first_of_the_best_is_kept(make):
    model = make("finetune")
    state = TrainingState(model)
    kernel = model.network.head.kernel
    for step, (macro_f1, value) in enumerate([(0.1, 1), (0.3, 2), (0.3, 3), (0.2, 4)]):
        state.step = step
        kernel.assign(tf.fill(kernel.shape, float(value)))
        state.offer(macro_f1)
        kernel.assign(tf.fill(kernel.shape, 9.0))  # what is kept is a copy
    assert (state.best.step, state.best.macro_f1) == (1, 0.3)
    assert state.use_best() == 1
    assert (kernel.numpy() == 2).all()


def test_a_score_of_nothing_is_a_score(make):
    state = TrainingState(make("finetune"))
    state.step = 3
    state.offer(0.0)
    assert (state.best.step, state.use_best()) == (3, 3)


def test_an_epoch_that_was_not_ended(make):
    state, ended = TrainingState(make("finetune")), [(0, 0), (3, 0), (4, 1)]
    for state.step, state.epochs in [*ended, (4, 0), (8, 1)]:
        expected = (state.step, state.epochs) not in ended
        assert state.has_unended_epoch(4) is expected


def test_names_are_those_of_the_attributes(make):
    names = TrainingState(make("pretrain")).variables
    assert {
        "networks/online/predictor/output_layer/kernel",
        "networks/target/projector/output_layer/kernel",
        "networks/emotion_classifier/emotion_vectors",
        "metrics/projection_deviation/count",
        "metrics/bad_steps/total",
        "bad_steps_in_a_row",
    } <= names.keys()
    assert {name.partition("/")[0] for name in names} == {
        "networks",
        "optimizer",
        "metrics",
        "bad_steps_in_a_row",
    }


def test_names_do_not_depend_on_what_else_was_built(make):
    first = list(TrainingState(make("pretrain")).variables)
    keras.layers.Dense(3).build((None, 2))
    assert list(TrainingState(make("pretrain")).variables) == first


def test_a_shared_part_is_named_once():
    module = tf.Module()
    module.a = tf.Module()
    module.a.v = tf.Variable(1.0)
    module.b = module.a
    assert [path for path, _ in named_variables(module)] == ["a/v"]
