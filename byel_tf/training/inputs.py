"""What a stage reads, from the options."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.augment.policies import policy
from byel_tf.augment.views import Views, policy_views, ready_views
from byel_tf.config import TrainingConfig
from byel_tf.data.manifest import PreparedDataset
from byel_tf.data.pipeline import (
    RecordDraws,
    augmented_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)


@dataclasses.dataclass(frozen=True)
class StageInputs:
    """The data side of a stage.

    Attributes:
      batches: Endless training batches from a step on.
      preview: Some images and their views, each (count, H, W, 3), for a picture.
      views: Gives the model the views of such a batch.
      steps_per_epoch: Steps in an epoch.
    """

    batches: Callable[[int], tf.data.Dataset]
    preview: Callable[[int], tuple[tf.Tensor, ...]]
    views: Views
    steps_per_epoch: int


def build_inputs(
    config: TrainingConfig,
    dataset: PreparedDataset,
    *,
    stage: int,
    views: int,
    augmentation: str,
    drop_remainder: bool,
) -> StageInputs:
    """Sets up the training data of a stage.

    Args:
      config: All options.
      dataset: Its train split is read.
      stage: 1 or 2; the stages draw apart.
      views: Augmented views an image.
      augmentation: Name of the policy.
      drop_remainder: Whether an epoch's last, partial batch is left out.
    """
    batch_size = config.run.batch_size
    chosen = policy(augmentation)
    make_views = policy_views(chosen, views)
    in_pipeline = config.augmentation.augment_in == "pipeline"

    make_batches = functools.partial(
        training_batches,
        dataset,
        image_size=config.data.image_size,
        draws=RecordDraws(config.run.seed, stage, views, chosen.num_uniforms),
        with_action_units=config.model.action_unit_weight > 0,
    )

    def batches(start_step: int) -> tf.data.Dataset:
        made = make_batches(
            batch_size=batch_size,
            start_step=start_step,
            drop_remainder=drop_remainder,
            shuffle_buffer=config.data.shuffle_buffer,
            cache=config.data.cache == "memory",
        )
        return augmented_batches(made, make_views) if in_pipeline else made

    def preview(count: int) -> tuple[tf.Tensor, ...]:
        # Little shuffling and no cache, so that little is decoded besides; a set of
        # fewer images is shown with repeats.
        made = make_batches(
            batch_size=count, drop_remainder=False, shuffle_buffer=4 * count
        )
        first = next(iter(made))
        return (fixed(first["image"]), *make_views(first))

    count = dataset.manifest.splits["train"].count
    return StageInputs(
        batches,
        preview,
        ready_views if in_pipeline else make_views,
        steps_per_epoch(count, batch_size, drop_remainder),
    )


def validation_batches(
    config: TrainingConfig, dataset: PreparedDataset
) -> tf.data.Dataset | None:
    """The validation split in batches, or None if there is none."""
    if "validation" not in dataset.manifest.splits:
        return None
    return _batches(config, dataset, "validation")


def reported_batches(
    config: TrainingConfig, datasets: Mapping[str, PreparedDataset]
) -> dict[str, tf.data.Dataset]:
    """The test splits of data sets in batches, by name."""
    return {name: _batches(config, d, "test") for name, d in datasets.items()}


def _batches(
    config: TrainingConfig, dataset: PreparedDataset, split: str
) -> tf.data.Dataset:
    return evaluation_batches(
        dataset,
        split,
        image_size=config.data.image_size,
        batch_size=config.run.batch_size,
    )
