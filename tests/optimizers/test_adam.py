import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.optimizers.adam import Adam

SHAPES = ((3, 4), (4,), ())
STEPS = 6


def in_numpy(values, gradients, rate, decay, epsilon=1e-7):
    """Adam with decoupled decay (arXiv 1711.05101) in float64."""
    values = [value.astype(np.float64) for value in values]
    first = [np.zeros_like(value) for value in values]
    second = [np.zeros_like(value) for value in values]
    for t, step in enumerate(gradients, 1):
        for i, g in enumerate(step):
            values[i] -= decay * rate(t - 1) * values[i]
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            mean, square = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
            # Keras and TensorFlow add epsilon before the correction.
            epsilon_now = epsilon / np.sqrt(1 - 0.999**t)
            values[i] -= rate(t - 1) * mean / (np.sqrt(square) + epsilon_now)
    return values


@pytest.fixture
def problem(rng):
    """Start and gradients of some steps."""
    start = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    steps = [[rng.normal(size=s).astype(np.float32) for s in SHAPES]] * (STEPS - 1)
    return start, [*steps, [np.zeros(s, np.float32) for s in SHAPES]]


def run(optimizer, start, gradients):
    variables = [tf.Variable(value) for value in start]
    for step in gradients:
        optimizer.apply_gradients(zip(map(tf.constant, step), variables, strict=True))
    return variables


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize("scheduled", [False, True])
def test_steps_are_those_of_the_formula(problem, decay, scheduled):
    rate = 0.01
    if scheduled:
        rate = keras.optimizers.schedules.PolynomialDecay(0.01, STEPS, 0.001)
    ours = run(Adam(rate, weight_decay=decay), *problem)
    expected = in_numpy(
        *problem, lambda k: float(rate(k)) if scheduled else rate, decay or 0.0
    )
    for variable, value in zip(ours, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=2e-5, atol=1e-6)


def test_state_and_steps_are_those_of_keras(problem):
    ours, theirs = Adam(0.01), keras.optimizers.Adam(0.01)
    results = [run(optimizer, *problem) for optimizer in (ours, theirs)]
    for pair in zip(*results, strict=True):
        np.testing.assert_allclose(*(v.numpy() for v in pair), rtol=1e-5, atol=1e-6)
    for pair in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(*(v.numpy() for v in pair), rtol=1e-5, atol=1e-6)


def test_rows_that_are_looked_up_are_updated_as_by_keras():
    rows = tf.IndexedSlices(tf.ones([2, 3]), tf.constant([0, 2]), tf.constant([4, 3]))
    results = []
    for optimizer in (Adam(0.1), keras.optimizers.Adam(0.1)):
        variable = tf.Variable(tf.zeros([4, 3]))
        optimizer.apply_gradients([(rows, variable)])
        results.append(variable.numpy())
    np.testing.assert_array_equal(*results)


def test_every_replica_takes_the_same_step(two_replicas, problem):
    start, gradients = problem
    expected = run(Adam(0.01, weight_decay=0.1), start, gradients)
    with two_replicas.scope():
        variables = [tf.Variable(value) for value in start]
        optimizer = Adam(0.01, weight_decay=0.1)
        optimizer.build(variables)

    @tf.function
    def step(values):
        pairs = list(zip(values, variables, strict=True))
        two_replicas.run(
            lambda: optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)
        )

    for values in gradients:
        step([tf.constant(value) for value in values])
    for variable, value in zip(variables, expected, strict=True):
        for copy in two_replicas.experimental_local_results(variable):
            np.testing.assert_allclose(copy.numpy(), value.numpy(), rtol=1e-6)
