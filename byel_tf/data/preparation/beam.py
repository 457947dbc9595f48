"""The same work on Apache Beam, for sets that outgrow one machine.

Tasks, results and shards go through files in a folder that all machines see, which any
runner splits and merges however many there are; the database stays with the program
that starts the pipeline.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from byel_tf.data import storage
from byel_tf.data.preparation.exchange import decode, encode
from byel_tf.errors import RunError, UsageError


class BeamRunner:
    """Applies functions to tasks in Beam pipelines.

    Attributes:
      exchange: As for `Runner`.
    """

    def __init__(self, options: Sequence[str], staging: str):
        """Checks the options, before any data are read.

        Args:
          options: The pipeline's, as `--runner=FlinkRunner`.
          staging: Folder that all machines read and write, a path or an address;
            what is put there is removed again.

        Raises:
          UsageError: If Beam does not know an option.
          RunError: If Beam is not installed, or does not know the address.
        """
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
        self._staging = staging
        self.exchange = None
        if storage.is_remote(staging):
            self.exchange = storage.join(staging, f"byel_tf-{secrets.token_hex(8)}")
            storage.make_folder(self.exchange)

    def __call__(
        self, function: Callable[[Any], Any], tasks: Iterable[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """Yields each task and its result, in any order.

        Raises:
          RunError: If the pipeline fails.
        """
        import apache_beam as beam

        folder = storage.join(self._staging, f".byel_tf-{secrets.token_hex(8)}")
        storage.make_folder(folder)
        try:
            lines = storage.join(folder, "tasks")
            if not _write_tasks(lines, tasks):
                return
            pipeline = beam.Pipeline(options=self._options)
            _ = (
                pipeline
                | beam.io.ReadFromText(lines)
                | beam.Reshuffle()
                | beam.Map(_apply, function)
                | beam.io.WriteToText(storage.join(folder, "results"))
            )
            try:
                state = str(pipeline.run().wait_until_finish())
            except Exception as error:
                reason = " ".join(str(error).split())[-400:]
                raise RunError(f"the Beam pipeline failed: {reason}") from error
            if not state.endswith("DONE"):
                raise RunError(f"the Beam pipeline ended as {state}")
            for path in storage.matching(storage.join(folder, "results*")):
                with storage.open_binary(path, "rb") as file:
                    for line in file:
                        task, result = decode(line)
                        if isinstance(result, Exception):
                            raise result
                        yield task, result
        finally:
            storage.remove(folder)

    def close(self) -> None:
        """Removes what was put into the staging folder."""
        if self.exchange is not None:
            storage.remove(self.exchange)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps Beam from naming the clouds it has no libraries for."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _write_tasks(path: str, tasks: Iterable[Any]) -> int:
    """Writes tasks a line each; returns their number."""
    count = 0
    with storage.open_binary(path, "wb") as file:
        for task in tasks:
            file.write(encode(task).encode() + b"\n")
            count += 1
    return count


def _apply(line: str, function: Callable[[Any], Any]) -> str:
    """One task's line to the line of it and its result, or of what went wrong."""
    task = decode(line)
    try:
        result = function(task)
    except (RunError, OSError) as error:
        result = error
    return encode((task, result))
