"""The same work on Apache Beam, for sets that outgrow one machine.

Tasks and results go through files beside the output, which any runner splits and
merges however many there are; the database stays with the program that starts the
pipeline.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import pathlib
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from byel_tf.errors import RunError, UsageError


class BeamRunner:
    """Applies a function to tasks in a Beam pipeline; as `run_tasks` does."""

    def __init__(self, options: Sequence[str], output: str | os.PathLike):
        """Checks the options, before any data are read.

        Args:
          options: The pipeline's, as `--runner=FlinkRunner`.
          output: Folder of the data set; files for the pipeline are put beside it.

        Raises:
          UsageError: If Beam does not know an option.
          RunError: If Beam is not installed.
        """
        self._beside = pathlib.Path(os.path.realpath(output))
        with _without_warnings():
            try:
                from apache_beam.options.pipeline_options import PipelineOptions
            except ImportError as error:
                raise RunError(
                    "--beam needs Apache Beam: pip install -r requirements-beam.txt"
                ) from error
            self._options = PipelineOptions(list(options))
            known = self._options.get_all_options(drop_default=False)
        for option in options:
            name = option.partition("=")[0].removeprefix("--").replace("-", "_")
            if not option.startswith("--") or name.removeprefix("no_") not in known:
                raise UsageError(
                    f"--beam_option={option}: give an option of Beam's pipelines, as "
                    "--beam_option=--runner=FlinkRunner"
                )

    def __call__(
        self, function: Callable[[Any], Any], tasks: Iterable[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """Yields each task and its result, in any order.

        Raises:
          RunError: If the pipeline fails.
        """
        import apache_beam as beam

        with self._exchange() as folder:
            if not _write_tasks(folder / "tasks", tasks):
                return
            pipeline = beam.Pipeline(options=self._options)
            _ = (
                pipeline
                | beam.io.ReadFromText(str(folder / "tasks"))
                | beam.Reshuffle()
                | beam.Map(_apply, function)
                | beam.io.WriteToText(str(folder / "results"))
            )
            try:
                state = str(pipeline.run().wait_until_finish())
            except Exception as error:
                reason = " ".join(str(error).split())[-400:]
                raise RunError(f"the Beam pipeline failed: {reason}") from error
            if not state.endswith("DONE"):
                raise RunError(f"the Beam pipeline ended as {state}")
            for file in sorted(folder.glob("results*")):
                with file.open(encoding="ascii") as lines:
                    for line in lines:
                        task, result = _decode(line)
                        if isinstance(result, Exception):
                            raise result
                        yield task, result

    @contextlib.contextmanager
    def _exchange(self) -> Iterator[pathlib.Path]:
        """A folder for tasks and results, on a file system that all machines see."""
        self._beside.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(
            prefix=f".{self._beside.name}.beam-", dir=self._beside.parent
        )
        try:
            yield pathlib.Path(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps Beam from naming the clouds it has no libraries for."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _write_tasks(path: pathlib.Path, tasks: Iterable[Any]) -> int:
    """Writes tasks a line each; returns their number."""
    count = 0
    with path.open("w", encoding="ascii") as file:
        for task in tasks:
            file.write(_encode(task) + "\n")
            count += 1
    return count


def _apply(line: str, function: Callable[[Any], Any]) -> str:
    """One task's line to the line of it and its result, or of what went wrong."""
    task = _decode(line)
    try:
        result = function(task)
    except (RunError, OSError) as error:
        result = error
    return _encode((task, result))


def _encode(value: Any) -> str:
    return base64.b64encode(pickle.dumps(value)).decode()


def _decode(line: str) -> Any:
    return pickle.loads(base64.b64decode(line))
