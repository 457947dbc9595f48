"""Stage 2 from its options.

With a random encoder it is the supervised control; with bootstrapping besides, the one
stage of joint training; with agreeing views besides, FixMatch.
"""

from collections.abc import Callable, Mapping, Sequence

from byel_tf.config import (
    FinetuneOptions,
    ModelOptions,
    PretrainOptions,
    RunOptions,
)
from byel_tf.data.pipeline import SplitBatches
from byel_tf.errors import UsageError
from byel_tf.models.action_units import build_action_unit_head
from byel_tf.models.bootstrap import Bootstrap
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.consistency import Consistency
from byel_tf.models.encoders import Encoder
from byel_tf.models.normalization import BatchNorm
from byel_tf.optimizers.factory import build_learning_rate, build_optimizer
from byel_tf.training.bootstrapping import build_parts, target_momentum
from byel_tf.training.inputs import StageInputs
from byel_tf.training.loop import Stage, last_step


def build_finetuning(
    options: FinetuneOptions,
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
    encoder: Encoder,
    build_encoder: Callable[[], Encoder],
    make_norm: BatchNorm,
    jit_compile: bool,
    target_options: PretrainOptions | None = None,
) -> Stage:
    """Assembles stage 2; call it in the strategy's scope.

    Args:
      options: Those of the stage.
      model_options: Weights of the losses.
      run: Where it ends.
      inputs: What it learns from.
      validation: What its epoch is selected on, or None.
      reported: What it is watched on, by data set.
      classes: Class names.
      num_action_units: U, or 0 where none are learned.
      num_movements: Action units that are subtracted: as of `build_parts`.
      class_weights: As of `ExpressionClassifier`.
      encoder: A built encoder, pre-trained or random; its weights are trained on.
      build_encoder: Makes a built encoder of the same kind; called where weights are
        averaged, or a target network follows them.
      make_norm: Makes batch norm layers.
      jit_compile: Whether XLA compiles pass, loss and gradients.
      target_options: How a target network follows, for joint training; else None.
    """
    scheduled_steps = inputs.steps_per_epoch * options.finetune_epochs
    action_unit_head = None
    if num_action_units:
        action_unit_head = build_action_unit_head(
            num_action_units, encoder.representation_size
        )
    schedules = {}
    build_bootstrap = None
    if target_options is not None:
        momentum = target_momentum(target_options, scheduled_steps)
        schedules["target_momentum"] = momentum

        def build_bootstrap() -> Bootstrap:
            parts = build_parts(
                model_options,
                num_classes=len(classes),
                num_movements=num_movements,
                representation_size=encoder.representation_size,
                build_encoder=build_encoder,
                make_norm=make_norm,
            )
            return Bootstrap(
                encoder,
                parts.projector,
                parts.predictor,
                parts.target,
                momentum,
                **parts.subtraction,
                bootstrap_weight=model_options.bootstrap_weight,
                classification_weight=model_options.classification_weight,
                orthonormality_weight=model_options.orthonormality_weight,
                label_smoothing=model_options.label_smoothing,
                class_weights=class_weights,
            )

    consistency = None
    if model_options.objective == "fixmatch":
        _require_sure_answers(model_options, len(classes))
        consistency = Consistency(
            model_options.consistency_weight, model_options.consistency_threshold
        )
    model = ExpressionClassifier(
        encoder,
        len(classes),
        inputs.make_views,
        options.dropout,
        model_options.label_smoothing,
        jit_compile,
        class_weights=class_weights,
        flip_average=options.flip_average,
        build_averaged_encoder=build_encoder if options.weight_ema else None,
        weight_ema=options.weight_ema,
        action_unit_head=action_unit_head,
        action_unit_weight=model_options.action_unit_weight,
        build_bootstrap=build_bootstrap,
        consistency=consistency,
        max_bad_steps=run.max_bad_steps,
    )
    learning_rate = build_learning_rate(
        options.finetune_schedule,
        options.finetune_learning_rate,
        options.finetune_warmup_epochs * inputs.steps_per_epoch,
        scheduled_steps,
    )
    optimizer = build_optimizer(
        options.finetune_optimizer,
        learning_rate,
        momentum=options.finetune_momentum,
        weight_decay=options.finetune_weight_decay,
        jit_compile=jit_compile,
    )
    model.compile(optimizer)
    return Stage(
        name="finetune",
        model=model,
        inputs=inputs,
        validation=validation,
        reported=reported,
        classes=classes,
        total_steps=last_step(scheduled_steps, run.max_steps),
        schedules={"learning_rate": learning_rate, **schedules},
        select_best=options.selection == "best",
    )


def _require_sure_answers(options: ModelOptions, num_classes: int) -> None:
    """Refuses a threshold above what smoothed labels teach, which mutes FixMatch.

    Raises:
      UsageError: With the way out.
    """
    smoothing, threshold = options.label_smoothing, options.consistency_threshold
    taught = 1 - smoothing + smoothing / num_classes
    if threshold > taught:
        raise UsageError(
            f"--label_smoothing={smoothing:g} teaches the classifier a probability of "
            f"{taught:.3f} for a label of {num_classes} classes, so that no answer is "
            f"as sure as --consistency_threshold={threshold:g}: give "
            "--label_smoothing=0, or a lower threshold"
        )
