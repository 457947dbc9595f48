"""An exported model, read back."""

import dataclasses
import json
import os
import pathlib

import tensorflow as tf
from google.protobuf.message import DecodeError

from byel_tf.errors import RunError
from byel_tf.serving.export import METADATA_FILE_NAME


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A loaded SavedModel.

    Attributes:
      signature: Takes `image_bytes`, gives probabilities, logits, label,
        representation and valid.
      classes: Names in the order of the outputs.
      metadata: Facts written at export.
      module: What was saved, a `ServingModule` without its Python code: with the
        functions `classifier` and `serve`, and the variable `temperature`.
    """

    signature: tf.types.experimental.GenericFunction
    classes: tuple[str, ...]
    metadata: dict[str, object]
    module: tf.Module | None = None


def find_export(path: str | os.PathLike) -> pathlib.Path:
    """The version folder that a path means.

    Args:
      path: A version folder such as `RUN/export/1`, its parent, or a run's folder:
        then the newest version is meant.

    Returns:
      The version folder; `path` itself where there is none, for `load_export` to
      complain about.
    """
    given = pathlib.Path(path)
    for folder in (given / "export", given):
        versions = [
            file.parent
            for file in folder.glob(f"*/{METADATA_FILE_NAME}")
            if file.parent.name.isdecimal()
        ]
        if versions:
            return max(versions, key=lambda version: int(version.name))
    return given


def load_export(path: str | os.PathLike) -> ExportedModel:
    """Loads an export.

    Args:
      path: A version folder such as `RUN/export/1`.

    Raises:
      RunError: If there is no export of this project.
    """
    file = pathlib.Path(path) / METADATA_FILE_NAME
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        classes = tuple(metadata["classes"])
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        tf.errors.OpError,
        DecodeError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RunError(
            f"{path} is not an exported model, give a version folder such as "
            f"RUN/export/1 ({reason})"
        ) from error
    # The signature alone does not keep the loaded variables alive.
    signature._keep_alive = loaded
    return ExportedModel(signature, classes, metadata, loaded)
