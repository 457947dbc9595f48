"""A folder of images to a prepared data set."""

import collections
import concurrent.futures
import hashlib
import itertools
import os
import pathlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

from byel_tf.data.folder_source import Example, list_folder
from byel_tf.data.image_files import RejectedImage, read_image
from byel_tf.data.manifest import SPLITS, Manifest
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError, UsageError

T = TypeVar("T")


def parse_ratios(text: str) -> dict[str, float]:
    """Reads `train=0.8,validation=0.1,test=0.1`; one name alone means all of it.

    Returns:
      Shares by split, in the order of `SPLITS`, summing to 1.

    Raises:
      UsageError: If a split is unknown or named twice, or the shares do not sum to 1.
    """
    form = f"--splits={text}: give shares that sum to 1, as train=0.8,validation=0.2"
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, separator, value = part.strip().partition("=")
        if name not in SPLITS or name in shares:
            raise UsageError(f"{form}; the splits are {', '.join(SPLITS)}")
        try:
            shares[name] = float(value) if separator else 1.0
        except ValueError as error:
            raise UsageError(form) from error
    # So written that it holds for NaN, too.
    if not (abs(sum(shares.values()) - 1) <= 1e-6 and min(shares.values()) > 0):
        raise UsageError(form)
    return {name: shares[name] for name in SPLITS if name in shares}


def assign_splits(
    items: Sequence[T], labels: Sequence[int], shares: dict[str, float]
) -> Iterator[tuple[str, T]]:
    """Deals items of each class to the splits by their shares.

    Dealing each class on its own keeps the classes' proportions in every split; the
    order of the items is kept.

    Args:
      items: What to deal, in an order that says nothing about them.
      labels: The class of each.
      shares: Shares by split.
    """
    totals = collections.Counter(labels)
    cumulative = dict(zip(shares, itertools.accumulate(shares.values()), strict=True))
    seen: collections.Counter[int] = collections.Counter()
    for item, label in zip(items, labels, strict=True):
        position = (seen[label] + 0.5) / totals[label]
        seen[label] += 1
        last = next(reversed(cumulative))
        split = next((s for s, end in cumulative.items() if position <= end), last)
        yield split, item


def prepare_folder(
    source: str | os.PathLike,
    output: str | os.PathLike,
    classes: Sequence[str],
    shares: dict[str, float],
    seed: int = 1,
) -> Manifest:
    """Prepares the images of `source/<class>/…`.

    Records are written in an order decided by the seed and the file names, since a
    training run shuffles only within a buffer.

    Args:
      source: Folder of class folders.
      output: Folder of the data set; it must not exist, or be empty.
      classes: Class names in label order.
      shares: Shares by split, as from `parse_ratios`.
      seed: Decides order and splits.

    Returns:
      The manifest written.

    Raises:
      UsageError: If the output lies in the source, where the next import would find
        it.
      RunError: If there is no image of a known class, or none can be read.
    """
    inside = pathlib.Path(os.path.realpath(output))
    if inside.is_relative_to(os.path.realpath(source)):
        raise UsageError(
            f"--output={output} lies in --source={source}: choose a folder outside it"
        )
    listing = list_folder(pathlib.Path(source), classes)

    def shuffle_key(example: Example) -> bytes:
        name = f"{seed}:{example.filename}".encode(errors="surrogateescape")
        return hashlib.sha256(name).digest()

    examples = sorted(listing.examples, key=shuffle_key)
    dealt = list(assign_splits(examples, [e.label for e in examples], shares))
    origin = {"kind": "folder", "seed": seed, "splits": shares}
    with write_dataset(output, classes, origin) as writer:
        for path, reason in listing.rejected:
            writer.reject(path, reason)
        taken = 0
        # Decoding releases the interpreter lock, so threads are enough. What Pillow
        # warns of is either harmless or becomes a reject.
        with (
            warnings.catch_warnings(),
            concurrent.futures.ThreadPoolExecutor() as pool,
        ):
            warnings.filterwarnings("ignore", module=r"PIL\.")
            results = _map_in_order(pool, _read, [example for _, example in dealt])
            progress = tqdm(
                results, total=len(dealt), unit="image", desc="prepare", disable=None
            )
            for (split, example), result in zip(dealt, progress, strict=True):
                if isinstance(result, Record):
                    writer.add(split, result)
                    taken += 1
                else:
                    writer.reject(example.filename, result)
        if not taken:
            path, reason = writer.rejected[-1]
            raise RunError(
                f"none of the {len(dealt)} images of {source} can be taken; "
                f"{path}: {reason}"
            )
    return writer.manifest


def _read(example: Example) -> Record | str:
    """The record, or why there is none."""
    try:
        return read_image(
            example.path, example.filename, example.label, example.class_name
        )
    except RejectedImage as error:
        return str(error)


def _map_in_order(
    pool: concurrent.futures.Executor, function, items: Sequence[T], window: int = 256
) -> Iterator:
    """`pool.map` that holds at most `window` results, so memory stays bounded."""
    waiting: collections.deque = collections.deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
