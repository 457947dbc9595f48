"""An exported model, read back."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf
from google.protobuf.message import DecodeError

from byel_tf.errors import RunError
from byel_tf.serving.export import METADATA_FILE_NAME

_OUTPUTS = ("probabilities", "logits", "representation", "valid")


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
        classes = _read_classes(metadata)
        _require_outputs(signature.structured_outputs, classes)
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
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


def _read_classes(metadata: Mapping[str, object]) -> tuple[str, ...]:
    classes = metadata["classes"]
    if not isinstance(classes, list) or not all(isinstance(c, str) for c in classes):
        raise TypeError(f"{METADATA_FILE_NAME}: classes are {classes!r}, not names")
    return tuple(classes)


def _require_outputs(
    outputs: Mapping[str, tf.TensorSpec], classes: Sequence[str]
) -> None:
    """Refuses a signature that gives something else than an export's.

    Raises:
      LookupError: If it lacks an output.
      ValueError: If it has another number of classes.
    """
    missing = [name for name in _OUTPUTS if name not in outputs]
    if missing:
        raise LookupError(f"its signature has no output {', '.join(missing)}")
    sizes = {"probabilities": len(classes), "logits": len(classes)}
    for name, size in {**sizes, "representation": None}.items():
        shape = outputs[name].shape
        if not shape.is_compatible_with([None, size]):
            raise ValueError(
                f"its output {name} has the shape {shape}, {METADATA_FILE_NAME} has "
                f"{len(classes)} classes"
            )
