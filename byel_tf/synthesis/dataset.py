"""A prepared data set of built-in synthetic faces."""

import concurrent.futures
import concurrent.futures.process
import contextlib
import functools
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image
from tqdm import tqdm

from byel_tf.data.manifest import Manifest
from byel_tf.data.prepare import assign_splits
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError, UsageError
from byel_tf.synthesis.action_units import ACTION_UNITS, PROTOTYPES
from byel_tf.synthesis.contact_sheet import contact_sheet
from byel_tf.synthesis.domains import Domain
from byel_tf.synthesis.drawing import draw
from byel_tf.synthesis.sampling import sample_face

# Faces a worker draws per task: enough to hide the cost of handing tasks out.
_TASK_SIZE = 32

#: A picture of the first faces, one row a class, beside the shards.
CONTACT_SHEET_FILE_NAME = "contact_sheet.png"
_SHEET_COLUMNS = 10


def synthesize(
    output: str | os.PathLike,
    *,
    domain: Domain,
    count: int,
    classes: Sequence[str],
    size: int,
    seed: int,
    shares: dict[str, float],
    workers: int = 0,
) -> Manifest:
    """Draws faces, the classes in turn, and writes them as a prepared data set.

    Face i depends on (seed, i) and the domain alone, on any number of workers.

    Args:
      output: Folder of the data set; it must not exist, or be empty.
      domain: The population to draw from.
      count: Number of images.
      classes: Expressions in label order, each a key of `PROTOTYPES`.
      size: Side in pixels, from 16 to 512.
      seed: Decides every face.
      shares: Shares by split, as from `parse_ratios`.
      workers: Processes; 0 for one a core.

    Returns:
      The manifest written.

    Raises:
      UsageError: If a class has no prototype.
      RunError: If the folder cannot be made or is not empty, or a worker ends
        unexpectedly.
    """
    unknown = [name for name in classes if name not in PROTOTYPES]
    if unknown:
        raise UsageError(
            f"--classes: there are no synthetic faces for '{unknown[0]}', only for "
            f"{', '.join(PROTOTYPES)}"
        )
    labels = [index % len(classes) for index in range(count)]
    dealt = [split for split, _ in assign_splits(labels, labels, shares)]
    source = {
        "kind": "synthesis",
        "domain": domain.name,
        "seed": seed,
        "count": count,
        "splits": shares,
    }
    make = functools.partial(_make_records, seed, tuple(classes), domain, size)
    starts = range(0, count, _TASK_SIZE)
    tasks = [range(start, min(start + _TASK_SIZE, count)) for start in starts]
    with write_dataset(output, classes, source, tuple(ACTION_UNITS)) as writer:
        records = _run(make, tasks, workers or os.cpu_count() or 1)
        progress = tqdm(
            records, total=count, unit="face", desc=f"draw {domain.name}", disable=None
        )
        shown = []
        for split, record in zip(dealt, progress, strict=True):
            writer.add(split, record)
            if len(shown) < _SHEET_COLUMNS * len(classes):
                shown.append(record.encoded)
        writer.add_picture(CONTACT_SHEET_FILE_NAME, _class_rows(shown, len(classes)))
    return writer.manifest


def _class_rows(encoded: Sequence[bytes], num_classes: int) -> bytes:
    """A PNG of faces, one row a class, from faces whose classes come in turn."""
    columns = -(-len(encoded) // num_classes)
    pictures = [np.asarray(Image.open(io.BytesIO(png))) for png in encoded]
    blank = np.full_like(pictures[0], 255)
    pictures += [blank] * (columns * num_classes - len(pictures))
    rows = [picture for k in range(num_classes) for picture in pictures[k::num_classes]]
    return _encode_png(contact_sheet(rows, columns))


def _encode_png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=4)
    return file.getvalue()


def _make_records(
    seed: int, classes: Sequence[str], domain: Domain, size: int, indices: range
) -> list[Record]:
    records = []
    for index in indices:
        label = index % len(classes)
        face = sample_face(seed, index, classes[label], domain)
        records.append(
            Record(
                encoded=_encode_png(draw(face, size)),
                format="png",
                height=size,
                width=size,
                label=label,
                class_name=classes[label],
                filename=f"{domain.name}-{seed}-{index:07d}.png",
                subject=f"{domain.name}-{seed}-{index:07d}",
                action_units=tuple(face.action_units[name] for name in ACTION_UNITS),
                pose=(face.pose.yaw, face.pose.pitch, face.pose.roll),
            )
        )
    return records


def _run(make, tasks: Sequence[range], workers: int) -> Iterator[Record]:
    """The records of all tasks, in order."""
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            yield from make(task)
        return
    # Not forked: the parent may hold threads, of progress bars or TensorFlow.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context
    ) as pool:
        try:
            with _ignored_interrupts():
                results = pool.map(make, tasks)  # starts every process
            for records in results:
                yield from records
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RunError(
                "a process that draws faces ended unexpectedly, for want of memory "
                "perhaps: give fewer --workers"
            ) from error


@contextlib.contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Leaves Ctrl-C, which reaches every process, to the parent of those started here.

    They inherit that it is ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set it
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
