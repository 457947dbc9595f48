"""The options of `train_main.py`: every flag, its default, limits and help.

The defaults are those of the authors' reference run (arXiv 2207.10003 and its
published implementation) where it has the option.
"""

import dataclasses
import os
from typing import Any

from byel_tf.augment.names import POLICY_NAMES
from byel_tf.flagging import option, parse
from byel_tf.pretrained import NAMES

OBJECTIVES = ("byel", "byol", "joint", "fixmatch", "supervised")
# Those with a stage 1.
PRETRAINED = ("byel", "byol")
OPTIMIZERS = ("lars", "sgd", "adam", "adamw")
# From tensorflow-addons; each ends in a clear error where that is not installed.
ADDON_OPTIMIZERS = ("lamb", "lazy_adam", "novograd", "rectified_adam", "yogi")
SCHEDULES = ("constant", "warmup_cosine", "one_cycle")


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Data sets."""

    train_data: str = option(
        dataclasses.MISSING,
        "Prepared data set to train on, as [NAME=]FOLDER: its train split is learned "
        "from, its validation split selects the epoch, its test split is reported.",
        path="named",
    )
    eval_data: tuple[str, ...] = option(
        (),
        "Prepared data set to report on as well, as [NAME=]FOLDER: its test split.",
        path="named",
    )
    selection_data: str = option(
        "",
        "Prepared data set, as [NAME=]FOLDER, whose validation split selects the "
        "fine-tuning epoch instead of --train_data's. Recorded in results.json as "
        "selection: real.",
        path="named",
    )
    synthesize_train: int = option(
        0,
        "Synthetic faces to draw into --train_data when that folder does not exist and "
        "its name is that of a domain, such as synthetic; 0: a missing folder is "
        "an error.",
        lower=0,
    )
    synthesize_eval: int = option(
        0,
        "The same for each --eval_data named after a domain, such as shifted=FOLDER.",
        lower=0,
    )
    synthesize_pairs: str = option(
        "none",
        "Second picture of each face that is drawn into --train_data, as --pairs of "
        "byel_tf.cli.synthesize.",
        choices=("none", "expression", "neutral"),
    )
    synthesize_size: int = option(
        64, "Side in pixels of drawn faces.", lower=16, upper=512
    )
    head: str = option(
        "built-in",
        "What faces are drawn with: built-in, ict-facekit or makehuman (fetched once), "
        "the path of a folder that holds the data of one of the latter, or one in the "
        "hair and skins of MakeHuman's people, as ict-facekit+makehuman; or several "
        "with shares of the persons, as ict-facekit:2,makehuman:1.",
        path="local",
    )
    draw: str = option(
        "first",
        "first: every epoch learns from the train split. stream: the first one does, "
        "and every other from as many further faces of its drawing, of other persons, "
        "which are drawn while the epoch before trains. Needs a --train_data that was "
        "drawn, and its --head.",
        choices=("first", "stream"),
    )
    image_size: int = option(
        128, "Side in pixels to which every image is resized.", lower=16, upper=1024
    )
    cache: str = option(
        "auto",
        "Keep decoded images after the first epoch (image_size² × 3 bytes each): in "
        "memory, on disk (a file in TMPDIR), or none. auto: in memory if all fit into "
        "half of what is free, else on disk; what was chosen is printed.",
        choices=("auto", "memory", "disk", "none"),
    )
    shuffle_buffer: int = option(
        16384,
        "Records shuffled together; at least the train split's count shuffles fully, "
        "fewer keep reads of slow disks close together.",
        lower=1,
    )
    class_balance: str = option(
        "none",
        "Classes of unequal size: weights counts each class alike in the "
        "classification losses; sampling draws each class equally often.",
        choices=("none", "weights", "sampling"),
    )
    label_share: float = option(
        1.0,
        "Share of the training set's persons whose labels and action units are used; "
        "which ones follows from --seed. Bootstrapping sees all images, everything "
        "else learns from the labelled ones, in epochs of as many steps as ever.",
        lower=1e-6,
        upper=1,
    )
    soft_labels: bool = option(
        False,
        "Where records have votes, annotators' or the shares of a drawn mixture, the "
        "classifier learns their shares in place of the label.",
    )
    pairs: str = option(
        "auto",
        "Pictures that the two views of byel, byol and joint come from: auto, the two "
        "of each face where --train_data has them, else one; label, two of a class, of "
        "different persons where they are known; none, one. Supervised training "
        "sees each picture of an expression pair half of the time, with auto.",
        choices=("auto", "label", "none"),
    )
    labelled_rows: float = option(
        0.25,
        "With a --label_share below 1: share of each batch that is taken from labelled "
        "images where all images are seen.",
        lower=0,
        upper=1,
    )


@dataclasses.dataclass(frozen=True)
class AugmentationOptions:
    """Augmentation."""

    augmentation: str = option(
        "reference",
        "Policy of the random views: the authors', BYOL's, or a gentle one for small "
        "face crops.",
        choices=POLICY_NAMES,
    )
    augment_in: str = option(
        "step",
        "Where views are made: on the device within the training step, or on the "
        "host in the input pipeline. The numbers are the same.",
        choices=("step", "pipeline"),
    )
    random_convolution: float = option(
        0.0,
        "faces: share of the views that begin with a random convolution: a drawn "
        "filter of 1, 3 or 5 px a side, whose output, at the image's own mean and "
        "deviation, is blended with the image.",
        lower=0,
        upper=1,
    )
    spectrum_jitter: float = option(
        0.0,
        "faces: share of the views whose amplitude spectrum is jittered first: each "
        "octave of detail up to twice as strong or half as strong, every phase kept.",
        lower=0,
        upper=1,
    )


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """Model and objective."""

    objective: str = option(
        "byel",
        "byel: BYOL with emotion classifier and emotion vector subtraction; byol: "
        "without both; joint: byel's losses and those of fine-tuning on the same "
        "passes, in one stage that --finetune_epochs and what goes with them describe; "
        "fixmatch: fine-tuning, and surely known weak views as labels of strong ones; "
        "supervised: fine-tuning alone.",
        choices=OBJECTIVES,
    )
    encoder: str = option(
        "resnet50",
        "resnet18, resnet34, resnet50, or a network of keras.applications by its "
        "class name, such as MobileNetV2.",
    )
    width: float = option(
        1.0, "Multiplier of the ResNet's channels.", lower=0.0625, upper=8
    )
    stem: str = option(
        "imagenet",
        "ResNet's first layers: imagenet, 7×7 stride 2 and max pooling; strided, one "
        "3×3 stride 2, for images of about 48 to 96 px; small, one 3×3 stride 1.",
        choices=("imagenet", "strided", "small"),
    )
    encoder_weights: str = option(
        "none",
        "Start of a keras.applications encoder: random, or trained on ImageNet "
        "(downloads; recorded, and the model is then not synthetic-only).",
        choices=("none", "imagenet"),
    )
    init_from: str = option(
        "",
        "Run, stage of a run (RUN/checkpoints/pretrain), export (RUN/export/1) or name "
        f"of a model that comes with the package ({' or '.join(NAMES)}), whose weights "
        "the networks begin with, as far as they fit; what was taken and what was not "
        "is printed. Of a run its pre-training counts, if it has one.",
        path="local",
    )
    channels: int = option(
        3,
        "Channels of the encoder's input: 3, or 1 to turn images grey (BT.601) within "
        "the model; augmentation sees them in colour.",
        choices=(1, 3),
    )
    normalization: str = option(
        "imagenet",
        "Input standardisation of the ResNets: ImageNet's channel means and "
        "deviations, or each image's own.",
        choices=("imagenet", "per_image"),
    )
    projection_size: int = option(
        256, "Size D of projections and predictions.", lower=2
    )
    hidden_size: int = option(4096, "Hidden units of projector and predictor.", lower=1)
    emotion_subtraction: bool = option(
        True, "byel, joint: subtract a vector from the online prediction."
    )
    subtraction: str = option(
        "class",
        "What is subtracted: class, the emotion vector of the label; action_units, one "
        "learned vector for each, as far as the face moves it, so that what is left is "
        "the face at rest, which the target sees: needs a data set that was drawn with "
        "--pairs=neutral.",
        choices=("class", "action_units"),
    )
    standardize_targets: bool = option(
        False,
        "byol, byel, joint: whether the directions of the target's projections are "
        "standardised over the batch, each entry less its mean and over its "
        "deviation. Where views share little, as in pairs of two persons, predictions "
        "drift otherwise to the one direction that all have in common.",
    )
    bootstrap_weight: float = option(1.0, "Weight of the bootstrap loss.", lower=0)
    classification_weight: float = option(
        1.0,
        "byel, joint: weight of the predictions' emotion classification loss; at 0 "
        "the emotion vectors "
        "learn from subtraction and penalty alone.",
        lower=0,
    )
    orthonormality_weight: float = option(
        1.0,
        "byel, joint: weight of the emotion vectors' orthonormality penalty.",
        lower=0,
    )
    consistency_weight: float = option(
        1.0, "fixmatch: weight of the strong views' loss.", lower=0
    )
    consistency_threshold: float = option(
        0.95, "fixmatch: least probability of a sure answer.", lower=0, upper=1
    )
    label_smoothing: float = option(
        0.0,
        "Share of each label spread over all classes, in the classification losses of "
        "both stages.",
        lower=0,
        upper=0.9,
    )
    action_unit_weight: float = option(
        0.0,
        "Weight of a loss, in both stages, for telling the faces' action units from "
        "the representation: Huber's (delta 1) of the intensities as recorded. Needs "
        "a data set that has them. 0: not learned.",
        lower=0,
    )


@dataclasses.dataclass(frozen=True)
class PretrainOptions:
    """Stage 1: pre-training."""

    pretrain_epochs: int = option(100, "Epochs of stage 1.", lower=0)
    pretrain_optimizer: str = option(
        "lars",
        "Optimizer of stage 1; the last five need tensorflow-addons.",
        choices=OPTIMIZERS + ADDON_OPTIMIZERS,
    )
    pretrain_learning_rate: float = option(
        0.2,
        "Learning rate; with --pretrain_scale_learning_rate that of a batch of 256.",
        lower=0,
    )
    pretrain_scale_learning_rate: bool = option(
        False, "Multiply the learning rate by batch_size / 256, as BYOL does."
    )
    pretrain_schedule: str = option(
        "constant",
        "Learning rate over stage 1; warmup_cosine rises linearly from 0, then falls "
        "to 0; one_cycle rises from a 25th along a cosine, then falls to a 250,000th "
        "(momentum is not cycled).",
        choices=SCHEDULES,
    )
    pretrain_warmup_epochs: float = option(
        10, "Epochs of rise, for warmup_cosine and one_cycle.", lower=0
    )
    pretrain_momentum: float = option(
        0.0, "Momentum, for lars and sgd.", lower=0, upper=0.9999
    )
    pretrain_weight_decay: float = option(
        1.5e-6, "Weight decay: LARS' own, decoupled elsewhere.", lower=0
    )
    lars_trust_coefficient: float = option(1e-3, "LARS' η.", lower=0)
    lars_trust_ratio: str = option(
        "sum_of_norms",
        "LARS' ratio: η‖w‖ over ‖g + λw‖ (update; BYOL's), or over ‖g‖ + λ‖w‖ "
        "(sum_of_norms; the BYEL authors').",
        choices=("update", "sum_of_norms"),
    )
    pretrain_exclude_bias_and_norm: bool = option(
        False,
        "Biases and normalisation parameters skip weight decay and LARS' adaptation.",
    )
    target_momentum: float = option(
        0.99, "Momentum τ of the target network.", lower=0, upper=1
    )
    target_momentum_schedule: str = option(
        "constant",
        "τ over stage 1: as given, or BYOL's ramp to 1.",
        choices=("constant", "cosine"),
    )


@dataclasses.dataclass(frozen=True)
class FinetuneOptions:
    """Stage 2: fine-tuning."""

    finetune_epochs: int = option(100, "Epochs of stage 2.", lower=1)
    finetune_optimizer: str = option(
        "adam",
        "Optimizer of stage 2; the last five need tensorflow-addons.",
        choices=OPTIMIZERS + ADDON_OPTIMIZERS,
    )
    finetune_learning_rate: float = option(1e-4, "Learning rate.", lower=0)
    finetune_schedule: str = option(
        "constant",
        "Learning rate over stage 2, as --pretrain_schedule.",
        choices=SCHEDULES,
    )
    finetune_warmup_epochs: float = option(
        0, "Epochs of rise, for warmup_cosine and one_cycle.", lower=0
    )
    finetune_momentum: float = option(
        0.9, "Momentum, for lars and sgd.", lower=0, upper=0.9999
    )
    finetune_weight_decay: float = option(
        0.0, "Weight decay: LARS' own, decoupled elsewhere.", lower=0
    )
    finetune_augmentation: str = option(
        "same",
        "Policy of the views of stage 2; same: as --augmentation.",
        choices=("same", *POLICY_NAMES),
    )
    dropout: float = option(0.3, "Dropout before the classifier.", lower=0, upper=0.95)
    weight_ema: float = option(
        0.0,
        "Momentum τ of a moving average of the weights, batch norm's statistics "
        "included, that is validated and exported in their place; after k steps it is "
        "at most (1 + k)/(10 + k). 0: no averaging.",
        lower=0,
        upper=0.999999,
    )
    flip_average: bool = option(
        False,
        "Validate and export the mean of the outputs for an image and for its mirror "
        "image.",
    )
    selection: str = option(
        "best",
        "Keep the epoch with the best validation macro F1, or the last one.",
        choices=("best", "last"),
    )


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The run."""

    model_dir: str = option(
        dataclasses.MISSING,
        "Folder of everything the run leaves; an interrupted run continues from it.",
        path="local",
    )
    batch_size: int = option(256, "Images per step over all devices together.", lower=2)
    seed: int = option(
        1, "Decides weights, order, views and dropout.", lower=0, upper=2**31 - 1
    )
    max_steps: int | None = option(
        None, "End each stage after this many steps, for a trial.", lower=1
    )
    strategy: str = option(
        "auto",
        "mirrored uses every GPU, or every logical CPU device where there is none; "
        "multi_worker those of all machines that TF_CONFIG or SLURM's variables name. "
        "auto: multi_worker where they name more than one, mirrored for several GPUs "
        "or logical devices, else one_device.",
        choices=("auto", "one_device", "mirrored", "multi_worker"),
    )
    devices: str = option(
        "",
        "Devices to use: cpu, gpu, or some GPUs, as gpu:0,gpu:2. Empty: every GPU, or "
        "the CPU where there is none.",
    )
    logical_devices: int = option(
        0,
        "Split each of these devices into so many, to try on one machine what runs on "
        "several GPUs; 0: not split.",
        lower=0,
        upper=64,
    )
    sync_batch_norm: bool | None = option(
        None,
        "Batch norm over the global batch, so that a run computes the same on any "
        "number of replicas; else each normalises its own share. Not given: yes over "
        "several replicas, unless with --xla=jit, which cannot.",
    )
    xla: str = option(
        "auto",
        "What XLA compiles. views: the augmented views; jit: these, forward passes, "
        "losses and gradients; autocluster: what TensorFlow chooses; auto: on GPUs "
        "jit, with --sync_batch_norm autocluster, on CPUs views.",
        choices=("auto", "off", "views", "autocluster", "jit"),
    )
    precision: str = option(
        "float32",
        "Arithmetic of the networks; variables, heads' outputs and losses stay "
        "float32. auto: mixed_bfloat16 where that is faster, on GPUs from Ampere on "
        "and CPUs with AMX or AVX-512's bfloat16, else float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16", "auto"),
    )
    deterministic: bool = option(
        False,
        "Let GPUs, too, give the same bits each time, with slower operations.",
    )
    keep_checkpoints: int = option(2, "Newest checkpoints kept of each stage.", lower=1)
    checkpoint_minutes: float = option(
        10, "Minutes between two checkpoints, at most.", lower=0
    )
    checkpoint_steps: int = option(
        0, "Steps between two checkpoints, besides; 0: by time alone.", lower=0
    )
    max_bad_steps: int = option(
        10,
        "Steps in a row whose loss or gradient is not finite, and which change "
        "nothing, that end the run.",
        lower=1,
    )
    collapse_threshold: float = option(
        0.05,
        "Projections have collapsed where their deviation is below this share of that "
        "of evenly spread ones.",
        lower=0,
        upper=1,
    )
    collapse_steps: int = option(500, "Steps of collapse before a warning.", lower=1)
    stop_on_collapse: bool = option(False, "End the run there instead of warning.")


@dataclasses.dataclass(frozen=True)
class MonitoringOptions:
    """TensorBoard and report."""

    log_every_steps: int = option(
        20,
        "Steps between two TensorBoard points, each the mean since the last.",
        lower=1,
    )
    eval_every_epochs: int = option(
        1,
        "Epochs between two evaluations of the test splits that are reported on, for "
        "watching only; the last epoch of a stage has one in any case. 0: none before "
        "the end of the run.",
        lower=0,
    )
    profile_steps: str = option(
        "",
        "Steps of each stage, as FIRST:LAST from 1, of which TensorFlow's profiler "
        "writes where the time goes, for TensorBoard's tab Profile.",
    )
    histograms: bool = option(
        False, "Histograms of every learned variable after each epoch."
    )
    report_examples: int = option(
        9,
        "Thumbnails in the report, at most: so many of the surest errors, and of the "
        "most uncertain images, of each data set; 0: none, nor pictures in "
        "TensorBoard's projector.",
        lower=0,
        upper=1000,
    )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """All options of a run; the fields are in the order of `flags.cfg`."""

    data: DataOptions
    augmentation: AugmentationOptions
    model: ModelOptions
    pretrain: PretrainOptions
    finetune: FinetuneOptions
    run: RunOptions
    monitoring: MonitoringOptions


TRAINING_OPTIONS = tuple(field.type for field in dataclasses.fields(TrainingConfig))


def training_config(flagfile: str | os.PathLike = "", **flags: Any) -> TrainingConfig:
    """The options of a run: see `byel_tf.training_config`."""
    argv = [
        "training_config",
        *([f"--flagfile={os.fspath(flagfile)}"] * bool(flagfile)),
    ]
    for name, value in flags.items():
        values = value if isinstance(value, list | tuple) else [value]
        argv += [f"--{name}={one}" for one in values if one is not None]
    return TrainingConfig(*parse(argv, *TRAINING_OPTIONS))
