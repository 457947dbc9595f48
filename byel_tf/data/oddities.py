"""What is worth a warning about a data set that can be used all the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from byel_tf.data.crops import Cropping, cropping_of, mismatch
from byel_tf.data.prepared_dataset import PreparedDataset

# Share of images without a face found, above which faces were hardly cropped.
_MANY = 0.2


def warn_of(dataset: PreparedDataset, learned: Cropping | None) -> None:
    """Says what is odd about a data set, on standard error.

    Args:
      dataset: The data set.
      learned: How the training images were cropped; None where that is not known.
    """
    for line in oddities(dataset, learned):
        print(f"warning: {line}", file=sys.stderr, flush=True)


def oddities(dataset: PreparedDataset, learned: Cropping | None) -> Iterator[str]:
    """A line for each thing that is odd about a data set.

    Args:
      dataset: The data set.
      learned: As for `warn_of`.
    """
    manifest = dataset.manifest
    called = f"data set {dataset.name} ({dataset.path})"
    for name in manifest.classes:
        without = [
            split
            for split, content in manifest.splits.items()
            if not content.per_class[name]
        ]
        if without:
            yield f"{called} has no image of the class '{name}' in {', '.join(without)}"
    count = sum(split.count for split in manifest.splits.values())
    no_face = manifest.no_face.get("count", 0)
    if no_face > _MANY * count:
        yield f"in {called} no face was found on {no_face} of {count} images"
    if learned is not None:
        difference = mismatch(called, cropping_of(manifest.source), learned)
        if difference:
            yield difference
