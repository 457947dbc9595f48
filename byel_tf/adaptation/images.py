"""The images that a model is adapted to, decoded once and kept."""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError
from byel_tf.serving.check_images import record_batches
from byel_tf.serving.decoding import decode_within
from byel_tf.serving.export import LIMITS


class Images:
    """Images as they come, at the size that the model takes.

    Attributes:
      rejected: Files that could not be decoded.
    """

    def __init__(self, size: int):
        """Begins with none.

        Args:
          size: Side in pixels.
        """
        self.rejected = 0
        self._size = size
        self._pictures = []
        self._digests = []

    def add(self, files: Iterable[bytes]) -> None:
        """Decodes JPEG and PNG files as the exported model does."""
        files = list(files)
        if not files:
            return
        pictures, valid = decode_within(tf.constant(files), self._size, LIMITS)
        self._pictures.append(pictures.numpy()[valid.numpy()])
        self._digests += [
            hashlib.sha256(file).digest()
            for file, is_valid in zip(files, valid.numpy(), strict=True)
            if is_valid
        ]
        self.rejected += int((~valid.numpy()).sum())

    def __len__(self) -> int:
        """Number of images."""
        return len(self._digests)

    def pixels(self) -> np.ndarray:
        """(N, S, S, 3), uint8."""
        empty = np.zeros((0, self._size, self._size, 3), np.uint8)
        return np.concatenate([empty, *self._pictures])

    def sha256(self) -> str:
        """A hash of the files, whatever their order."""
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()


def read_split(
    dataset: PreparedDataset,
    split: str,
    size: int,
    limit: int,
    seed: int,
    advance: Callable[[int], object] = lambda count: None,
) -> tuple[np.ndarray, np.ndarray]:
    """The labelled images of a split.

    Args:
      dataset: A prepared data set.
      split: A split that it has.
      size: Side in pixels.
      limit: Most images; of more so many are drawn.
      seed: Decides which.
      advance: Called with numbers of images read.

    Returns:
      Images (N, S, S, 3), uint8, and class indices (N,), int, in the order of the
      records.

    Raises:
      RunError: If a file is damaged, or an image cannot be decoded.
    """
    count = dataset.manifest.splits[split].count
    is_drawn = np.zeros(count, bool)
    is_drawn[np.random.default_rng(seed).permutation(count)[:limit]] = True
    images, labels, start = Images(size), [], 0
    for batch in record_batches(dataset, split, -1, "adapt to"):
        found = batch["image/class/label"].numpy()
        chosen = is_drawn[start : start + len(found)] & (found != UNLABELLED)
        start += len(found)
        images.add(batch["image/encoded"].numpy()[chosen])
        labels.append(found[chosen])
        advance(len(found))
    if images.rejected:
        raise RunError(
            f"data set {dataset.name}: {images.rejected} images cannot be decoded: "
            "prepare it again without them"
        )
    return images.pixels(), np.concatenate([np.zeros(0, int), *labels])
