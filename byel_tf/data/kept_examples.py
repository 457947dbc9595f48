"""What was read of records, kept for the next epoch."""

import tempfile
import threading

import numpy as np


class KeptExamples:
    """Decoded pictures and other features by position, filled as they come."""

    def __init__(self, count: int, on_disk: bool):
        """Keeps nothing yet.

        Args:
          count: Records of the split.
          on_disk: Whether pictures are kept in a file without a name, that goes with
            the process, and not in memory.
        """
        self._on_disk = on_disk
        self._parts: list[np.ndarray] | None = None
        self._is_kept = np.zeros(count, bool)
        self._lock = threading.Lock()

    def missing(self, positions: np.ndarray) -> np.ndarray:
        """Where in a batch the records are that have to be read, once each."""
        distinct, indices = np.unique(positions, return_index=True)
        return indices[~self._is_kept[distinct]]

    def complete(
        self, positions: np.ndarray, missing: np.ndarray, *parts: np.ndarray
    ) -> list[np.ndarray]:
        """Keeps what was missing, and returns the batch.

        Args:
          positions: Of the batch's records, (B,).
          missing: As of `missing`, (M,).
          *parts: Pictures, (M, P, H, W, 3), uint8, and features, (M, …), of those.

        Returns:
          The same of all records, (B, …).
        """
        with self._lock:
            if self._parts is None:
                first, *others = parts
                self._parts = [self._make(first, self._on_disk)]
                self._parts += [self._make(one, False) for one in others]
        read = positions[missing]
        for kept, part in zip(self._parts, parts, strict=True):
            kept[read] = part
        self._is_kept[read] = True  # after all parts: others may be reading
        return [kept[positions] for kept in self._parts]

    def _make(self, part: np.ndarray, on_disk: bool) -> np.ndarray:
        shape = (len(self._is_kept), *part.shape[1:])
        if not on_disk:
            return np.empty(shape, part.dtype)
        with tempfile.TemporaryFile() as file:  # which the map keeps
            return np.memmap(file, part.dtype, shape=shape)
