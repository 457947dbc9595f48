"""The stages of a run, built from its options and what was settled for all of it."""

import functools
from collections.abc import Callable
from typing import Any

from byel_tf.config import ModelOptions, TrainingConfig
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.evaluation.scored_classes import choose_scored_classes
from byel_tf.models.byel import BOTH_WAYS, ONE_WAY
from byel_tf.models.encoders import Encoder, build_encoder
from byel_tf.models.normalization import BatchNorm, batch_norm
from byel_tf.training.caches import Caches
from byel_tf.training.datasets import RunDatasets
from byel_tf.training.finetuning import build_finetuning
from byel_tf.training.fresh_faces import FreshEpochs, planned_epochs
from byel_tf.training.inputs import (
    StageInputs,
    build_inputs,
    class_weights,
    split_data,
    stage_policy,
)
from byel_tf.training.loop import Stage
from byel_tf.training.pretraining import build_pretraining


class StageBuilder:
    """Builds the stages of one run; call it in the strategy's scope."""

    def __init__(
        self,
        config: TrainingConfig,
        datasets: RunDatasets,
        caches: Caches,
        xla: str,
        make_norm: BatchNorm,
        fresh: FreshEpochs | None = None,
    ):
        """Keeps what all stages are built from.

        Args:
          config: All options.
          datasets: What the run reads.
          caches: Where decoded images are kept.
          xla: What XLA compiles: as `resolve_xla` gives it.
          make_norm: Makes batch norm layers.
          fresh: Faces that are drawn while it trains, or None.
        """
        self._config, self._datasets, self._caches = config, datasets, caches
        self._xla, self._make_norm, self._fresh = xla, make_norm, fresh
        size = config.data.image_size
        #: Makes the encoder that is trained, and the one that is exported, whose batch
        #: norm is one replica's; both built.
        self.build_encoder = encoder_builder(config.model, size, make_norm)
        self.build_exported_encoder = encoder_builder(config.model, size)

    def pretraining(self) -> Stage:
        """Stage 1."""
        config = self._config
        return build_pretraining(
            config.pretrain,
            config.model,
            config.run,
            self._inputs(1, 2),
            directions=ONE_WAY if self._datasets.pairs == "neutral" else BOTH_WAYS,
            **self._watched(self._datasets.train),
        )

    def finetuning(self, encoder: Encoder) -> Stage:
        """Stage 2.

        Args:
          encoder: What it begins with, built.
        """
        config = self._config
        objective = config.model.objective
        return build_finetuning(
            config.finetune,
            config.model,
            config.run,
            self._inputs(2, 2 if objective in ("joint", "fixmatch") else 1),
            encoder=encoder,
            target_options=config.pretrain if objective == "joint" else None,
            **self._watched(self._datasets.selection),
        )

    def _inputs(self, stage: int, num_views: int) -> StageInputs:
        config, pairs = self._config, self._datasets.pairs
        if num_views == 1 and pairs != "expression":
            pairs = "none"
        first_epoch = 0 if stage == 1 else planned_epochs(config)[0]
        return build_inputs(
            self._datasets.train,
            config.data,
            config.run,
            stage=stage,
            num_views=num_views,
            augmentation=stage_policy(config, stage),
            in_pipeline=config.augmentation.augment_in == "pipeline",
            compile_views=self._xla == "views",
            drop_remainder=stage == 1,
            with_action_units=_has_action_units(config.model),
            labelled=self._datasets.labelled,
            pairs=pairs,
            sees_all=num_views > 1,
            cache=self._caches.training,
            records_of=self._fresh and self._fresh.stage(first_epoch),
        )

    def _watched(self, validated: PreparedDataset) -> dict[str, Any]:
        """What both stages are built with."""
        config, datasets = self._config, self._datasets
        batches = functools.partial(
            split_data,
            image_size=config.data.image_size,
            batch_size=config.run.batch_size,
            cache=self._caches.evaluation,
        )
        units = len(datasets.train.manifest.action_units)
        are_subtracted = config.model.subtraction == "action_units"
        reported = {
            name: batches(
                dataset,
                "test",
                labels=choose_scored_classes(datasets.classes, dataset).labels,
            )
            for name, dataset in datasets.reported.items()
        }
        return {
            "validation": batches(validated, "validation"),
            "reported": {n: found for n, found in reported.items() if found},
            "classes": datasets.classes,
            "num_action_units": units if config.model.action_unit_weight else 0,
            "num_movements": units if are_subtracted else 0,
            "class_weights": class_weights(
                datasets.train, config.data.class_balance, datasets.labelled
            ),
            "build_encoder": self.build_encoder,
            "make_norm": self._make_norm,
            "jit_compile": self._xla == "jit",
        }


def encoder_builder(
    model: ModelOptions, image_size: int, make_norm: BatchNorm = batch_norm
) -> Callable[[], Encoder]:
    """A function without arguments that makes the configured encoder."""
    return functools.partial(
        build_encoder,
        model.encoder,
        image_size=image_size,
        width=model.width,
        stem=model.stem,
        channels=model.channels,
        normalization=model.normalization,
        weights=model.encoder_weights,
        make_norm=make_norm,
    )


def _has_action_units(model: ModelOptions) -> bool:
    """Whether batches have the faces' action units."""
    return model.action_unit_weight > 0 or model.subtraction == "action_units"
