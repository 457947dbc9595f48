"""The main job: data sets in; checkpoints, curves, SavedModel and report out."""

import dataclasses
from collections.abc import Mapping

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.errors import RunError
from byel_tf.flagging import to_flagfile
from byel_tf.models.encoders import require_encoder
from byel_tf.optimizers.factory import require_optimizer
from byel_tf.serving.model_card import write_model_card
from byel_tf.training.build import count_parameters
from byel_tf.training.checkpoints import newest_step
from byel_tf.training.datasets import (
    RunDatasets,
    open_datasets,
    require_distinct_names,
)
from byel_tf.training.finetuning import build_finetuning
from byel_tf.training.missing_data import synthesize_missing
from byel_tf.training.pretraining import build_pretraining
from byel_tf.training.provenance import describe_run, require_same_run
from byel_tf.training.results import (
    encoder_builder,
    export_classifier,
    write_results,
)
from byel_tf.training.run_directory import RunDirectory, to_json
from byel_tf.training.stages import Stage, train_stage
from byel_tf.training.strategy import (
    build_strategy,
    describe_devices,
    idle_gpu_warning,
    require_even_batches,
    resolve_xla,
)

# Forward passes of the encoder that one image costs in a step, a backward pass
# counting as two: 2 views × (3 online + 1 target), and 1 view × 3.
_ENCODER_PASSES = {"pretrain": 8, "finetune": 3}


def train(config: TrainingConfig) -> None:
    """Runs both stages, exports, evaluates and reports.

    An interrupted run continues from its newest checkpoint.

    Args:
      config: All options.

    Raises:
      UsageError: For options that cannot be meant together.
      RunError: For data, a model folder or a training that fails.
    """
    _require_options(config)
    synthesize_missing(config.data, config.run.seed)
    datasets = open_datasets(config)
    keras.mixed_precision.set_global_policy(config.run.precision)
    keras.utils.set_random_seed(config.run.seed)
    xla = resolve_xla(config.run.xla)
    strategy = build_strategy(config.run.strategy)
    require_even_batches(strategy, config.run.batch_size)
    devices = describe_devices(strategy)
    print(f"devices: {devices}; XLA {xla}", flush=True)
    warning = idle_gpu_warning()
    if warning:
        print(warning)
    if datasets.train.name not in datasets.reported:
        print(f"note: {datasets.train.path} has no test split to report on")
    directory = RunDirectory(config.run.model_dir)
    notes = _describe(config, datasets, devices, directory)
    build = encoder_builder(config)

    has_stage_1 = (
        config.model.objective != "supervised" and config.pretrain.pretrain_epochs > 0
    )
    steps = {}
    emotions = None
    with strategy.scope():
        if not has_stage_1:
            encoder = build()
        else:
            stage = build_pretraining(config, datasets, build, xla == "jit")
            _require_stage_order(stage, directory)
            _train(stage, config, directory, notes)
            steps[stage.name] = stage.total_steps
            encoder = stage.model.online.encoder
            emotions = stage.model.emotion_classifier
            del stage  # the target network and the optimizer's slots
        stage = build_finetuning(config, datasets, encoder, xla == "jit", build)
        step = _train(stage, config, directory, notes)
        steps[stage.name] = stage.total_steps
    export = export_classifier(
        config,
        stage.model,
        datasets.train,
        step,
        directory,
        tuple(datasets.reported.values()),
        emotions and emotions.emotion_vectors.numpy(),
    )
    scores = write_results(
        config,
        directory,
        export,
        datasets.reported,
        datasets.train,
        _facts(config, devices, steps),
    )
    write_model_card(export)
    for name, result in scores.items():
        print(f"{name}: macro F1 {result.macro_f1:.4f} on {result.count} images")
    print(f"report: {directory.path / 'report.html'}; SavedModel: {export}", flush=True)


def _require_options(config: TrainingConfig) -> None:
    """Refuses what cannot be built, before any data is read.

    Raises:
      UsageError: With the flag and the way out.
    """
    model, pretrain, finetune = config.model, config.pretrain, config.finetune
    require_encoder(
        model.encoder,
        model.encoder_weights,
        model.width,
        model.stem,
        model.normalization,
    )
    if model.objective != "supervised":
        require_optimizer(
            "pretrain",
            pretrain.pretrain_optimizer,
            pretrain.pretrain_weight_decay,
            pretrain.pretrain_exclude_bias_and_norm,
        )
    require_optimizer(
        "finetune",
        finetune.finetune_optimizer,
        finetune.finetune_weight_decay,
        has_exclusions=False,
    )
    require_distinct_names(config.data)


def _describe(
    config: TrainingConfig,
    datasets: RunDatasets,
    devices: str,
    directory: RunDirectory,
) -> dict[str, str]:
    """What the run is, by file name; refuses a folder that holds another run."""
    groups = [getattr(config, field.name) for field in dataclasses.fields(config)]
    flags = to_flagfile(*groups)
    run = describe_run(devices, datasets.by_use, config.model.encoder_weights)
    previous_flags = directory.read("flags.cfg")
    previous_run = directory.read_json("run.json")
    if previous_flags and previous_run:
        require_same_run(
            config.run.model_dir,
            previous_flags.splitlines(),
            flags.splitlines(),
            previous_run,
            run,
        )
    elif (directory.path / "checkpoints").exists():
        raise RunError(
            f"--model_dir={directory.path} holds checkpoints, but no flags.cfg and "
            "run.json that tell what they are of: choose another --model_dir"
        )
    return {"flags.cfg": flags, "run.json": to_json(run)}


def _require_stage_order(pretraining: Stage, directory: RunDirectory) -> None:
    """Refuses to train on a stage 1 that stage 2 has begun from.

    Raises:
      RunError: If stage 1 would go on and stage 2 has a checkpoint.
    """
    done = newest_step(directory.checkpoints(pretraining.name))
    if done < pretraining.total_steps and newest_step(
        directory.checkpoints("finetune")
    ):
        raise RunError(
            f"{directory.path} holds a fine-tuning that began after {done} steps of "
            f"pre-training, which would now go on to {pretraining.total_steps}: "
            "choose another --model_dir"
        )


def _train(
    stage: Stage,
    config: TrainingConfig,
    directory: RunDirectory,
    notes: Mapping[str, str],
) -> int:
    """Trains a stage; returns the step whose weights its model then holds."""
    done = newest_step(directory.checkpoints(stage.name))
    if done > stage.total_steps:
        raise RunError(
            f"{directory.path} has done {done} steps of {stage.name}, more than the "
            f"{stage.total_steps} asked for: give more epochs or steps, or choose "
            "another --model_dir"
        )
    if done < stage.total_steps:
        # A finished run keeps the notes of what it was trained with.
        for name, content in notes.items():
            directory.write(name, content)
    parameters = count_parameters(stage.model.learned_variables)
    print(
        f"{stage.name}: {parameters:,} trainable parameters, "
        f"{stage.total_steps} steps of {config.run.batch_size} images",
        flush=True,
    )
    return train_stage(stage, directory, config.monitoring, config.run.keep_checkpoints)


def _facts(
    config: TrainingConfig, devices: str, steps: Mapping[str, int]
) -> dict[str, str]:
    """What the report states besides scores."""
    epoch = "last"
    if config.finetune.selection == "best":
        selected = config.data.selection_data or config.data.train_data
        epoch = f"best on the validation split of {selected}"
    weights = config.model.encoder_weights
    passes = {
        name: count * config.run.batch_size * _ENCODER_PASSES[name]
        for name, count in steps.items()
    }
    return {
        "objective": config.model.objective,
        "encoder": f"{config.model.encoder}, {config.data.image_size} px",
        "trained on": config.data.train_data,
        "epoch": epoch,
        "encoder's weights at the start": (
            "random" if weights == "none" else f"trained on {weights}: not synthetic"
        ),
        "cost in forward passes of the encoder, a backward pass counting as two": (
            ", ".join(f"{name} {count:,}" for name, count in passes.items())
        ),
        "devices": devices,
        "flags": "flags.cfg, to be repeated with --flagfile",
    }
