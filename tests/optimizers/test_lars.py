import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.optimizers import LARS, WarmupCosine

DECAY, ETA, MOMENTUM = 1e-2, 1e-3, 0.9


def oracle(variables, gradients, rates, excluded, trust_ratio="update"):
    """LARS in float64: `gradients` holds one list a step."""
    variables = [v.astype(np.float64) for v in variables]
    momenta = [np.zeros_like(v) for v in variables]
    for step_gradients, rate in zip(gradients, rates, strict=True):
        for i, g in enumerate(step_gradients):
            w, u = variables[i], g.astype(np.float64)
            if i not in excluded:
                g_norm, w_norm = np.linalg.norm(u), np.linalg.norm(w)
                u = u + DECAY * w
                u_norm = np.linalg.norm(u)
                if trust_ratio == "update":
                    divisor = u_norm
                else:
                    divisor = g_norm + DECAY * w_norm + 1e-8
                if w_norm > 0 and u_norm > 0:
                    u = u * ETA * w_norm / divisor
            momenta[i] = MOMENTUM * momenta[i] + u
            variables[i] = w - rate * momenta[i]
    return variables


def make_case(rng):
    """A kernel, a zero kernel, a kernel without gradient, a bias, a norm's scale."""
    values = [
        rng.normal(size=(4, 3)).astype(np.float32),
        np.zeros((3, 2), np.float32),
        rng.normal(size=(2, 2)).astype(np.float32),
        rng.normal(size=3).astype(np.float32),
        np.ones(3, np.float32),
    ]
    gradients = [
        [rng.normal(size=v.shape).astype(np.float32) for v in values] for _ in range(3)
    ]
    for step in gradients:
        step[2][:] = 0
    return values, gradients


def run(optimizer, variables, gradients):
    for step in gradients:
        pairs = zip([tf.constant(g) for g in step], variables, strict=True)
        optimizer.apply_gradients(list(pairs))
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("trust_ratio", ["update", "sum_of_norms"])
@pytest.mark.parametrize("excluded", [(), (3, 4)])
def test_three_steps_with_a_changing_learning_rate(rng, trust_ratio, excluded):
    values, gradients = make_case(rng)
    schedule = WarmupCosine(0.5, 1, 5)
    variables = [tf.Variable(v) for v in values]
    optimizer = LARS(
        schedule,
        MOMENTUM,
        DECAY,
        ETA,
        exclude=[variables[i] for i in excluded],
        trust_ratio=trust_ratio,
    )
    ours = run(optimizer, variables, gradients)
    rates = [float(schedule(k)) for k in range(3)]
    expected = oracle(values, gradients, rates, excluded, trust_ratio)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_excluded_variables_are_told_apart_under_two_replicas(rng, two_replicas):
    values, gradients = make_case(rng)
    with two_replicas.scope():
        variables = [tf.Variable(v) for v in values]
        optimizer = LARS(0.3, MOMENTUM, DECAY, ETA, exclude=variables[3:])
        optimizer.build(variables)

    @tf.function
    def step(replica_gradients):
        def apply():
            # The same tensor on both replicas would not count as one of each.
            own = [tf.identity(gradient) for gradient in replica_gradients]
            optimizer.apply_gradients(list(zip(own, variables, strict=True)))

        two_replicas.run(apply)

    for step_gradients in gradients:
        # The replicas' gradients are summed: each holds half.
        step([tf.constant(g / 2) for g in step_gradients])
    expected = oracle(values, gradients, [0.3] * 3, (3, 4))
    for variable, value in zip(variables, expected, strict=True):
        for copy in two_replicas.experimental_local_results(variable):
            np.testing.assert_allclose(copy.numpy(), value, rtol=1e-6, atol=1e-6)


def test_survives_its_config():
    optimizer = LARS(WarmupCosine(0.4, 3, 10), 0.8, 1e-4, 2e-3, trust_ratio="update")
    custom = {"WarmupCosine": WarmupCosine}
    with keras.utils.custom_object_scope(custom):
        again = LARS.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()


def test_unknown_trust_ratio_is_refused():
    with pytest.raises(ValueError, match="Received: trust_ratio='other'"):
        LARS(0.1, trust_ratio="other")
