"""Where a model comes from: the flags, data and code that made it."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from byel_tf.errors import RunError
from byel_tf.history import FILE_NAME
from byel_tf.json_files import has_shape
from byel_tf.serving.export import METADATA_FILE_NAME
from byel_tf.serving.model_card import collect_facts

_SAVED_MODEL = ("saved_model.pb", "variables/*", METADATA_FILE_NAME)


@dataclasses.dataclass(frozen=True)
class Origin:
    """What is known of a model's making; what is not is empty or None.

    Attributes:
      export: The version folder.
      sha256: Hash of the SavedModel's files.
      run: Content of `run.json`.
      flags: Lines of `flags.cfg`.
      history: The run's `history.jsonl`, the numbers of its training.
      emotion_vector_cosines: Between the emotion vectors of stage 1, (K, K).
    """

    export: pathlib.Path
    sha256: str
    run: Mapping[str, Any]
    flags: tuple[str, ...]
    history: pathlib.Path | None
    emotion_vector_cosines: np.ndarray | None


def find_origin(export: pathlib.Path) -> Origin:
    """Collects what an export and the run that it lies in tell.

    Args:
      export: A version folder; of one that was copied out of its run, `RUN/export/N`,
        only the export itself is known.

    Raises:
      RunError: If it is no export, or its emotion vectors' cosines are none.
    """
    facts = collect_facts(export, export)
    history = export.resolve().parent.parent / FILE_NAME
    return Origin(
        export,
        _digest(export),
        facts.run,
        facts.flags,
        history if facts.run and history.is_file() else None,
        _emotion_vector_cosines(export, facts.export),
    )


def _emotion_vector_cosines(
    export: pathlib.Path, metadata: Mapping[str, Any]
) -> np.ndarray | None:
    cosines = metadata.get("emotion_vector_cosines")
    if cosines is None:
        return None
    size = len(metadata["classes"])
    is_square = has_shape(cosines, [[int | float]]) and (
        [len(row) for row in cosines] == [size] * size
    )
    if not is_square or not np.isfinite(cosines).all():
        raise RunError(
            f"{export / METADATA_FILE_NAME}: emotion_vector_cosines is not {size} × "
            f"{size} finite numbers, as of {size} classes: remove it, or export again"
        )
    return np.array(cosines)


def _digest(export: pathlib.Path) -> str:
    """One hash of the files that make the model, by their names."""
    digest = hashlib.sha256()
    for pattern in _SAVED_MODEL:
        for file in sorted(export.glob(pattern)):
            digest.update(f"{file.relative_to(export).as_posix()}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
