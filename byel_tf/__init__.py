"""BYEL in TensorFlow: expression recognition learned from synthetic faces.

Importing the package is cheap on purpose: TensorFlow is imported by the modules
that compute with it, so that flag errors and data tools answer at once.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    import os

    from byel_tf.serving.loaded_model import Model

__version__ = "0.2.0"


def load(export_dir: str | os.PathLike) -> Model:
    """Loads an exported model, ready to classify images.

        import byel_tf

        model = byel_tf.load("runs/quickstart/export/1")
        result = model.predict(["face.jpg", "another.png"])
        for label, confidence in zip(result.labels, result.confidence):
            print(label, confidence)

    Args:
      export_dir: A version folder such as `RUN/export/1`, or the run's folder, whose
        newest version is then taken.

    Returns:
      The model: `classes` and `predict(paths_or_arrays)`.

    Raises:
      byel_tf.errors.RunError: If there is no exported model.
    """
    import byel_tf.compat  # noqa: F401  (TensorFlow without its remarks at import)
    from byel_tf.serving.loaded_model import load_model

    return load_model(export_dir)
