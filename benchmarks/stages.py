"""The program's stages, steps and passes, from a flagfile and a data set."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.augment.views import policy_views, ready_views
from byel_tf.batch import Batch
from byel_tf.compat import keras
from byel_tf.config import TrainingConfig, training_config
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.distribution.precision import resolve_precision
from byel_tf.distribution.strategy import resolve_xla
from byel_tf.errors import UsageError
from byel_tf.models.normalization import batch_norm
from byel_tf.training.building import encoder_builder
from byel_tf.training.finetuning import build_finetuning
from byel_tf.training.inputs import StageInputs, build_inputs, stage_policy
from byel_tf.training.loop import Stage
from byel_tf.training.pretraining import build_pretraining

#: Encoder passes of a step that costs nothing else, a backward pass counted as two:
#: each of two views forwards and backwards online, forwards through the target; and one
#: view forwards and backwards.
FLOORS = {"byel": 8, "byol": 8, "supervised": 3}

#: Views that a step makes of each image.
VIEWS = {"byel": 2, "byol": 2, "supervised": 1}


def stage_config(
    flagfile: str, dataset: PreparedDataset, model_dir: str | pathlib.Path, **flags
) -> TrainingConfig:
    """The options of a run on a data set.

    Args:
      flagfile: The run's flags, or "" for the defaults.
      dataset: In place of the flagfile's.
      model_dir: Likewise.
      **flags: More of them; None leaves the flagfile's.

    Raises:
      UsageError: If a flag or a value does not exist.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    paths = {"train_data": f"benchmark={dataset.path}", "model_dir": str(model_dir)}
    return training_config(flagfile, **paths, **given)


def stage_inputs(
    config: TrainingConfig, dataset: PreparedDataset, objective: str
) -> StageInputs:
    """What the stage of an objective reads: pre-training, or supervised training.

    Decoded images are kept where `--cache` says so; "auto" stands for memory.
    """
    is_supervised = objective == "supervised"
    cache = "memory" if config.data.cache == "auto" else config.data.cache
    return build_inputs(
        dataset,
        config.data,
        config.run,
        stage=2 if is_supervised else 1,
        num_views=VIEWS[objective],
        augmentation=stage_policy(config, 1),
        in_pipeline=config.augmentation.augment_in == "pipeline",
        compile_views=resolve_xla(config.run.xla) == "views",
        drop_remainder=not is_supervised,
        with_action_units=config.model.action_unit_weight > 0,
        cache=cache,
    )


def build_stage(
    config: TrainingConfig,
    dataset: PreparedDataset,
    objective: str,
    inputs: StageInputs,
    strategy: tf.distribute.Strategy,
    jit_compile: bool = False,
) -> Stage:
    """Builds the stage of an objective, as the program does, without validation.

    Args:
      config: The run's options; the objective is the next argument's.
      dataset: What is trained on.
      objective: "byel" or "byol", the pre-training; "supervised", the fine-tuning.
      inputs: What the step reads.
      strategy: Where it runs.
      jit_compile: Whether XLA compiles passes, losses and gradients.
    """
    keras.mixed_precision.set_global_policy(resolve_precision(config.run.precision))
    keras.utils.set_random_seed(config.run.seed)
    model_options = dataclasses.replace(config.model, objective=objective)
    build_encoder = encoder_builder(model_options, config.data.image_size)
    has_units = model_options.action_unit_weight > 0
    common = {
        "validation": None,
        "reported": {},
        "classes": dataset.manifest.classes,
        "num_action_units": len(dataset.manifest.action_units) if has_units else 0,
        "class_weights": None,
        "build_encoder": build_encoder,
        "make_norm": batch_norm,
        "jit_compile": jit_compile,
    }
    with strategy.scope():
        if objective == "supervised":
            return build_finetuning(
                config.finetune,
                model_options,
                config.run,
                inputs,
                encoder=build_encoder(),
                **common,
            )
        return build_pretraining(
            config.pretrain,
            model_options,
            config.run,
            inputs,
            **common,
        )


def kept_batches(
    inputs: StageInputs, strategy: tf.distribute.Strategy, count: int = 4
) -> Sequence[Batch]:
    """The first batches, in memory, each split over the replicas.

    Where the step takes its views ready-made, they are in the batches.
    """
    batches = list(inputs.batches(0).take(count))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    # Not from a generator, with which TensorFlow makes malloc return memory at once.
    stacked = {name: tf.stack([b[name] for b in batches]) for name in batches[0]}
    kept = tf.data.Dataset.from_tensor_slices(stacked).with_options(options)
    return list(strategy.experimental_distribute_dataset(kept))


def bare_step(
    stage: Stage, strategy: tf.distribute.Strategy, batches: Sequence[Batch]
) -> Callable[[], None]:
    """A function that trains one step on the next of a few batches in memory."""
    model = stage.model

    @tf.function(autograph=False)
    def run(batch: Batch) -> None:
        strategy.run(model.train_step, args=(batch,))

    number = 0

    def step() -> None:
        nonlocal number
        run(batches[number % len(batches)])
        number += 1
        model.optimizer.iterations.numpy()  # waits for the step

    return step


def stepping(
    stage: Stage, inputs: StageInputs, strategy: tf.distribute.Strategy
) -> Callable[[], None]:
    """A function that trains one step on the next batch of the input pipeline."""
    model = stage.model
    iterator = iter(strategy.experimental_distribute_dataset(inputs.batches(0)))

    @tf.function(autograph=False)
    def run(iterator) -> None:
        strategy.run(model.train_step, args=(next(iterator),))

    def step() -> None:
        run(iterator)
        model.optimizer.iterations.numpy()  # waits for the step

    return step


def forward_pass(
    config: TrainingConfig,
    strategy: tf.distribute.Strategy,
    batch_size: int,
    jit_compile: bool = False,
) -> Callable[[], None]:
    """A function that passes one view of a whole batch through a new encoder.

    In training mode, as the step does: batch norm takes and follows the batch's
    statistics. Under a strategy each replica passes its share.
    """
    keras.mixed_precision.set_global_policy(resolve_precision(config.run.precision))
    size = config.data.image_size
    with strategy.scope():
        encoder = encoder_builder(config.model, size)()
    share = batch_size // strategy.num_replicas_in_sync
    views = tf.random.stateless_uniform([share, size, size, 3], seed=[1, 2])

    def replica() -> tf.Tensor:
        representation = encoder(views, training=True)
        return tf.reduce_sum(tf.cast(representation, tf.float32))

    compiled = tf.function(replica, jit_compile=jit_compile or None, autograph=False)

    @tf.function(autograph=False)
    def run():
        return strategy.run(compiled)

    def forward() -> None:
        strategy.experimental_local_results(run())[0].numpy()

    return forward


def make_views(config: TrainingConfig, objective: str, batch: Batch):
    """A function that makes the views of a batch, as the step does first."""
    policy = stage_policy(config, 1)
    if resolve_xla(config.run.xla) == "views":
        policy = policy.compiled()
    made = tf.function(policy_views(policy, VIEWS[objective]), autograph=False)
    kept = {"image": batch["image"], "key": batch["key"]}

    def run() -> None:
        made(kept)[-1][0, 0, 0, 0].numpy()

    return run


def logical_devices(count: int) -> None:
    """Makes the processor so many devices, before TensorFlow has begun.

    Raises:
      UsageError: If it has begun with another number of them.
    """
    (processor,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(processor, devices)
    except RuntimeError as error:
        found = len(tf.config.list_logical_devices("CPU"))
        if found != count:
            raise UsageError(
                f"TensorFlow runs on {found} devices already, {count} are needed: "
                "start the benchmark in a process of its own"
            ) from error


def with_ready_views(inputs: StageInputs) -> StageInputs:
    """The same inputs with views made in the pipeline, so that steps have none."""
    if inputs.augment is not None:
        return inputs
    return dataclasses.replace(
        inputs, make_views=ready_views, augment=inputs.make_views
    )
