"""The folder of a run: where everything it leaves has its place."""

import contextlib
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from byel_tf.errors import RunError
from byel_tf.files import is_temporary, write_atomically
from byel_tf.history import FILE_NAME as HISTORY
from byel_tf.history import History
from byel_tf.locks import locked_folder
from byel_tf.training.checkpoints import Checkpoints


class RunDirectory:
    """Paths below `model_dir`, and the writing of text, JSON and pictures there.

    Events and SavedModels are written by TensorFlow to its paths.

    Attributes:
      is_written: Whether this process is the one of its run that writes there.
    """

    def __init__(self, path: str, is_written: bool = True):
        """Opens the folder, making it when missing.

        Args:
          path: `--model_dir`.
          is_written: As the attribute; of a run of several processes one writes, and
            to the others the folder is as if it were empty.

        Raises:
          RunError: If it cannot be made or is no folder.
        """
        self.path = pathlib.Path(path)
        self.is_written = is_written
        if not is_written:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"--model_dir={path} cannot be used: {error.strerror}"
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out; whatever ends this one lets them in again.

        Raises:
          RunError: If another process has it, with its name.
        """
        if not self.is_written:
            yield
            return
        busy = (
            f"--model_dir={self.path} is in use by {{holder}}: wait for its end, or "
            "choose another --model_dir"
        )
        with locked_folder(self.path, busy):
            self._remove_leftovers()
            yield

    def _remove_leftovers(self) -> None:
        """Removes what a process that was killed had not yet given its name."""
        for path in self.path.rglob(".*.partial-*"):
            if is_temporary(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    @property
    def history(self) -> History:
        """The numbers of its training."""
        return History(self.path / HISTORY, self.is_written)

    def checkpoints(self, stage: str, keep: int = 2) -> Checkpoints:
        """The checkpoints of a stage, of which the newest are kept."""
        return Checkpoints(self.path / "checkpoints" / stage, keep, self.is_written)

    def tensorboard(self, part: str) -> pathlib.Path:
        """Folder of the TensorBoard events of a stage, or of the "final" ones."""
        return self.path / "tensorboard" / part

    def newest_export(self) -> pathlib.Path | None:
        """Folder of the newest SavedModel version, or None."""
        versions = self._versions()
        return self.path / "export" / str(max(versions)) if versions else None

    def next_export(self) -> pathlib.Path:
        """Folder of the next SavedModel version: `export/1`, then `export/2`."""
        return self.path / "export" / str(max(self._versions(), default=0) + 1)

    def _versions(self) -> list[int]:
        folders = (self.path / "export").glob("*")
        return [int(path.name) for path in folders if path.name.isdecimal()]

    def read(self, name: str) -> str | None:
        """Text of a file of the run, or None if it has none of that name.

        Raises:
          RunError: If it is not UTF-8 text.
        """
        file = self.path / name
        if not self.is_written:
            return None
        try:
            return file.read_text(encoding="utf-8") if file.is_file() else None
        except UnicodeDecodeError as error:
            raise RunError(
                f"{file} is damaged, it is not UTF-8 text: choose another --model_dir"
            ) from error

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Content of a JSON file of the run, or None if it has none of that name.

        Raises:
          RunError: If it is no JSON object.
        """
        text = self.read(name)
        try:
            content = None if text is None else json.loads(text)
        except ValueError as error:
            content = error
        if content is not None and not isinstance(content, dict):
            raise RunError(
                f"{self.path / name} is damaged, it is no JSON object: choose another "
                "--model_dir"
            )
        return content

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file whole."""
        if self.is_written:
            write_atomically(self.path / name, content)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a JSON file whole."""
        self.write(name, to_json(content))


def to_json(content: Mapping[str, Any]) -> str:
    """JSON as this project writes it: for people and programs."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
