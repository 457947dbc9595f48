"""The data sets of a run, opened and checked before anything is built."""

import dataclasses

from byel_tf.config import DataOptions, TrainingConfig
from byel_tf.data.crops import cropping_of
from byel_tf.data.manifest import (
    PreparedDataset,
    open_dataset,
    require_classes,
    require_split,
    split_name,
)
from byel_tf.data.oddities import warn_of
from byel_tf.errors import RunError, UsageError
from byel_tf.evaluation.scored_classes import choose_scored_classes


@dataclasses.dataclass(frozen=True)
class RunDatasets:
    """What a run reads.

    Attributes:
      train: Learned from.
      selection: Its validation split selects the fine-tuning epoch.
      reported: Their test splits are reported on, by name; they may have fewer
        classes.
    """

    train: PreparedDataset
    selection: PreparedDataset
    reported: dict[str, PreparedDataset]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""
        return self.train.manifest.classes

    @property
    def by_use(self) -> dict[str, PreparedDataset]:
        """Every data set under what it is used for."""
        named = {f"eval_data {name}": d for name, d in self.reported.items()}
        return {"train_data": self.train, "selection_data": self.selection, **named}


def open_datasets(config: TrainingConfig) -> RunDatasets:
    """Opens the data sets and refuses what training or reporting would trip over.

    Raises:
      UsageError: If action units are to be learned and the data set has none.
      RunError: If one is missing or altered, has other classes, lacks a split it is
        needed for, or has too few training images.
    """
    train = open_dataset(config.data.train_data)
    require_split(train, "train", "learn from")
    learned = train.manifest.splits["train"]
    if learned.unlabelled:
        raise RunError(
            f"data set {train.name} ({train.path}) has {learned.unlabelled} training "
            "images without a label: prepare it without them"
        )
    if learned.count < config.run.batch_size:
        raise RunError(
            f"data set {train.name} ({train.path}) has {learned.count} training "
            f"images, fewer than --batch_size={config.run.batch_size}"
        )
    weight = config.model.action_unit_weight
    if weight and not train.manifest.action_units:
        raise UsageError(
            f"--action_unit_weight={weight}, but data set {train.name} ({train.path}) "
            "has no action units, which only drawn faces have: give "
            "--action_unit_weight=0, or choose flags/own.cfg for images of your own"
        )
    selection = train
    if config.data.selection_data:
        selection = open_dataset(config.data.selection_data)
        require_classes(selection, train.manifest.classes)
    if config.finetune.selection == "best":
        require_split(
            selection, "validation", "select the epoch on (--selection=last needs none)"
        )
    reported = {}
    if "test" in train.manifest.splits:
        require_split(train, "test", "report on")
        reported[train.name] = train
    for text in config.data.eval_data:
        dataset = open_dataset(text)
        choose_scored_classes(train.manifest.classes, dataset)
        require_split(dataset, "test", "report on")
        reported[dataset.name] = dataset
    for dataset in {id(d): d for d in (train, selection, *reported.values())}.values():
        warn_of(dataset, cropping_of(train.manifest.source))
    return RunDatasets(train, selection, reported)


def require_distinct_names(data: DataOptions) -> None:
    """Refuses two reported data sets of one name, before any of them is read.

    Raises:
      UsageError: If a name stands twice.
    """
    seen = set()
    for text in (data.train_data, *data.eval_data):
        name, path = split_name(text)
        if name in seen:
            raise UsageError(
                f"two data sets are named '{name}', those of a flagfile included: "
                f"name one of them as --eval_data=NAME={path}"
            )
        seen.add(name)
