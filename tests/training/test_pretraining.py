import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.views import ready_views
from byel_tf.compat import keras
from byel_tf.config import ModelOptions, PretrainOptions, RunOptions
from byel_tf.models.normalization import batch_norm
from byel_tf.optimizers.lars import LARS
from byel_tf.training.inputs import StageInputs
from byel_tf.training.pretraining import (
    build_pretraining,
    last_step,
    norm_and_bias_variables,
    peak_learning_rate,
)

CLASSES = ("anger", "joy", "neutral")
INPUTS = StageInputs(
    data=types.SimpleNamespace(order=types.SimpleNamespace(steps_per_epoch=5)),
    make_views=ready_views,
    augment=None,
    preview=None,
)
MODEL = ModelOptions(projection_size=8, hidden_size=16)


@pytest.fixture
def build(tiny_encoder):
    """A function that assembles the stage with some options."""

    def make(pretrain=None, model=None, run=None, **others):
        return build_pretraining(
            PretrainOptions(**{"pretrain_epochs": 4, **(pretrain or {})}),
            dataclasses.replace(MODEL, **(model or {})),
            RunOptions(model_dir="unused", **(run or {})),
            INPUTS,
            validation=None,
            reported={},
            **{
                "classes": CLASSES,
                "num_action_units": 0,
                "class_weights": None,
                "build_encoder": tiny_encoder,
                "make_norm": batch_norm,
                "jit_compile": False,
                **others,
            },
        )

    return make


def test_learning_rate_is_that_of_256_images_where_it_is_scaled():
    scaled = PretrainOptions(
        pretrain_learning_rate=0.4, pretrain_scale_learning_rate=True
    )
    assert peak_learning_rate(scaled, 256) == pytest.approx(0.4)
    assert peak_learning_rate(scaled, 64) == pytest.approx(0.1)
    assert peak_learning_rate(scaled, 4096) == pytest.approx(6.4)
    assert peak_learning_rate(PretrainOptions(pretrain_learning_rate=0.4), 64) == 0.4


def test_optimizer_has_the_scaled_rate_of_the_schedule(build):
    options = {
        "pretrain_learning_rate": 0.4,
        "pretrain_scale_learning_rate": True,
        "pretrain_schedule": "warmup_cosine",
        "pretrain_warmup_epochs": 2,
    }
    stage = build(options, run={"batch_size": 64})
    rates = [float(stage.schedules["learning_rate"](k)) for k in (0, 5, 10, 15, 20)]
    np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.05, 0], atol=1e-7)
    assert stage.model.optimizer.learning_rate.numpy() == 0  # of its first step


def test_norms_and_biases_are_of_rank_one():
    layers = [keras.layers.Conv2D(2, 3), batch_norm("norm"), keras.layers.Dense(4)]
    network = keras.Sequential(layers)
    network.build((None, 8, 8, 3))
    excluded = norm_and_bias_variables(network.trainable_variables)
    conv, norm, dense = layers
    expected = [conv.bias, norm.gamma, norm.beta, dense.bias]
    assert {id(v) for v in excluded} == {id(v) for v in expected}
    assert len(excluded) == 4


@pytest.mark.parametrize("is_excluded", [False, True])
def test_norms_and_biases_skip_lars_where_asked_for(build, is_excluded):
    """Those that skip it move by the learning rate times the gradient."""
    options = {
        "pretrain_exclude_bias_and_norm": is_excluded,
        "pretrain_learning_rate": 0.5,
        "pretrain_weight_decay": 0.1,
    }
    model = build(options).model
    assert isinstance(model.optimizer, LARS)
    before = [v.numpy() for v in model.learned_variables]
    ones = [tf.ones_like(v) for v in model.learned_variables]
    model.optimizer.apply_gradients(zip(ones, model.learned_variables, strict=True))
    moved = [
        np.allclose(old - variable.numpy(), 0.5, atol=1e-5)
        for old, variable in zip(before, model.learned_variables, strict=True)
    ]
    thin = [len(v.shape) <= 1 for v in model.learned_variables]
    zeros = [not value.any() for value in before]  # which have no ratio either
    if is_excluded:
        assert moved == thin
    else:
        # Without a norm there is no ratio: what is zero moves as if excluded.
        assert moved == zeros
        assert sum(thin) > sum(zeros)


def test_options_reach_the_model(build):
    made = []

    def make_norm(name, dtype=None):
        made.append(name)
        return batch_norm(name, dtype)

    stage = build(
        {"target_momentum": 0.9, "target_momentum_schedule": "cosine"},
        run={"max_bad_steps": 7, "max_steps": 15},
        num_action_units=4,
        make_norm=make_norm,
    )
    model = stage.model
    # Two projectors, a predictor, the emotion classifier; encoders are built outside.
    assert made == ["norm", "norm", "norm", "batch_norm"]
    assert model.max_bad_steps == 7
    assert model.action_unit_head.units == 4
    assert model.emotion_classifier.num_classes == len(CLASSES)
    # τ's ramp ends where the schedule does, not where the run is cut.
    assert stage.total_steps == 15
    for k in (0, 10, 20):
        expected = 1 - 0.1 * (1 + np.cos(np.pi * k / 20)) / 2
        momentum = model.target_momentum(tf.constant(k, tf.int64))
        assert momentum.numpy() == pytest.approx(expected, abs=1e-6)


def test_byol_has_no_emotions(build):
    stage = build(model={"objective": "byol"})
    assert stage.model.emotion_classifier is None
    assert stage.validation is None and stage.reported == {}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_optimizer_is_compiled_where_the_passes_are(build, monkeypatch, jit_compile):
    gpus = ["one GPU"]  # without which Keras never compiles updates
    monkeypatch.setattr(tf.compat.v2.config, "list_physical_devices", lambda _: gpus)
    assert build(jit_compile=jit_compile).model.optimizer.jit_compile is jit_compile


def test_a_stage_ends_after_its_epochs_or_sooner():
    assert last_step(20, None) == last_step(20, 25) == 20
    assert last_step(20, 15) == 15
