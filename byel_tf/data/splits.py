"""Train, validation and test: what goes where."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from byel_tf.data.manifest import SPLITS
from byel_tf.errors import UsageError

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


def deal(position: float, shares: Mapping[str, float]) -> str:
    """The split of what stands at a place of a row that the splits share.

    Args:
      position: Place in the row, from 0 to 1.
      shares: Shares by split.
    """
    for split, end in zip(shares, itertools.accumulate(shares.values()), strict=True):
        if position <= end:
            return split
    return next(reversed(list(shares)))


def assign_splits(
    items: Sequence[T], labels: Sequence[int], shares: Mapping[str, float]
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
    seen: collections.Counter[int] = collections.Counter()
    for item, label in zip(items, labels, strict=True):
        position = (seen[label] + 0.5) / totals[label]
        seen[label] += 1
        yield deal(position, shares), item


def assign_groups(
    groups: Mapping[Hashable, Mapping[int, int]], shares: Mapping[str, float]
) -> dict[Hashable, str]:
    """Deals whole groups so that each split gets its share of every class.

    The largest groups go first; each goes where the squared deviations from what the
    splits should hold, relative to that, grow least (Pearson's χ²). No split stays
    empty for which there is a group.

    Args:
      groups: Images by label, by group, in an order that says nothing about them.
      shares: Shares by split.

    Returns:
      The split of each group.
    """
    totals: collections.Counter[int] = collections.Counter()
    for counts in groups.values():
        totals.update(counts)
    held = {split: collections.Counter() for split in shares}

    def growth(split: str, counts: Mapping[int, int]) -> float:
        cost = 0.0
        for label, count in counts.items():
            wanted = shares[split] * totals[label]
            before = held[split][label] - wanted
            cost += (2 * before + count) * count / wanted
        return cost

    assigned = {}
    for group in sorted(groups, key=lambda g: -sum(groups[g].values())):
        counts = groups[group]
        empty = [split for split in shares if not held[split]]
        left = len(groups) - len(assigned)
        open_to = empty if left <= len(empty) else shares
        split = min(open_to, key=lambda s: growth(s, counts))
        assigned[group] = split
        held[split].update(counts)
    return assigned
