"""`history.jsonl` of a run: the numbers of its training, each written once.

One line a logged step and one an epoch:

    {"stage": "finetune", "step": 59, "epoch": 1, "values": {"macro_f1/train": 0.41}}

There are no clock times, so that a run that was interrupted leaves the same file as one
that was not.
"""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping

from byel_tf.json_files import has_shape

FILE_NAME = "history.jsonl"

_LINE = {
    "stage": str,
    "step": int,
    "epoch": int,
    "values": {str: int | float | None},
}
_MAX_STEP = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Line:
    """What was logged at once.

    Attributes:
      stage: "pretrain" or "finetune".
      step: The stage's steps done so far.
      values: Numbers by their TensorBoard tag without the stage, such as
        `losses/total`; None for one that is not finite.
      epoch: The stage's epochs done so far, or None for a line of a step.
    """

    stage: str
    step: int
    values: Mapping[str, float | None]
    epoch: int | None = None


class History:
    """The file, as training writes it."""

    def __init__(self, path: str | os.PathLike, is_written: bool = True):
        """Touches nothing yet.

        Args:
          path: The file, which need not be there; its folder has to be.
          is_written: Whether this process writes it; else nothing is.
        """
        self._path = pathlib.Path(path)
        self._is_written = is_written

    def append(
        self,
        stage: str,
        step: int,
        values: Mapping[str, float],
        epoch: int | None = None,
    ) -> None:
        """Adds a line, which outlives the process from then on.

        Args:
          stage: "pretrain" or "finetune".
          step: The stage's steps done so far.
          values: Numbers by their TensorBoard tag without the stage.
          epoch: The stage's epochs done so far, for the line of an epoch.
        """
        if not self._is_written:
            return
        content = {"stage": stage, "step": step}
        if epoch is not None:
            content["epoch"] = epoch
        content["values"] = {name: _finite(value) for name, value in values.items()}
        line = _as_utf8(json.dumps(content, ensure_ascii=False, allow_nan=False))
        try:
            with open(self._path, "ab") as file:
                file.write(line + b"\n")
        except OSError as error:
            # A full disk does not say of what.
            error.filename = error.filename or str(self._path)
            raise

    def size(self) -> int:
        """Bytes on disk, 0 without a file: where `cut` comes back to."""
        return self._path.stat().st_size if self._path.exists() else 0

    def cut(self, size: int) -> None:
        """Forgets the lines after the first bytes: their steps are done again.

        Args:
          size: Bytes to keep. Where others have changed the file, so that no line ends
            there, what is kept ends with the line before.
        """
        if not self._is_written or not self._path.exists():
            return
        with open(self._path, "rb+") as file:
            file.truncate(file.read(size).rfind(b"\n") + 1)


def read_history(path: str | os.PathLike) -> list[Line]:
    """Reads what a training has logged, in the order of the file.

    Args:
      path: The file.

    Returns:
      The lines, without those that are none: the last may be torn, and others may have
      changed the file. Empty where there is no file that can be read.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError:
        return []
    return [line for line in map(_parse, content.splitlines()) if line]


def _parse(text: bytes) -> Line | None:
    """The line, or None where it is none."""
    try:
        content = json.loads(text)
        if not has_shape(content, _LINE) or not 0 <= content["step"] <= _MAX_STEP:
            return None
        values = {
            _as_utf8(name).decode(): _finite(value)
            for name, value in content["values"].items()
        }
        return Line(content["stage"], content["step"], values, content.get("epoch"))
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _finite(value: float | None) -> float | None:
    """The number, or None for one that JSON does not have."""
    return float(value) if value is not None and math.isfinite(value) else None


def _as_utf8(text: str) -> bytes:
    """The text; names of files may have bytes that are no text, shown as "?"."""
    return text.encode(errors="replace")
