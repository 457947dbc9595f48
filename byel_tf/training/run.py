"""The main job: data sets in; checkpoints, curves, SavedModel and report out."""

import dataclasses
from collections.abc import Mapping

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.errors import RunError
from byel_tf.flagging import to_flagfile
from byel_tf.models.encoders import require_encoder
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
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.stages import Stage, train_stage
from byel_tf.training.strategy import (
    build_strategy,
    describe_devices,
    idle_gpu_warning,
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
    require_encoder(config.model.encoder, config.model.encoder_weights)
    require_distinct_names(config.data)
    synthesize_missing(config.data, config.run.seed)
    datasets = open_datasets(config)
    keras.mixed_precision.set_global_policy(config.run.precision)
    keras.utils.set_random_seed(config.run.seed)
    xla = resolve_xla(config.run.xla)
    strategy = build_strategy(config.run.strategy)
    devices = describe_devices(strategy)
    print(f"devices: {devices}; XLA {xla}", flush=True)
    warning = idle_gpu_warning()
    if warning:
        print(warning)
    if datasets.train.name not in datasets.reported:
        print(f"note: {datasets.train.path} has no test split to report on")
    directory = _start(config, datasets, devices)
    build = encoder_builder(config, config.model.encoder_weights)

    steps = {}
    with strategy.scope():
        if config.model.objective == "supervised":
            encoder = build()
        else:
            stage = build_pretraining(
                config, datasets.train, build, datasets.classes, xla == "jit"
            )
            _require_stage_order(stage, directory)
            _train(stage, config, directory)
            steps[stage.name] = stage.total_steps
            encoder = stage.model.online.encoder
            del stage  # the target network and the optimizer's slots
        stage = build_finetuning(
            config, datasets, encoder, datasets.classes, xla == "jit"
        )
        trained = _train(stage, config, directory)
        steps[stage.name] = stage.total_steps
    export = directory.newest_export()
    if trained or export is None:
        export = export_classifier(config, stage.model, datasets.classes, directory)
    scores = write_results(
        directory.path,
        export,
        datasets.reported,
        "real" if config.data.selection_data else "synthetic",
        _facts(config, devices, steps),
    )
    for name, result in scores.items():
        print(f"{name}: macro F1 {result.macro_f1:.4f} on {result.count} images")
    print(f"report: {directory.path / 'report.md'}; SavedModel: {export}", flush=True)


def _start(config: TrainingConfig, datasets: RunDatasets, devices: str) -> RunDirectory:
    """Opens the run's folder, checks that it is this run's, and notes what it is."""
    directory = RunDirectory(config.run.model_dir)
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
    directory.write("flags.cfg", flags)
    directory.write_json("run.json", run)
    return directory


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


def _train(stage: Stage, config: TrainingConfig, directory: RunDirectory) -> bool:
    """Trains a stage; returns whether there was anything left to train."""
    parameters = count_parameters(stage.model.learned_variables)
    print(
        f"{stage.name}: {parameters:,} trainable parameters, "
        f"{stage.total_steps} steps of {config.run.batch_size} images",
        flush=True,
    )
    return train_stage(
        stage, directory, config.run.log_every_steps, config.run.keep_checkpoints
    )


def _facts(
    config: TrainingConfig, devices: str, steps: Mapping[str, int]
) -> dict[str, str]:
    """What the report states besides scores."""
    selected = config.data.selection_data or config.data.train_data
    weights = config.model.encoder_weights
    passes = {
        name: count * config.run.batch_size * _ENCODER_PASSES[name]
        for name, count in steps.items()
    }
    return {
        "objective": config.model.objective,
        "encoder": f"{config.model.encoder}, {config.data.image_size} px",
        "trained on": config.data.train_data,
        "epoch": f"{config.finetune.selection} on the validation split of {selected}",
        "encoder's weights at the start": (
            "random" if weights == "none" else f"trained on {weights}: not synthetic"
        ),
        "cost in forward passes of the encoder, a backward pass counting as two": (
            ", ".join(f"{name} {count:,}" for name, count in passes.items())
        ),
        "devices": devices,
        "flags": "flags.cfg, to be repeated with --flagfile",
    }
