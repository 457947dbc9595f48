"""The main job: data sets in; checkpoints, curves, SavedModel and report out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.config import PRETRAINED, TrainingConfig
from byel_tf.distribution.cluster import Cluster
from byel_tf.distribution.precision import (
    resolve_precision,
    slow_precision_warning,
)
from byel_tf.distribution.replicas import processes_here
from byel_tf.distribution.strategy import (
    build_strategy,
    describe_devices,
    idle_gpu_warning,
    make_deterministic,
    require_even_batches,
    resolve_sync,
    resolve_xla,
)
from byel_tf.errors import RunError
from byel_tf.flagging import to_flagfile
from byel_tf.models.encoders import (
    draws_by_itself,
    require_encoder,
)
from byel_tf.models.normalization import batch_norm, sync_batch_norm
from byel_tf.models.step import StageModel
from byel_tf.monitoring.profile import parse_steps
from byel_tf.monitoring.stage_log import StageLog
from byel_tf.optimizers.factory import require_optimizer
from byel_tf.training.building import StageBuilder
from byel_tf.training.caches import plan_caches
from byel_tf.training.checkpoints import Checkpoint
from byel_tf.training.datasets import (
    RunDatasets,
    open_datasets,
    require_distinct_names,
)
from byel_tf.training.fresh_faces import (
    FreshEpochs,
    drawn_epochs,
    require_drawing,
)
from byel_tf.training.from_chief import (
    newest_checkpoint,
    said_once,
    source_of_weights,
)
from byel_tf.training.inputs import (
    RECORDED_PAIRS,
    require_policy_options,
)
from byel_tf.training.interruption import Interruption
from byel_tf.training.loop import (
    Stage,
    StageLoop,
    failures_explained,
    last_step,
)
from byel_tf.training.missing_data import synthesize_missing
from byel_tf.training.provenance import (
    Notes,
    config_groups,
    describe_run,
    facts_of_worker,
)
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.starting_weights import take
from byel_tf.training.state import TrainingState

# Added to the seed for the weights that stage 2 begins with.
_SECOND_SEEDS = 2**31


def train(
    config: TrainingConfig, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> dict[str, Any]:
    """Runs both stages, exports, evaluates and reports.

    A run that was broken off, anywhere, continues and ends as if it had not been.

    Args:
      config: All options.
      callbacks: A user's own: see `byel_tf.train`.

    Returns:
      The content of `results.json`.

    Raises:
      UsageError: For options that cannot be meant together.
      RunError: For data, a model folder or a training that fails.
      KeyboardInterrupt: When it is told to end; what was done is saved.
    """
    _require_options(config)
    run = config.run
    # Before signals are watched: TensorFlow takes SIGTERM for itself in it.
    strategy = build_strategy(run.strategy, run.devices, run.logical_devices)
    cluster, interruption = Cluster(strategy), Interruption()
    require_drawing(config, cluster.workers)
    policy = keras.mixed_precision.global_policy()
    try:
        with interruption.watching(), said_once(cluster), cluster.losses_told():
            cluster.do_first(lambda: synthesize_missing(config.data, run.seed))
            datasets = open_datasets(config)
            directory = RunDirectory(run.model_dir, is_written=cluster.is_chief)
            with (
                directory.locked(),
                failures_explained("training"),
                drawn_epochs(config, datasets.train, directory) as fresh,
            ):
                return _Run(
                    config,
                    datasets,
                    directory,
                    strategy,
                    interruption,
                    callbacks,
                    fresh,
                ).train()
    finally:  # a caller's own networks keep their precision
        keras.mixed_precision.set_global_policy(policy)


class _Run:
    """A run in its locked folder, stage by stage."""

    def __init__(
        self,
        config: TrainingConfig,
        datasets: RunDatasets,
        directory: RunDirectory,
        strategy: tf.distribute.Strategy,
        interruption: Interruption,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        fresh: FreshEpochs | None = None,
    ):
        self._config, self._datasets = config, datasets
        self._strategy, self._cluster = strategy, Cluster(strategy)
        self._directory, self._interruption = directory, interruption
        self._callbacks = callbacks
        precision = resolve_precision(config.run.precision)
        keras.mixed_precision.set_global_policy(precision)
        keras.utils.set_random_seed(config.run.seed)
        make_deterministic(config.run.deterministic)
        is_synchronized = resolve_sync(
            config.run.sync_batch_norm, config.run.xla, strategy
        )
        xla = resolve_xla(config.run.xla, is_synchronized)
        require_even_batches(strategy, config.run.batch_size)
        devices = describe_devices(strategy)
        norm = ""
        if strategy.num_replicas_in_sync > 1:
            norm = f"; batch norm over {'all replicas' if is_synchronized else 'each'}"
        print(f"devices: {devices}; {precision}; XLA {xla}{norm}", flush=True)
        for warning in (idle_gpu_warning(), slow_precision_warning(precision)):
            if warning:
                print(warning)
        scored = [(datasets.selection, "validation"), (datasets.train, "validation")]
        scored += [(data, "test") for data in datasets.reported.values()]
        caches = plan_caches(
            config.data.cache,
            None if fresh else datasets.train,
            scored,
            config.data.image_size,
            processes_here(strategy),
            2 if datasets.pairs in RECORDED_PAIRS else 1,
        )
        print(f"cache: {caches.reason}", flush=True)
        if datasets.pairs != "none":
            print(f"pairs: second pictures are of the kind {datasets.pairs}")
        if datasets.labelled is not None:
            number, count = datasets.labelled.sum(), len(datasets.labelled)
            print(f"labels: those of {number:,} of {count:,} training images are used")
        if datasets.voted is not None:
            count = datasets.train.manifest.splits["train"].count
            print(f"labels: {datasets.voted:,} of {count:,} training images have votes")
        if datasets.train.name not in datasets.reported:
            print(f"note: {datasets.train.path} has no test split to report on")
        self._build = StageBuilder(
            config,
            datasets,
            caches,
            xla,
            sync_batch_norm if is_synchronized else batch_norm,
            fresh,
        )
        described = describe_run(
            devices, precision, datasets.by_use, config.model.encoder_weights
        )
        if datasets.labelled is not None:
            described["labelled_images"] = int(datasets.labelled.sum())
        if callbacks:  # what they do is in no flag
            described["callbacks"] = [type(one).__qualname__ for one in callbacks]
        flags = to_flagfile(*config_groups(config))
        self._cluster.require_same(
            "flags, data or versions", facts_of_worker(flags, described)
        )
        self._notes = Notes(flags, described).settled(directory)

    def train(self) -> dict[str, Any]:
        """All of it; returns the results."""
        stages = self._planned_steps()
        begun = newest_checkpoint(self._cluster, self._directory, "finetune")
        self._require_stage_order(begun, stages.get("pretrain", 0))
        carried, encoder = {}, None
        with self._strategy.scope():
            if "pretrain" in stages and not begun:
                stage = self._build.pretraining()
                state = self._train(stage, None, is_first=True)
                encoder = stage.model.online.encoder
                carried = {
                    "pretrain_steps": np.array(stage.total_steps),
                    "pretrain_steps_done": np.array(state.step),
                }
                if stage.model.emotion_classifier is not None:
                    vectors = stage.model.emotion_classifier.emotion_vectors
                    carried["emotion_vectors"] = vectors.numpy()
                del stage  # the target network and the optimizer's slots
            # Its first weights are the same whatever was built before it.
            keras.utils.set_random_seed(self._config.run.seed + _SECOND_SEEDS)
            stage = self._build.finetuning(encoder or self._build.build_encoder())
            is_first = "pretrain" not in stages
            state = self._train(stage, begun, is_first, carried)
        done = {"finetune": state.step}
        if "pretrain" in stages:
            carried = state.carried
            before = carried.get("pretrain_steps_done", carried["pretrain_steps"])
            done = {"pretrain": int(before), **done}
        step = state.use_best() if stage.select_best else state.step
        vectors = state.carried.get("emotion_vectors")
        if stage.model.bootstrap is not None:
            vectors = stage.model.bootstrap.emotion_classifier.emotion_vectors.numpy()
        return self._finish(stage, step, vectors, done)

    def _planned_steps(self) -> dict[str, int]:
        """Steps of the stages that there are."""
        config = self._config
        count = self._datasets.train.manifest.splits["train"].count
        size, most = config.run.batch_size, config.run.max_steps
        epochs = {"finetune": (-(-count // size), config.finetune.finetune_epochs)}
        if config.model.objective in PRETRAINED and config.pretrain.pretrain_epochs:
            # The reference leaves the last, partial batch out of this stage.
            per_epoch = count // size
            epochs = {
                "pretrain": (per_epoch, config.pretrain.pretrain_epochs),
                **epochs,
            }
        return {name: last_step(a * b, most) for name, (a, b) in epochs.items()}

    def _require_stage_order(self, finetuning: Checkpoint | None, steps: int) -> None:
        """Refuses to train on a stage 1 that stage 2 has begun from.

        Raises:
          RunError: If stage 1 had other steps than now asked for.
        """
        if finetuning is None:
            begun = self._directory.checkpoints("pretrain").newest_path
            if begun and not steps and self._cluster.is_chief:
                raise RunError(
                    f"{self._directory.path} holds a pre-training, of which none is "
                    "asked for: give its epochs, or choose another --model_dir"
                )
            return
        done = int(finetuning.arrays.get("carried/pretrain_steps", 0))
        if done > steps:
            raise self._more_than_asked_for("pretrain", done, steps)
        if done < steps:
            raise RunError(
                f"{self._directory.path} holds a fine-tuning that began after {done} "
                f"steps of pre-training, which would now go on to {steps}: choose "
                "another --model_dir"
            )

    def _more_than_asked_for(self, stage: str, done: int, steps: int) -> RunError:
        return RunError(
            f"{self._directory.path} has done {done} steps of {stage}, more than the "
            f"{steps} asked for: give more epochs or steps, or choose another "
            "--model_dir"
        )

    def _begin_from(self, path: str, model: StageModel) -> None:
        """Gives the first stage's model the weights of `--init_from`.

        Raises:
          RunError: If they cannot be read, or have changed since the run began.
        """
        source = source_of_weights(self._cluster, path)
        before = self._notes.run.get("init_from")
        if before and before["sha256"] != source.sha256:
            raise RunError(
                f"the weights of --init_from={path} have changed since this run began "
                "with them: choose another --model_dir"
            )
        print(take(source, model), flush=True)
        self._notes.run["init_from"] = source.to_json()

    def _train(
        self,
        stage: Stage,
        saved: Checkpoint | None,
        is_first: bool,
        carried: Mapping[str, np.ndarray] | None = None,
    ) -> TrainingState:
        """Trains a stage to its end, from its newest checkpoint if it has one.

        Args:
          stage: The stage.
          saved: That checkpoint, if it was read before.
          is_first: Whether no stage comes before it.
          carried: What it has of an earlier stage, if it begins.

        Returns:
          Its state; the model holds the weights of the last step.
        """
        directory, config = self._directory, self._config
        state = TrainingState(stage.model, carried)
        saved = saved or newest_checkpoint(self._cluster, directory, stage.name)
        logs = {"history": 0 if is_first else directory.history.size()}
        if saved:
            _restore(state, saved)
            logs = saved.numbers["logs"]
            print(f"{stage.name}: continuing from step {state.step}", flush=True)
        elif is_first and config.model.init_from:
            self._begin_from(config.model.init_from, stage.model)
        if state.step > stage.total_steps:
            raise self._more_than_asked_for(stage.name, state.step, stage.total_steps)
        is_at_end = state.is_stopped or state.step == stage.total_steps
        if is_at_end and not state.has_unended_epoch(stage.inputs.steps_per_epoch):
            directory.history.cut(logs["history"])  # of a later stage begun anew
            return state
        if draws_by_itself(stage.model):
            self._notes.run["continues_exactly"] = False
            print(
                f"note: --encoder={config.model.encoder} draws from a generator whose "
                "state cannot be saved: interrupted, it continues, but not bit for bit"
            )
        # A finished run keeps the notes of what it was trained with.
        self._notes = self._notes.written(directory)
        parameters = sum(v.shape.num_elements() for v in stage.model.learned_variables)
        print(
            f"{stage.name}: {parameters:,} trainable parameters, "
            f"{stage.total_steps} steps of {config.run.batch_size} images",
            flush=True,
        )
        loop = StageLoop(
            stage,
            state,
            directory,
            StageLog(
                stage.name,
                directory.tensorboard(stage.name),
                directory.history,
                logs,
                self._cluster.is_chief,
            ),
            config.run,
            config.monitoring,
            self._interruption,
            _draw_confusion,
            self._callbacks,
        )
        watched = [stage.validation, *stage.reported.values()]
        with failures_explained(stage.name, stage.inputs.data, *filter(None, watched)):
            loop.run()
        return state

    def _finish(
        self,
        stage: Stage,
        step: int,
        emotion_vectors: np.ndarray | None,
        steps: Mapping[str, int],
    ) -> dict[str, Any]:
        """Exports, scores and reports what stage 2 has made; the chief does."""
        weights = stage.model.inference_network.get_weights()
        head = stage.model.action_unit_head
        results = None
        if self._cluster.is_chief:
            # As late as it is needed: scikit-learn takes a second that the first step
            # need not wait for.
            from byel_tf.training.results import finish_run

            results = finish_run(
                self._config,
                self._datasets,
                self._directory,
                self._notes,
                weights,
                step,
                self._build.build_exported_encoder,
                emotion_vectors,
                head.get_weights() if head else (),
                steps,
            )
        return json.loads(self._cluster.from_chief(json.dumps(results)))


def _draw_confusion(counts: np.ndarray, classes: Sequence[str], title: str) -> bytes:
    # As late as it is needed: matplotlib takes a second, too.
    from byel_tf.evaluation.report.figures import confusion_matrix_png

    return confusion_matrix_png(counts, classes, title)


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
    if model.objective in PRETRAINED:
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
    require_policy_options(config)
    require_distinct_names(config.data)
    parse_steps(config.monitoring.profile_steps)


def _restore(state: TrainingState, saved: Checkpoint) -> None:
    try:
        state.restore(saved.arrays, saved.numbers)
    except (ValueError, LookupError, TypeError) as error:
        raise RunError(
            f"checkpoint {saved.path} is that of another model ({error}): choose "
            "another --model_dir"
        ) from error
