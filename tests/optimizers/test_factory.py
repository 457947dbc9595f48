import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.config import ADDON_OPTIMIZERS, OPTIMIZERS
from byel_tf.errors import UsageError
from byel_tf.optimizers.factory import (
    build_learning_rate,
    build_optimizer,
    require_optimizer,
)

HAS_ADDONS = importlib.util.find_spec("tensorflow_addons") is not None


def descend(optimizer, steps=3):
    variable = tf.Variable([1.0, -2.0])
    for _ in range(steps):
        optimizer.apply_gradients([(tf.constant([1.0, -1.0]), variable)])
    assert int(optimizer.iterations) == steps
    return variable.numpy()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends(name):
    after = descend(build_optimizer(name, 0.1, weight_decay=1e-3))
    assert after[0] < 1 and after[1] > -2


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_update_is_compiled_where_asked_for_and_not_by_itself(
    monkeypatch, name, jit_compile
):
    """By itself Keras compiles on GPUs, and on CPUs it never does."""
    gpus = ["one GPU"]
    monkeypatch.setattr(tf.compat.v2.config, "list_physical_devices", lambda _: gpus)
    optimizer = build_optimizer(name, 0.1, jit_compile=jit_compile)
    assert optimizer.jit_compile is jit_compile
    assert build_optimizer(name, 0.1).jit_compile is False


@pytest.mark.skipif(not HAS_ADDONS, reason="tensorflow-addons is not installed")
@pytest.mark.parametrize("name", ADDON_OPTIMIZERS)
def test_every_addon_descends(name):
    after = descend(build_optimizer(name, 0.1))
    assert after[0] < 1 and after[1] > -2


@pytest.mark.skipif(HAS_ADDONS, reason="tensorflow-addons is installed")
@pytest.mark.parametrize("name", ADDON_OPTIMIZERS)
def test_every_addon_says_what_is_missing(name):
    with pytest.raises(UsageError, match="tensorflow-addons is not installed"):
        build_optimizer(name, 0.1)


@pytest.mark.skipif(not HAS_ADDONS, reason="tensorflow-addons is not installed")
def test_options_an_addon_does_not_take_are_refused_early():
    with pytest.raises(UsageError, match="give --pretrain_weight_decay=0"):
        require_optimizer("pretrain", "yogi", 1e-6, has_exclusions=False)
    with pytest.raises(UsageError, match="--nopretrain_exclude_bias_and_norm"):
        require_optimizer("pretrain", "lamb", 1e-6, has_exclusions=True)
    require_optimizer("pretrain", "lamb", 1e-6, has_exclusions=False)


@pytest.mark.skipif(HAS_ADDONS, reason="tensorflow-addons is installed")
def test_a_missing_addon_is_told_early():
    with pytest.raises(UsageError, match="tensorflow-addons is not installed"):
        require_optimizer("finetune", "lamb", 0.0, has_exclusions=False)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_excluded_variables_do_not_decay(name):
    kept, decayed = tf.Variable([1.0]), tf.Variable([1.0])
    optimizer = build_optimizer(name, 0.1, weight_decay=0.5, exclude=[kept])
    zero = tf.zeros([1])
    optimizer.apply_gradients([(zero, kept), (zero, decayed)])
    assert kept.numpy() == 1.0
    assert decayed.numpy() == pytest.approx(0.95)


def test_constant_learning_rate_is_the_number():
    assert build_learning_rate("constant", 0.2, 5, 10) == 0.2


def test_warmup_is_cut_to_the_stage():
    rate = build_learning_rate("warmup_cosine", 0.2, 50, 10)
    np.testing.assert_allclose(rate(5), 0.1, rtol=1e-6)
    rate = build_learning_rate("one_cycle", 0.2, 50, 10)
    np.testing.assert_allclose(rate(9), 0.2, rtol=1e-6)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Received: name='other'"):
        build_optimizer("other", 0.1)
    with pytest.raises(ValueError, match="Received: schedule='other'"):
        build_learning_rate("other", 0.1, 0, 10)
