"""Stage 1 from its options: which parts make up the objective."""

import functools
from collections.abc import Callable

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.models.ema import constant_momentum, cosine_momentum
from byel_tf.optimizers.factory import build_learning_rate, build_optimizer
from byel_tf.training.build import (
    build_byel,
    compile_model,
    norm_and_bias_variables,
)
from byel_tf.training.datasets import RunDatasets
from byel_tf.training.inputs import (
    build_inputs,
    reported_batches,
    validation_batches,
)
from byel_tf.training.stages import Stage, last_step

# Learning rates are quoted for this batch (BYOL, appendix F).
_REFERENCE_BATCH = 256
_MOMENTA = {"constant": constant_momentum, "cosine": cosine_momentum}


def build_pretraining(
    config: TrainingConfig,
    datasets: RunDatasets,
    build_encoder: Callable[[], keras.Model],
    jit_compile: bool,
) -> Stage:
    """Assembles stage 1; call it in the strategy's scope.

    Args:
      config: All options.
      datasets: What it learns from and is watched on.
      build_encoder: Makes a built encoder; called for the online and the target one.
      jit_compile: Whether XLA compiles the inner step.
    """
    options = config.pretrain
    # The reference leaves the last, partial batch out of this stage.
    inputs = build_inputs(
        config,
        datasets.train,
        stage=1,
        views=2,
        augmentation=config.augmentation.augmentation,
        drop_remainder=True,
    )
    steps = inputs.steps_per_epoch
    scheduled_steps = steps * options.pretrain_epochs
    target_momentum = functools.partial(
        _MOMENTA[options.target_momentum_schedule],
        total_steps=max(scheduled_steps, 1),
        base=options.target_momentum,
    )
    has_emotions = config.model.objective == "byel"
    model = build_byel(
        build_encoder,
        inputs.views,
        num_classes=len(datasets.classes) if has_emotions else None,
        subtraction=config.model.emotion_subtraction,
        projection_size=config.model.projection_size,
        hidden_size=config.model.hidden_size,
        target_momentum=target_momentum,
        bootstrap_weight=config.model.bootstrap_weight,
        classification_weight=config.model.classification_weight,
        orthonormality_weight=config.model.orthonormality_weight,
        label_smoothing=config.model.label_smoothing,
        num_action_units=(
            len(datasets.train.manifest.action_units)
            if config.model.action_unit_weight
            else 0
        ),
        action_unit_weight=config.model.action_unit_weight,
        jit_compile=jit_compile,
    )
    peak = options.pretrain_learning_rate
    if options.pretrain_scale_learning_rate:
        peak *= config.run.batch_size / _REFERENCE_BATCH
    learning_rate = build_learning_rate(
        options.pretrain_schedule,
        peak,
        options.pretrain_warmup_epochs * steps,
        scheduled_steps,
    )
    exclude = ()
    if options.pretrain_exclude_bias_and_norm:
        exclude = norm_and_bias_variables(model)
    optimizer = build_optimizer(
        options.pretrain_optimizer,
        learning_rate,
        momentum=options.pretrain_momentum,
        weight_decay=options.pretrain_weight_decay,
        trust_coefficient=options.lars_trust_coefficient,
        trust_ratio=options.lars_trust_ratio,
        exclude=exclude,
    )
    compile_model(model, optimizer, config.run.precision)
    return Stage(
        name="pretrain",
        model=model,
        inputs=inputs,
        validation=validation_batches(config, datasets.train) if has_emotions else None,
        reported=reported_batches(config, datasets.reported) if has_emotions else {},
        classes=datasets.classes,
        total_steps=last_step(scheduled_steps, config.run.max_steps),
        schedules={"learning_rate": learning_rate, "target_momentum": target_momentum},
        select_best=False,
    )
