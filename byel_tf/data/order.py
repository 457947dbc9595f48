"""Which records make up each training step: arithmetic, with nothing to remember.

The batch of a step is a function of (seed, stage, step), so a run continues anywhere
without reading what lies before, and names the images of any step afterwards.
"""

import dataclasses
import functools
from typing import Protocol

import numpy as np

# Records that stay together where an epoch is not shuffled as a whole.
_BLOCK = 256


class Order(Protocol):
    """Which records make up each step.

    Attributes:
      batch_size: Global batch size.
    """

    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""

    def batch(self, step: int) -> tuple[int, np.ndarray, int]:
        """The records of a step; see `TrainingOrder.batch`."""


@dataclasses.dataclass(frozen=True, eq=False)
class FileOrder:
    """Some records in the order of the files, each once an epoch.

    Attributes:
      positions: Their positions in the split, (count,), int64.
      batch_size: Global batch size.
    """

    positions: np.ndarray
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return steps_per_epoch(len(self.positions), self.batch_size, False)

    def batch(self, step: int) -> tuple[int, np.ndarray, int]:
        """The records of a step; see `TrainingOrder.batch`."""
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.batch_size
        found = self.positions[first : first + self.batch_size]
        return epoch, *_filled(found, self.batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingOrder:
    """The order of a split's records, epoch by epoch.

    Attributes:
      count: Records of the split.
      batch_size: Global batch size.
      drop_remainder: Whether an epoch's last, partial batch is left out.
      seed: The run's seed.
      stage: 1 or 2; the stages of one run draw apart.
      window: Records that are shuffled together; from `count` on, all of them.
      labels: Each record's label, (count,), int, for classes that take equal turns;
        None where every record comes once an epoch.
      labelled: Whether the label of each record is known, (count,), bool; None where
        all are. Classes then take turns among those only.
      labelled_rows: Rows of each batch that only records with a known label take,
        round after round, spread over the batch; an epoch keeps its steps.
    """

    count: int
    batch_size: int
    drop_remainder: bool
    seed: int
    stage: int
    window: int = 2**62
    labels: np.ndarray | None = None
    labelled: np.ndarray | None = None
    labelled_rows: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return steps_per_epoch(self.count, self.batch_size, self.drop_remainder)

    def label_weights(self, step: int) -> np.ndarray:
        """A mean over the records of a step whose label is known.

        Args:
          step: The steps before it.

        Returns:
          Each row's share, (batch size,), float32: 0 without a known label, and for
          those that fill an epoch's last batch.
        """
        _, draws, number = self.batch(step)
        is_counted = np.arange(len(draws)) < number
        if self.labelled is not None:
            is_counted &= self.labelled[draws % self.count]
        return np.float32(is_counted) / np.float32(max(is_counted.sum(), 1))

    def batch(self, step: int) -> tuple[int, np.ndarray, int]:
        """The records of a step.

        Args:
          step: The steps before it.

        Returns:
          The epoch; the draws, (batch size,), int64: a record's position is its draw
          modulo `count`, and no draw comes twice in an epoch, though a record may;
          and how many of them there are: the rest, in an epoch's last batch, repeats
          them.
        """
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.batch_size
        draws = _epoch_draws(self, epoch)[first : first + self.batch_size]
        rows = min(self.labelled_rows, len(draws))
        if rows:
            first = position * self.labelled_rows
            labelled = _labelled_draws(self, epoch)[first : first + rows]
            draws = draws.copy()
            draws[np.arange(rows) * len(draws) // rows] = labelled
        return epoch, *_filled(draws, self.batch_size)


def steps_per_epoch(count: int, batch_size: int, drop_remainder: bool) -> int:
    """Batches in an epoch of `count` records."""
    return count // batch_size if drop_remainder else -(-count // batch_size)


def _filled(records: np.ndarray, batch_size: int) -> tuple[np.ndarray, int]:
    """A batch's records, repeated up to its size, and how many there are."""
    return records[np.arange(batch_size) % len(records)], len(records)


@functools.lru_cache(maxsize=4)  # of both stages, while one epoch follows another
def _epoch_draws(order: TrainingOrder, epoch: int) -> np.ndarray:
    """All draws of an epoch, (count,), int64."""
    # Raw output of a counter-based generator is the same in every release of NumPy.
    source = np.random.Philox(key=[order.seed + (order.stage << 32), epoch])
    count = order.count
    if order.labels is not None and order.labelled is None:
        return _in_turns(_members(order.labels), count, count, source)
    if order.window >= count:
        return np.argsort(source.random_raw(count), kind="stable")
    # Whole blocks in a drawn order, then each window shuffled: reads stay local.
    blocks = np.argsort(source.random_raw(-(-count // _BLOCK)), kind="stable")
    sequence = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    sequence = sequence[sequence < count]
    # Or few blocks would often end alike, and a remainder be left out each time.
    sequence = np.roll(sequence, int(source.random_raw()) % count)
    windows = np.arange(count) // order.window
    return sequence[np.lexsort((source.random_raw(count), windows))]


@functools.lru_cache(maxsize=4)
def _labelled_draws(order: TrainingOrder, epoch: int) -> np.ndarray:
    """An epoch's draws for the rows of known labels; none is among its others."""
    key = [order.seed + (order.stage << 32), epoch + (1 << 32)]
    source = np.random.Philox(key=key)
    known = np.flatnonzero(order.labelled)
    groups = [known]
    if order.labels is not None:
        groups = [known[members] for members in _members(order.labels[known])]
    number = order.steps_per_epoch * order.labelled_rows
    return _in_turns(groups, number, order.count, source) + order.count


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """The records of each label that occurs."""
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _in_turns(
    groups: list[np.ndarray], number: int, count: int, source: np.random.Philox
) -> np.ndarray:
    """Draws from groups of records, each group as often as the others.

    A group's records come in a drawn order, all of them before one comes again.
    """
    turns = np.arange(number) % len(groups)
    turns = turns[np.argsort(source.random_raw(number), kind="stable")]
    draws = np.empty(number, np.int64)
    for turn, members in enumerate(groups):
        places = np.flatnonzero(turns == turn)
        rounds = max(-(-len(places) // len(members)), 1)
        keys = source.random_raw(rounds * len(members)).reshape(rounds, -1)
        again = np.arange(rounds)[:, None] * count
        rounds_draws = members[np.argsort(keys, kind="stable")] + again
        draws[places] = rounds_draws.ravel()[: len(places)]
    return draws
