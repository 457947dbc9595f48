"""A run's flags for TensorBoard's table of runs.

No experiment is described: TensorBoard then finds flags and scores in the runs
themselves, so that runs of other flags and other data sets share the table. The
description of one run would decide the columns for all.
"""

import dataclasses
import pathlib

import tensorflow as tf
from tensorboard.plugins.hparams import api, api_pb2, summary

from byel_tf.config import MonitoringOptions, TrainingConfig
from byel_tf.monitoring.scalars import shown

# They change nothing that is learned, as what is monitored doesn't.
_LEFT_OUT = {
    "augment_in",
    "cache",
    "checkpoint_minutes",
    "checkpoint_steps",
    "collapse_steps",
    "collapse_threshold",
    "eval_data",
    "keep_checkpoints",
    "max_bad_steps",
    "model_dir",
    "stop_on_collapse",
}


def hyperparameters(config: TrainingConfig) -> dict[str, bool | int | float | str]:
    """The flags that may decide a result, by name; without those that are not set."""
    flags = {}
    for field in dataclasses.fields(config):
        group = getattr(config, field.name)
        if not isinstance(group, MonitoringOptions):
            flags |= dataclasses.asdict(group)
    return {
        name: shown(value) if isinstance(value, str) else value
        for name, value in flags.items()
        if name not in _LEFT_OUT and value is not None
    }


def write_hyperparameters(config: TrainingConfig) -> None:
    """Writes the flags of a finished run to the default writer.

    The table has a row for each `--model_dir`. By itself TensorBoard would take
    repeated runs of the same flags for one, and show the means of their scores.
    """
    path = pathlib.Path(config.run.model_dir)
    row = shown(f"{path.name} ({path.parent})")  # the table cuts what is long
    for content in (
        api.hparams_pb(hyperparameters(config), trial_id=row),
        summary.session_end_pb(api_pb2.STATUS_SUCCESS),
    ):
        tf.summary.experimental.write_raw_pb(content.SerializeToString(), step=0)
