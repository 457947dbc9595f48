"""What a preparation would come to, without anything being written."""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import heapq
from collections.abc import Iterator

from byel_tf.data.preparation.convert import Conversion, examine
from byel_tf.data.record import UNLABELLED
from byel_tf.data.sources.item import Item
from byel_tf.data.sources.outside import Surroundings
from byel_tf.data.sources.source import Source
from byel_tf.progress import progress
from byel_tf.worker_pool import DIED, run_tasks

#: Images that are opened.
LOOKED_AT = 100

_CHUNK = 10
_SHOWN = 3
_NO_SPLIT = "its row names no split"


@dataclasses.dataclass(frozen=True)
class Preview:
    """What a source holds, by what it says, and a sample of its images.

    Attributes:
      splits: Images by class and by the split they are given, "" where they are to be
        dealt.
      unlabelled: Images without a label, by the same.
      reasons: Images that the listing rejects, by reason.
      first: The first images, as they are understood.
      looked_at: Images that were opened.
      unusable: Of these, those that would be rejected, by reason.
      outside: One line on the images that lie outside the source; empty if none does.
    """

    splits: dict[str, dict[str, int]]
    unlabelled: dict[str, int]
    reasons: dict[str, int]
    first: tuple[Item, ...]
    looked_at: int
    unusable: dict[str, int]
    outside: str = ""


def preview(
    source: Source,
    conversion: Conversion,
    *,
    keeps_splits: bool,
    outside: str,
    seed: int,
    workers: int,
) -> Preview:
    """Lists a source whole and opens some of its images, the same ones every time.

    Args:
      source: What there is.
      conversion: How images would become records.
      keeps_splits: Whether the source's own splits are kept.
      outside: As for `Preparation`.
      seed: Decides which images are opened.
      workers: Processes that open them.

    Raises:
      RunError: If the source's data contradict themselves, or there is no image.
    """
    counts: dict[str, collections.Counter[int]] = {}
    reasons: collections.Counter[str] = collections.Counter()
    first: list[Item] = []
    surroundings = Surroundings(source.roots)

    def items() -> Iterator[Item]:
        with progress(None, "image", "list") as bar:
            for entry in source.items():
                bar.update()
                entry, _ = surroundings.look_at(entry, outside)
                if not isinstance(entry, Item):
                    reasons[entry.reason] += 1
                elif keeps_splits and entry.split is None:
                    reasons[_NO_SPLIT] += 1
                else:
                    split = entry.split if keeps_splits else ""
                    of_split = counts.setdefault(split, collections.Counter())
                    of_split[entry.label] += 1
                    if len(first) < _SHOWN:
                        first.append(entry)
                    yield entry

    def place(item: Item) -> bytes:
        name = f"{seed}:{item.name}".encode(errors="surrogateescape")
        return hashlib.sha256(name).digest()

    sample = heapq.nsmallest(LOOKED_AT, items(), key=place)
    return Preview(
        {
            split: {name: of_split[i] for i, name in enumerate(conversion.classes)}
            for split, of_split in counts.items()
        },
        {split: of_split[UNLABELLED] for split, of_split in counts.items()},
        dict(reasons.most_common()),
        tuple(first),
        len(sample),
        _look_at(sample, conversion, workers),
        surroundings.summary(),
    )


def _look_at(
    sample: list[Item], conversion: Conversion, workers: int
) -> dict[str, int]:
    """Why images of a sample would be rejected, the most frequent reason first."""
    numbered = list(enumerate(sample))
    chunks = [numbered[i : i + _CHUNK] for i in range(0, len(numbered), _CHUNK)]
    unusable: collections.Counter[str] = collections.Counter()
    function = functools.partial(examine, conversion=conversion)
    for chunk, findings in run_tasks(function, chunks, workers):
        if findings is DIED:
            unusable["a process ended unexpectedly while decoding"] += len(chunk)
            continue
        unusable.update(found for found, _ in findings if isinstance(found, str))
    return dict(unusable.most_common())
