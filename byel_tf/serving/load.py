"""An exported model, read back."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf
from google.protobuf.message import DecodeError

from byel_tf.errors import RunError
from byel_tf.pretrained import NAMES, is_pretrained, pretrained_folder
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.export import METADATA_FILE_NAME, damaged_file

_RUN_FILE_NAME = "run.json"
_OUTPUTS = ("probabilities", "logits", "representation", "valid")


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A loaded SavedModel.

    Attributes:
      signature: Takes `image_bytes`, gives probabilities, logits, label,
        representation and valid.
      classes: Names in the order of the outputs.
      metadata: Facts written at export.
      module: What was saved, a `ServingModule` without its Python code: with its
        functions and the variable `temperature`.
    """

    signature: tf.types.experimental.GenericFunction
    classes: tuple[str, ...]
    metadata: dict[str, object]
    module: tf.Module | None = None

    @property
    def action_units(self) -> tuple[str, ...]:
        """Names of the action units that it gives, in order; () if it gives none."""
        return tuple(self.metadata.get(ACTION_UNITS, ()))

    def classify(self, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (N, S, S, 3) in [0, 1] → representations (N, R), logits (N, K)."""
        if hasattr(self.module, "classify"):
            return self.module.classify(pixels)
        # Releases before 0.6 saved the classifier's own functions.
        return self.module.classifier(pixels, training=False)


def find_export(path: str | os.PathLike) -> pathlib.Path:
    """The version folder that a path means.

    Args:
      path: A version folder such as `RUN/export/1`, its parent, or a run's folder:
        then the newest version is meant. Where it is none of these, the name of a
        model that comes with the package.

    Returns:
      The version folder; `path` itself where there is none, for `load_export` to
      complain about.

    Raises:
      RunError: If the model of that name did not come with this copy of the package,
        or is the folder of a run as well.
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
    if os.fspath(path) in NAMES and not (given / METADATA_FILE_NAME).exists():
        if (given / _RUN_FILE_NAME).exists():
            raise RunError(
                f"{path} is the folder of a run without an export, and also the name "
                "of a model that comes with the package: finish the run, or rename its "
                "folder"
            )
        return pretrained_folder(os.fspath(path))
    return given


def load_export(path: str | os.PathLike) -> ExportedModel:
    """Loads an export.

    Args:
      path: A version folder such as `RUN/export/1`.

    Raises:
      RunError: If there is no export of this project, or a file of it is damaged.
    """
    folder = pathlib.Path(path)
    try:
        metadata = json.loads((folder / METADATA_FILE_NAME).read_text(encoding="utf-8"))
        classes = _read_names(metadata, "classes")
        units = _read_names(metadata, ACTION_UNITS) if ACTION_UNITS in metadata else ()
        _require_whole(folder, metadata)
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        _require_outputs(signature.structured_outputs, classes, units)
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


def require_action_units(model: ExportedModel, name: str) -> None:
    """Refuses a model that gives no action units.

    Args:
      model: The model.
      name: What it is called.

    Raises:
      RunError: If it has none.
    """
    if not model.action_units:
        raise RunError(
            f"the model {name} gives no action units: it was trained without, or "
            "exported by a release before 0.5; train it with --action_unit_weight "
            "above 0 on drawn faces, or leave --action_units"
        )


def _require_whole(folder: pathlib.Path, metadata: Mapping[str, object]) -> None:
    """Refuses an export with a file that is not as it was written.

    Raises:
      RunError: With the file.
    """
    damaged = damaged_file(folder, metadata)
    if damaged:
        way_out = "install byel_tf again" if is_pretrained(folder) else "export again"
        raise RunError(
            f"{folder} is damaged: {damaged} is not the file that was exported; copy "
            f"it anew, or {way_out}"
        )


def _read_names(metadata: Mapping[str, object], what: str) -> tuple[str, ...]:
    names = metadata[what]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"{METADATA_FILE_NAME}: {what.replace('_', ' ')} are {names!r}, not names"
        )
    return tuple(names)


def _require_outputs(
    outputs: Mapping[str, tf.TensorSpec], classes: Sequence[str], units: Sequence[str]
) -> None:
    """Refuses a signature that gives something else than an export's.

    Raises:
      LookupError: If it lacks an output.
      ValueError: If it has another number of classes or of action units.
    """
    missing = [
        name
        for name in (*_OUTPUTS, *((ACTION_UNITS,) if units else ()))
        if name not in outputs
    ]
    if missing:
        raise LookupError(f"its signature has no output {', '.join(missing)}")
    sizes = {"probabilities": len(classes), "logits": len(classes)}
    if units:
        sizes[ACTION_UNITS] = len(units)
    for name, size in {**sizes, "representation": None}.items():
        shape = outputs[name].shape
        if not shape.is_compatible_with([None, size]):
            what = "action units" if name == ACTION_UNITS else "classes"
            raise ValueError(
                f"its output {name} has the shape {shape}, {METADATA_FILE_NAME} has "
                f"{len(units if name == ACTION_UNITS else classes)} {what}"
            )
