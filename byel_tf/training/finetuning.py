"""Stage 2 from its options; with a random encoder it is the supervised control."""

from collections.abc import Callable

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.heads import build_action_unit_head
from byel_tf.optimizers.factory import build_learning_rate, build_optimizer
from byel_tf.training.build import compile_model
from byel_tf.training.datasets import RunDatasets
from byel_tf.training.inputs import (
    build_inputs,
    reported_batches,
    validation_batches,
)
from byel_tf.training.stages import Stage, last_step


def build_finetuning(
    config: TrainingConfig,
    datasets: RunDatasets,
    encoder: keras.Model,
    jit_compile: bool,
    build_encoder: Callable[[], keras.Model],
) -> Stage:
    """Assembles stage 2; call it in the strategy's scope.

    Args:
      config: All options.
      datasets: What it learns from, is selected on, and is watched on.
      encoder: A built encoder, pre-trained or random; its weights are trained on.
      jit_compile: Whether XLA compiles the inner step.
      build_encoder: Makes a built encoder of the same kind; called where weights are
        averaged.
    """
    options = config.finetune
    # The reference keeps the last, partial batch in this stage.
    augmentation = options.finetune_augmentation
    if augmentation == "same":
        augmentation = config.augmentation.augmentation
    inputs = build_inputs(
        config,
        datasets.train,
        stage=2,
        views=1,
        augmentation=augmentation,
        drop_remainder=False,
    )
    steps = inputs.steps_per_epoch
    scheduled_steps = steps * options.finetune_epochs
    action_unit_head = None
    if config.model.action_unit_weight:
        action_unit_head = build_action_unit_head(
            len(datasets.train.manifest.action_units), encoder.representation_size
        )
    model = ExpressionClassifier(
        encoder,
        len(datasets.classes),
        inputs.views,
        options.dropout,
        config.model.label_smoothing,
        jit_compile,
        flip_average=options.flip_average,
        build_averaged_encoder=build_encoder if options.weight_ema else None,
        weight_ema=options.weight_ema,
        action_unit_head=action_unit_head,
        action_unit_weight=config.model.action_unit_weight,
    )
    learning_rate = build_learning_rate(
        options.finetune_schedule,
        options.finetune_learning_rate,
        options.finetune_warmup_epochs * steps,
        scheduled_steps,
    )
    optimizer = build_optimizer(
        options.finetune_optimizer,
        learning_rate,
        momentum=options.finetune_momentum,
        weight_decay=options.finetune_weight_decay,
    )
    compile_model(model, optimizer, config.run.precision)
    return Stage(
        name="finetune",
        model=model,
        inputs=inputs,
        validation=validation_batches(config, datasets.selection),
        reported=reported_batches(config, datasets.reported),
        classes=datasets.classes,
        total_steps=last_step(scheduled_steps, config.run.max_steps),
        schedules={"learning_rate": learning_rate},
        select_best=options.selection == "best",
    )
