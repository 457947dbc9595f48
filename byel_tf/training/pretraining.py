"""Stage 1 from its options: which parts make up the objective."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from byel_tf.config import ModelOptions, PretrainOptions, RunOptions
from byel_tf.data.pipeline import SplitBatches
from byel_tf.models.action_units import build_action_unit_head
from byel_tf.models.byel import BOTH_WAYS, BYEL
from byel_tf.models.encoders import Encoder
from byel_tf.models.networks import OnlineNetwork
from byel_tf.models.normalization import BatchNorm
from byel_tf.optimizers.factory import build_learning_rate, build_optimizer
from byel_tf.training.bootstrapping import build_parts, target_momentum
from byel_tf.training.inputs import StageInputs
from byel_tf.training.loop import Stage, last_step

# Learning rates are quoted for this batch (BYOL, appendix F).
_REFERENCE_BATCH = 256


def build_pretraining(
    options: PretrainOptions,
    model_options: ModelOptions,
    run: RunOptions,
    inputs: StageInputs,
    validation: SplitBatches | None,
    reported: Mapping[str, SplitBatches],
    *,
    classes: Sequence[str],
    num_action_units: int,
    num_movements: int = 0,
    class_weights: Sequence[float] | None,
    build_encoder: Callable[[], Encoder],
    make_norm: BatchNorm,
    jit_compile: bool,
    directions: Sequence[tuple[int, int]] = BOTH_WAYS,
) -> Stage:
    """Assembles stage 1; call it in the strategy's scope.

    Args:
      options: Those of the stage.
      model_options: Sizes, objective and weights of the losses.
      run: Batch size, and where it ends.
      inputs: What it learns from.
      validation: What it is watched on, or None.
      reported: More of that, by data set.
      classes: Class names.
      num_action_units: U, or 0 where none are learned.
      num_movements: Action units that are subtracted: as of `build_parts`.
      class_weights: As of `BYEL`.
      build_encoder: Makes a built encoder; called for the online and the target one.
      make_norm: Makes batch norm layers.
      jit_compile: Whether XLA compiles passes, losses and gradients.
      directions: Which views are predicted from: as of `BYEL`.
    """
    scheduled_steps = inputs.steps_per_epoch * options.pretrain_epochs
    momentum = target_momentum(options, scheduled_steps)
    encoder = build_encoder()
    parts = build_parts(
        model_options,
        num_classes=len(classes),
        num_movements=num_movements,
        representation_size=encoder.representation_size,
        build_encoder=build_encoder,
        make_norm=make_norm,
    )
    has_emotions = parts.emotion_classifier is not None
    action_unit_head = None
    if num_action_units:
        action_unit_head = build_action_unit_head(
            num_action_units, encoder.representation_size
        )
    model = BYEL(
        OnlineNetwork(encoder, parts.projector, parts.predictor),
        parts.target,
        inputs.make_views,
        momentum,
        **parts.subtraction,
        bootstrap_weight=model_options.bootstrap_weight,
        classification_weight=model_options.classification_weight,
        orthonormality_weight=model_options.orthonormality_weight,
        label_smoothing=model_options.label_smoothing,
        class_weights=class_weights,
        action_unit_head=action_unit_head,
        action_unit_weight=model_options.action_unit_weight,
        directions=directions,
        jit_compile=jit_compile,
        max_bad_steps=run.max_bad_steps,
    )
    learning_rate = build_learning_rate(
        options.pretrain_schedule,
        peak_learning_rate(options, run.batch_size),
        options.pretrain_warmup_epochs * inputs.steps_per_epoch,
        scheduled_steps,
    )
    exclude = ()
    if options.pretrain_exclude_bias_and_norm:
        exclude = norm_and_bias_variables(model.learned_variables)
    optimizer = build_optimizer(
        options.pretrain_optimizer,
        learning_rate,
        momentum=options.pretrain_momentum,
        weight_decay=options.pretrain_weight_decay,
        trust_coefficient=options.lars_trust_coefficient,
        trust_ratio=options.lars_trust_ratio,
        exclude=exclude,
        jit_compile=jit_compile,
    )
    model.compile(optimizer)
    return Stage(
        name="pretrain",
        model=model,
        inputs=inputs,
        validation=validation if has_emotions else None,
        reported=reported if has_emotions else {},
        classes=classes,
        total_steps=last_step(scheduled_steps, run.max_steps),
        schedules={"learning_rate": learning_rate, "target_momentum": momentum},
        select_best=False,
    )


def peak_learning_rate(options: PretrainOptions, batch_size: int) -> float:
    """The learning rate at its highest, for a global batch size."""
    peak = options.pretrain_learning_rate
    if options.pretrain_scale_learning_rate:
        peak *= batch_size / _REFERENCE_BATCH
    return peak


def norm_and_bias_variables(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    """Those of rank 0 or 1: biases, scales and offsets."""
    return [variable for variable in variables if len(variable.shape) <= 1]
