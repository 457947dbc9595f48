import functools
import types

import pytest
import tensorflow as tf

from byel_tf.augment.views import ready_views
from byel_tf.config import FinetuneOptions, ModelOptions, RunOptions
from byel_tf.errors import UsageError
from byel_tf.models.normalization import batch_norm
from byel_tf.training.finetuning import build_finetuning
from byel_tf.training.inputs import StageInputs

INPUTS = StageInputs(
    data=types.SimpleNamespace(order=types.SimpleNamespace(steps_per_epoch=5)),
    make_views=ready_views,
    augment=None,
    preview=None,
)


@pytest.fixture
def build(tiny_encoder):
    """A function that assembles the stage with some options."""

    def make(jit_compile=False, model=None, **options):
        return build_finetuning(
            FinetuneOptions(**options),
            model or ModelOptions(),
            RunOptions(model_dir="unused", max_bad_steps=7),
            INPUTS,
            validation=None,
            reported={},
            classes=("anger", "joy", "neutral"),
            num_action_units=4,
            class_weights=None,
            encoder=tiny_encoder(),
            build_encoder=tiny_encoder,
            make_norm=batch_norm,
            jit_compile=jit_compile,
        )

    return make


def test_options_reach_the_model_and_the_optimizer(build):
    stage = build(
        finetune_epochs=4,
        finetune_optimizer="sgd",
        finetune_learning_rate=0.25,
        finetune_momentum=0.5,
        weight_ema=0.9,
        selection="last",
    )
    model = stage.model
    assert model.optimizer.learning_rate.numpy() == 0.25
    assert model.optimizer.momentum == 0.5
    assert model.head.units == 3 and model.action_unit_head.units == 4
    assert model.averaged is model.inference_network
    assert model.max_bad_steps == 7
    assert stage.total_steps == 20 and not stage.select_best


def test_without_averaging_there_is_one_network(build):
    stage = build()
    assert stage.model.averaged is None and stage.select_best


@pytest.mark.parametrize("jit_compile", [False, True])
def test_optimizer_is_compiled_where_the_passes_are(build, monkeypatch, jit_compile):
    gpus = ["one GPU"]  # without which Keras never compiles updates
    monkeypatch.setattr(tf.compat.v2.config, "list_physical_devices", lambda _: gpus)
    assert build(jit_compile).model.optimizer.jit_compile is jit_compile


def test_answers_that_smoothed_labels_cannot_make_sure_are_refused(build):
    fixmatch = functools.partial(ModelOptions, objective="fixmatch")
    with pytest.raises(UsageError, match=r"a probability of 0\.933 .* of 3 classes"):
        build(model=fixmatch(label_smoothing=0.1))
    build(model=fixmatch(label_smoothing=0.1, consistency_threshold=0.9))
    build(model=fixmatch())
