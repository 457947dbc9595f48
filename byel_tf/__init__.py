"""BYEL in TensorFlow: expression recognition learned from synthetic faces.

Importing the package is cheap on purpose: TensorFlow is imported by the modules
that compute with it, so that flag errors and data tools answer at once.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any

    from byel_tf.compat import keras
    from byel_tf.config import TrainingConfig
    from byel_tf.serving.loaded_model import Model

__version__ = "0.6.0"


def training_config(flagfile: str | os.PathLike = "", **flags: Any) -> TrainingConfig:
    """The options of a run, as a command line would give them.

        config = byel_tf.training_config(
            "flags/own.cfg", train_data="data/mine", model_dir="runs/mine", seed=2
        )

    Args:
      flagfile: A file of flags; empty for none.
      **flags: Flags of `train_main.py` by name, which come after the file's; a list
        for those that can be repeated, None for those not to be given.

    Raises:
      byel_tf.errors.UsageError: For a flag that there is not, or a value that it
        cannot have.
    """
    from byel_tf import config

    return config.training_config(flagfile, **flags)


def train(
    config: TrainingConfig, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> dict[str, Any]:
    """Trains, exports, evaluates and reports, as `train_main.py` does.

    A run that was broken off continues when it is called again. Signals that tell it to
    end are handled meanwhile, if this is the main thread.

    Args:
      config: All options, as from `training_config`.
      callbacks: Callbacks of Keras 2 (`from byel_tf.compat import keras`), for both
        stages: `model` is the stage's, `params["stage"]` its name, "pretrain" or
        "finetune". `on_epoch_end` is given the epoch's numbers, such as
        "val_macro_f1", and the last means of the losses; `on_train_batch_end` the
        means, after the steps that --log_every_steps shows. Who sets
        `model.stop_training` ends the stage, for good. What they remember is not
        saved: after an interruption they begin anew.

    Returns:
      The content of `results.json`.

    Raises:
      byel_tf.errors.UsageError: For options that cannot be meant together.
      byel_tf.errors.RunError: For data, a folder or a training that fails.
      KeyboardInterrupt: When it is told to end; what was done is saved.
    """
    import os
    import sys

    if config.run.xla == "autocluster" and "tensorflow" not in sys.modules:
        # TensorFlow clusters nothing on CPUs unless told so before its import.
        flags = os.environ.get("TF_XLA_FLAGS", "")
        os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_cpu_global_jit".strip()
    import byel_tf.compat  # noqa: F401  (TensorFlow without its remarks at import)
    from byel_tf.training import run

    return run.train(config, callbacks)


def load(export_dir: str | os.PathLike, classes: Sequence[str] = ()) -> Model:
    """Loads an exported model, ready to classify images.

        import byel_tf

        model = byel_tf.load("people")
        result = model.predict(["face.jpg", "another.png"])
        for label, confidence in zip(result.labels, result.confidence):
            print(label, confidence)

    Args:
      export_dir: A version folder such as `RUN/export/1`, or the run's folder, whose
        newest version is then taken; or the name of a model that comes with the
        package: "people", of six expressions, or "people7", with neutral.
      classes: Names of some of its classes: the probabilities of the others are
        removed, and the rest divided by their sum. None for all.

    Returns:
      The model: `classes`, `action_units` and `predict(paths_or_arrays)`.

    Raises:
      byel_tf.errors.RunError: If there is no exported model, or it is damaged.
      byel_tf.errors.UsageError: If it has no such class.
    """
    import byel_tf.compat  # noqa: F401  (TensorFlow without its remarks at import)
    from byel_tf.serving.loaded_model import load_model

    return load_model(export_dir, classes)
