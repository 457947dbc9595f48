"""Another picture of the same class for each picture, drawn anew each epoch."""

import functools

import numpy as np


class Partners:
    """Positions of partners: of the same class and, where there is one, another person.

    A class of one person has partners among that person's other pictures; a picture
    that is alone in its class, or whose label is not known, is its own partner. The
    partner is a function of (seed, stage, epoch, draw).
    """

    def __init__(
        self,
        persons: np.ndarray,
        labels: np.ndarray,
        seed: int,
        stage: int,
        labelled: np.ndarray | None = None,
    ):
        """Sorts the records.

        Args:
          persons: Name of each record's person, (count,).
          labels: Its label, (count,), int.
          seed: The run's seed.
          stage: 1 or 2; the stages draw apart.
          labelled: Whether its label is known, (count,), bool; None for all.
        """
        count = len(labels)
        self._seed, self._stage = seed, stage
        # Of each record: the positions of its class, in the order of the persons; where
        # in them those begin that are no partners, and how many these are.
        self._sorted = np.arange(count)
        self._class_start, self._class_size = np.arange(count), np.ones(count, int)
        self._own_start, self._own_size = np.zeros(count, int), np.ones(count, int)
        _, numbers = np.unique(persons, return_inverse=True)
        known = np.arange(count) if labelled is None else np.flatnonzero(labelled)
        start = 0
        for label in np.unique(labels[known]):
            members = known[labels[known] == label]
            members = members[np.argsort(numbers[members], kind="stable")]
            _, first, inverse, sizes = np.unique(
                numbers[members],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            is_one_person = len(first) == 1
            places = np.arange(len(members))
            self._class_start[members], self._class_size[members] = start, len(members)
            self._own_start[members] = places if is_one_person else first[inverse]
            self._own_size[members] = 1 if is_one_person else sizes[inverse]
            self._sorted[start : start + len(members)] = members
            start += len(members)
        self._labelled = labelled

    def __call__(self, epoch: int, draws: np.ndarray) -> np.ndarray:
        """Positions of the partners, (B,), int64.

        Args:
          epoch: The epoch.
          draws: As of `TrainingOrder.batch`, (B,), int64.
        """
        count = len(self._sorted)
        rounds, positions = np.divmod(draws, count)
        raw = _random(self._seed + (self._stage << 32), epoch, count)[positions]
        raw = raw + rounds.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        size, own = self._class_size[positions], self._own_size[positions]
        others = np.maximum(size - own, 1)
        steps = (raw % others.astype(np.uint64)).astype(np.int64)
        places = (self._own_start[positions] + own + steps) % size
        partners = self._sorted[self._class_start[positions] + places]
        if self._labelled is not None:
            partners = np.where(self._labelled[positions], partners, positions)
        return partners


@functools.lru_cache(maxsize=4)
def _random(key: int, epoch: int, count: int) -> np.ndarray:
    """A number for each record in an epoch, (count,), uint64."""
    return np.random.Philox(key=[key, epoch + (2 << 32)]).random_raw(count)
