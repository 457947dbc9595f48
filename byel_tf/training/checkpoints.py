"""Checkpoints of a stage: written whole, known from the folder, verified when read."""

import dataclasses
import hashlib
import io
import json
import pathlib
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from byel_tf.errors import RunError
from byel_tf.files import close_on_disk, new_directory

_FORMAT = 1
_ARRAYS, _MANIFEST = "arrays.npz", "manifest.json"
_NAME = re.compile(r"step-\d{10}-epoch-\d{6}")
_ASIDE = re.compile(rf"damaged-{_NAME.pattern}.*")
_OLDER_RELEASE = "step-*.index"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
      path: Its folder.
      numbers: What was saved for JSON: "step" and "epochs" at least.
      arrays: What was saved as arrays, by name.
      sha256: Hash of the arrays' file.
    """

    path: pathlib.Path
    numbers: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    sha256: str


class Checkpoints:
    """The checkpoints of one stage: a folder each, named after the step.

    A folder holds the arrays, and a manifest with their hash and its own. It is made
    under another name and then renamed, so that a killed process leaves none half
    written; what is damaged afterwards is found by the hashes.
    """

    def __init__(self, folder: pathlib.Path, keep: int = 2, is_written: bool = True):
        """Opens nothing yet.

        Args:
          folder: Where the stage's checkpoints lie.
          keep: How many of the newest are kept.
          is_written: Whether this process writes them; else nothing is.
        """
        self._folder = folder
        self._keep = keep
        self._is_written = is_written

    def save(
        self, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]
    ) -> pathlib.Path:
        """Writes a checkpoint, then removes all but the newest.

        Args:
          arrays: By name.
          numbers: What JSON can hold: "step" and "epochs" at least, which name it.

        Returns:
          Its folder.

        Raises:
          RunError: If it cannot be written, as on a full disk; those before are whole.
        """
        path = self._folder / _name(numbers)
        if path.exists() or not self._is_written:
            return path  # nothing has happened since, or another process writes
        file = io.BytesIO()
        np.savez(file, **arrays)
        with file.getbuffer() as data:
            self._write(path, data, numbers)
        for old in self._paths()[: -self._keep]:
            shutil.rmtree(old)
        return path

    def _write(
        self, path: pathlib.Path, data: memoryview, numbers: Mapping[str, Any]
    ) -> None:
        content = {
            "format": _FORMAT,
            "numbers": numbers,
            "sha256_of_arrays": hashlib.sha256(data).hexdigest(),
        }
        content["sha256"] = _hash_of(content)
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        try:
            with new_directory(path) as partial:
                for name, written in ((_ARRAYS, data), (_MANIFEST, text.encode())):
                    with open(partial / name, "wb") as file:
                        file.write(written)
                        close_on_disk(file)
        except OSError as error:
            kept = self.newest_path
            raise RunError(
                f"cannot write checkpoint {path}: {error.strerror}; "
                + (f"{kept} is whole" if kept else "there is none before it")
                + ", and the same command continues when this is mended"
            ) from error

    def newest(self, read_only: bool = False) -> Checkpoint | None:
        """The newest checkpoint that is as it was written; None if there is none.

        What is damaged is said, and kept aside under another name.

        Args:
          read_only: Whether nothing is changed, as where the run is somebody else's.

        Raises:
          RunError: If there are checkpoints, and none of them can be used.
        """
        damaged = self._entries(_ASIDE)
        for path in reversed(self._paths()):
            try:
                found = _read(path)
            except _Damaged as reason:
                damaged.append(path if read_only else _set_aside(path))
                print(
                    f"warning: checkpoint {path} is damaged ({reason}); it is kept as "
                    f"{damaged[-1].name}, the one before is used",
                    file=sys.stderr,
                    flush=True,
                )
            else:
                return found
        if damaged:
            raise RunError(
                f"no checkpoint in {self._folder} can be used, all are damaged: choose "
                "another --model_dir, or remove that folder to begin the stage anew"
            )
        if next(self._folder.glob(_OLDER_RELEASE), None):
            raise RunError(
                f"{self._folder} holds checkpoints of a release before 0.2, which this "
                "one cannot continue: choose another --model_dir"
            )
        return None

    @property
    def newest_path(self) -> pathlib.Path | None:
        """The newest checkpoint's folder, unread; None if there is none."""
        return next(reversed(self._paths()), None)

    def _paths(self) -> list[pathlib.Path]:
        return self._entries(_NAME)

    def _entries(self, pattern: re.Pattern) -> list[pathlib.Path]:
        if not self._folder.is_dir():
            return []
        return sorted(p for p in self._folder.iterdir() if pattern.fullmatch(p.name))


class _Damaged(Exception):
    """What is wrong with a checkpoint."""


def _read(path: pathlib.Path) -> Checkpoint:
    """A checkpoint, every byte of it verified.

    Raises:
      _Damaged: If it is not as it was written.
    """
    try:
        text = (path / _MANIFEST).read_text(encoding="utf-8")
        content = json.loads(text)
        said = content.pop("sha256")
        if said != _hash_of(content):
            raise _Damaged(f"{_MANIFEST} was altered")
        if content["format"] != _FORMAT:
            raise RunError(
                f"checkpoint {path} has the format {content['format']}, this release "
                f"reads {_FORMAT}: choose another --model_dir"
            )
        data = (path / _ARRAYS).read_bytes()
        if hashlib.sha256(data).hexdigest() != content["sha256_of_arrays"]:
            raise _Damaged(f"{_ARRAYS} was altered")
        if path.name != _name(content["numbers"]):
            raise _Damaged("it has another one's name")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except OSError as error:
        raise _Damaged(f"{error.filename}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _Damaged(f"{_MANIFEST}: {reason}") from error
    return Checkpoint(path, content["numbers"], arrays, content["sha256_of_arrays"])


def _name(numbers: Mapping[str, Any]) -> str:
    return f"step-{numbers['step']:010}-epoch-{numbers['epochs']:06}"


def _hash_of(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _set_aside(path: pathlib.Path) -> pathlib.Path:
    """Renames a damaged checkpoint, which somebody may yet want to look into."""
    aside = path.with_name(f"damaged-{path.name}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"damaged-{path.name}-{number}")
    path.rename(aside)
    return aside
