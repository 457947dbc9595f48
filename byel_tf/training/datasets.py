"""The data sets of a run, opened and checked before anything is built."""

import dataclasses

import numpy as np

from byel_tf.config import DataOptions, TrainingConfig
from byel_tf.data.crops import cropping_of
from byel_tf.data.labelled import labelled_records
from byel_tf.data.oddities import warn_of
from byel_tf.data.prepared_dataset import (
    PreparedDataset,
    open_dataset,
    require_classes,
    require_split,
    split_name,
)
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError, UsageError
from byel_tf.evaluation.scored_classes import choose_scored_classes

#: What two views can be taken from.
PAIRS = ("none", "expression", "neutral", "label")


# Of what does not bootstrap, the second pictures that it learns from.
_PAIRS_OF = {"supervised": ("none", "expression"), "fixmatch": ("none",)}


@dataclasses.dataclass(frozen=True)
class RunDatasets:
    """What a run reads.

    Attributes:
      train: Learned from.
      selection: Its validation split selects the fine-tuning epoch.
      reported: Their test splits are reported on, by name; they may have fewer
        classes.
      labelled: Whether the label of each training image is used, (count,), bool; None
        where all are.
      pairs: What the two views of a face are taken from: "none", one picture;
        "expression", a second one of another person with the same movements;
        "neutral", of the same person at rest; "label", of the same class.
      voted: Training images whose votes are learned from; None where no votes are.
    """

    train: PreparedDataset
    selection: PreparedDataset
    reported: dict[str, PreparedDataset]
    labelled: np.ndarray | None = None
    pairs: str = "none"
    voted: int | None = None

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
      UsageError: If action units are to be learned, or subtracted, and the data set
        has not what that takes.
      RunError: If one is missing or altered, has other classes, lacks a split it is
        needed for, or has too few training images, or labelled ones of a class.
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
    pairs = _pairs(config, train)
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
    labelled = None
    if config.data.label_share < 1:
        share, seed = config.data.label_share, config.run.seed
        labelled = labelled_records(train, "train", share, seed)
    voted = _voted(train) if config.data.soft_labels else None
    return RunDatasets(train, selection, reported, labelled, pairs, voted)


def _voted(train: PreparedDataset) -> int:
    """How many training images have votes.

    Raises:
      UsageError: If none has.
    """
    records = SplitRecords(train, "train")
    count = sum(bool(records.parse(i).votes) for i in range(len(records)))
    if not count:
        raise UsageError(
            f"--soft_labels, but no training image of data set {train.name} "
            f"({train.path}) has votes: leave it out, or prepare the set with "
            "--vote_labels=soft"
        )
    return count


def _pairs(config: TrainingConfig, train: PreparedDataset) -> str:
    """What the views are taken from; as of `RunDatasets`.

    Second pictures that the objective does not look at are none.

    Raises:
      UsageError: If what is to be subtracted is not what the pictures differ in, or
        pairs are asked for where nothing looks at them.
      RunError: If the data set has pairs of another kind.
    """
    pairs = config.data.pairs
    if pairs == "auto":
        pairs = train.manifest.source.get("pairs", "none")
    if pairs not in PAIRS:
        raise RunError(
            f"data set {train.name} ({train.path}) has second pictures of the kind "
            f"'{pairs}', which this program does not know: give --pairs=none"
        )
    model, wrong = config.model, "--subtraction=action_units"
    if model.objective in _PAIRS_OF and pairs == "label":
        raise UsageError(
            f"--pairs=label is for what bootstraps, which "
            f"--objective={model.objective} does not: leave it out"
        )
    if model.subtraction != "action_units":
        return pairs if pairs in _PAIRS_OF.get(model.objective, PAIRS) else "none"
    if model.objective not in ("byel", "joint") or not model.emotion_subtraction:
        raise UsageError(
            f"{wrong} is for --objective=byel or joint with --emotion_subtraction: "
            "give --subtraction=class"
        )
    if pairs != "neutral" or not train.manifest.action_units:
        raise UsageError(
            f"{wrong} needs the movements of each face, and the face at rest as well; "
            f"the pairs of data set {train.name} ({train.path}) are '{pairs}': draw it "
            "with "
            "python -m byel_tf.cli.synthesize --pairs=neutral"
        )
    if config.data.label_share < 1:
        raise UsageError(
            f"{wrong} needs the movements of all faces, of which "
            f"--label_share={config.data.label_share:g} hides most: give "
            "--subtraction=class"
        )
    return pairs


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
