"""What a stage reads."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.augment.policies import Policy, policy
from byel_tf.augment.views import MakeViews, policy_views, ready_views
from byel_tf.config import PRETRAINED, DataOptions, RunOptions, TrainingConfig
from byel_tf.data.order import TrainingOrder
from byel_tf.data.partners import Partners
from byel_tf.data.persons import persons_and_labels
from byel_tf.data.pipeline import SplitBatches, augmented_batches, evaluation_data
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.records import SplitRecords
from byel_tf.errors import UsageError
from byel_tf.training.fresh_faces import RecordsOf

#: Pairs whose second pictures are in the records.
RECORDED_PAIRS = ("expression", "neutral")


@dataclasses.dataclass(frozen=True)
class StageInputs:
    """The data side of a stage.

    Attributes:
      data: Its training data.
      make_views: Gives the model the views of a batch.
      augment: Makes them in the pipeline; None where the step does.
      preview: Some images and their views, each (count, H, W, 3), for a picture.
    """

    data: SplitBatches
    make_views: MakeViews
    augment: MakeViews | None
    preview: Callable[[int], tuple[tf.Tensor, ...]]

    @property
    def steps_per_epoch(self) -> int:
        """Steps in an epoch."""
        return self.data.order.steps_per_epoch

    def batches(self, start_step: int, rows: slice = slice(None)) -> tf.data.Dataset:
        """Endless training batches from a step on, or some rows of each."""
        made = self.data.batches(start_step, rows=rows)
        return augmented_batches(made, self.augment) if self.augment else made


def stage_policy(config: TrainingConfig, stage: int) -> Policy:
    """The augmentation policy of a stage, 1 or 2, as its flags say."""
    options, name = config.augmentation, config.augmentation.augmentation
    if stage == 2 and config.finetune.finetune_augmentation != "same":
        name = config.finetune.finetune_augmentation
    textures = (0.0, 0.0)
    if name == "faces":
        textures = options.random_convolution, options.spectrum_jitter
    chosen = policy(name, *textures)
    return chosen.weakened() if config.model.objective == "fixmatch" else chosen


def require_policy_options(config: TrainingConfig) -> None:
    """Refuses options of `faces` where no stage has that policy.

    Raises:
      UsageError: With the option and the way out.
    """
    stages = [1, 2] if config.model.objective in PRETRAINED else [2]
    if any(stage_policy(config, stage).name == "faces" for stage in stages):
        return
    for name in ("random_convolution", "spectrum_jitter"):
        value = getattr(config.augmentation, name)
        if value:
            raise UsageError(
                f"--{name}={value}: only views of --augmentation=faces have it, which "
                f"no stage has: give that, or --{name}=0"
            )


def build_inputs(
    dataset: PreparedDataset,
    data: DataOptions,
    run: RunOptions,
    *,
    stage: int,
    num_views: int,
    augmentation: Policy,
    in_pipeline: bool = False,
    compile_views: bool = False,
    drop_remainder: bool,
    with_action_units: bool = False,
    labelled: np.ndarray | None = None,
    sees_all: bool = True,
    pairs: str = "none",
    cache: str = "none",
    records_of: RecordsOf | None = None,
) -> StageInputs:
    """Sets up the training data of a stage.

    Args:
      dataset: Its train split is read.
      data: Size of images, order.
      run: Batch size and seed.
      stage: 1 or 2; the stages draw apart.
      num_views: Augmented views an image.
      augmentation: The policy of the views.
      in_pipeline: Whether the input pipeline makes the views.
      compile_views: Whether XLA compiles them.
      drop_remainder: Whether an epoch's last, partial batch is left out.
      with_action_units: Whether the records' action units are read.
      labelled: Whether the label of each record is used, (count,), bool; None where
        all are.
      sees_all: Whether the stage learns from images without a label.
      pairs: What the views are taken from: as of `RunDatasets`.
      cache: Where decoded images are kept: as of `SplitBatches`.
      records_of: The records of each epoch, where every one has others.
    """
    # Of pictures that teach alike one view is made of either.
    is_exchanged = pairs == "expression" and stage == 2
    previewed = policy_views(augmentation, num_views, is_exchanged)
    if compile_views:
        augmentation = augmentation.compiled()
    make_views = policy_views(augmentation, num_views, is_exchanged)
    partners = None
    if pairs == "label":
        persons = persons_and_labels(SplitRecords(dataset, "train"))
        partners = Partners(*persons, run.seed, stage, labelled)
    labels = None
    if data.class_balance == "sampling":
        labels = SplitRecords(dataset, "train").labels()
    order = TrainingOrder(
        count=dataset.manifest.splits["train"].count,
        batch_size=run.batch_size,
        drop_remainder=drop_remainder,
        seed=run.seed,
        stage=stage,
        window=data.shuffle_buffer,
        labels=labels,
        labelled=labelled,
        labelled_rows=_labelled_rows(data, run, labelled, sees_all),
    )

    def open_data(
        order: TrainingOrder, cache: str, records_of: RecordsOf | None = None
    ) -> SplitBatches:
        return SplitBatches(
            dataset,
            "train",
            order,
            image_size=data.image_size,
            cache=cache,
            with_action_units=with_action_units,
            with_votes=data.soft_labels,
            with_pairs=pairs in RECORDED_PAIRS,
            partners=partners,
            records_of=records_of,
        )

    def preview(count: int) -> tuple[tf.Tensor, ...]:
        few = dataclasses.replace(order, batch_size=count, drop_remainder=False)
        first = next(iter(open_data(few, "none").batches()))
        return (fixed(first["image"]), *previewed(first))

    return StageInputs(
        data=open_data(order, cache, records_of),
        make_views=ready_views if in_pipeline else make_views,
        augment=make_views if in_pipeline else None,
        preview=preview,
    )


def _labelled_rows(
    data: DataOptions, run: RunOptions, labelled: np.ndarray | None, sees_all: bool
) -> int:
    """Rows of a batch that only labelled images take; as of `TrainingOrder`."""
    if labelled is None:
        return 0
    return round(data.labelled_rows * run.batch_size) if sees_all else run.batch_size


def split_data(
    dataset: PreparedDataset,
    split: str,
    image_size: int,
    batch_size: int,
    cache: str = "none",
    labels: Sequence[int] | None = None,
) -> SplitBatches | None:
    """A split's labelled images, or None if there is no such split, or none in it."""
    splits = dataset.manifest.splits
    if split not in splits or splits[split].count == splits[split].unlabelled:
        return None
    return evaluation_data(
        dataset,
        split,
        image_size=image_size,
        batch_size=batch_size,
        cache=cache,
        labels=labels,
    )


def class_counts(
    dataset: PreparedDataset, labelled: np.ndarray | None = None
) -> np.ndarray:
    """Images of each class that labels are known of, (K,), float64.

    Args:
      dataset: Its train split counts.
      labelled: Whether each of its records counts, (count,), bool; None for all.
    """
    classes = dataset.manifest.classes
    if labelled is None:
        per_class = dataset.manifest.splits["train"].per_class
        return np.array([per_class.get(name, 0) for name in classes], np.float64)
    labels = SplitRecords(dataset, "train").labels()[labelled]
    return np.bincount(labels, minlength=len(classes)).astype(np.float64)


def class_weights(
    dataset: PreparedDataset, balance: str, labelled: np.ndarray | None = None
) -> list[float] | None:
    """Weight of each class in the classification losses, (K,).

    Args:
      dataset: Its train split counts.
      balance: `--class_balance`.
      labelled: Whether each of its records counts, (count,), bool; None for all.

    Returns:
      Weights inverse to the classes' frequencies, of mean 1 over the images; None
      where all count alike.
    """
    if balance != "weights":
        return None
    counts = class_counts(dataset, labelled)
    present = counts > 0
    weights = np.zeros_like(counts)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.tolist()
