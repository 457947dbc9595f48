"""Which split each image goes to: as the source says, or by shares.

Images that are the same byte for byte stay together, and so do those of one person.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import operator
from collections.abc import Iterator, Mapping

from byel_tf.data.manifest import SPLITS
from byel_tf.data.preparation.database import TAKEN, WorkDatabase
from byel_tf.data.splits import assign_groups, deal


@dataclasses.dataclass(frozen=True)
class Dealing:
    """How images go to splits.

    Attributes:
      shares: Shares by split; None: as the source says.
      validation_share: Share of the source's train split that goes to validation.
    """

    shares: Mapping[str, float] | None
    validation_share: float = 0.0


def deal_images(work: WorkDatabase, dealing: Dealing) -> None:
    """Gives every image that can be taken its split.

    Where the source says the splits, an image that stands in several of them is
    rejected from all but the most held-out one: test before validation before train.

    Args:
      work: The database, all images examined.
      dealing: How.
    """
    with work.transaction():
        work.connection.execute(
            "CREATE INDEX IF NOT EXISTS by_content ON images (sha256, place, id) "
            f"WHERE {TAKEN}"
        )
        if dealing.shares is not None:
            _deal(work, TAKEN, dealing.shares)
        else:
            work.connection.execute(
                f"UPDATE images SET reason = 'its row names no split' WHERE {TAKEN} "
                "AND given IS NULL"
            )
            _reject_from_lesser_splits(work)
            work.connection.execute(f"UPDATE images SET split = given WHERE {TAKEN}")
            if dealing.validation_share:
                share = dealing.validation_share
                shares = {"train": 1 - share, "validation": share}
                _deal(work, f"{TAKEN} AND given = 'train'", shares)
        work.connection.execute(
            "CREATE INDEX IF NOT EXISTS by_split ON images (split, place, id) "
            f"WHERE {TAKEN}"
        )


def count_torn_persons(work: WorkDatabase) -> int:
    """Persons of whom images are in several splits, which only a source can ask for."""
    return work.number(
        f"SELECT count(*) FROM (SELECT 1 FROM images WHERE {TAKEN} "
        "AND subject IS NOT NULL GROUP BY subject HAVING min(split) < max(split))"
    )


def _reject_from_lesser_splits(work: WorkDatabase) -> None:
    for rank in reversed(range(1, len(SPLITS))):
        lesser = ", ".join(f"'{name}'" for name in SPLITS[:rank])
        work.connection.execute(
            "UPDATE images SET reason = ? WHERE reason IS NULL "
            f"AND given IN ({lesser}) AND EXISTS (SELECT 1 FROM images AS other WHERE "
            "other.sha256 = images.sha256 AND other.reason IS NULL "
            "AND other.given = ?)",
            (f"the same image is in the {SPLITS[rank]} split", SPLITS[rank]),
        )


# What is dealt as one: a person's images, or a picture with its copies.
_GROUP = "coalesce('person ' || subject, hex(sha256))"


def _deal(work: WorkDatabase, which: str, shares: Mapping[str, float]) -> None:
    persons_known = work.number(
        f"SELECT EXISTS (SELECT 1 FROM images WHERE {which} AND subject IS NOT NULL)"
    )
    dealt = (_groups if persons_known else _pictures)(work, which, shares)
    work.connection.execute("DROP TABLE IF EXISTS dealt")
    work.connection.execute(
        "CREATE TABLE dealt (name TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID"
    )
    work.connection.executemany("INSERT INTO dealt VALUES (?, ?)", dealt)
    work.connection.execute(
        "UPDATE images SET split = (SELECT dealt.split FROM dealt WHERE dealt.name = "
        f"{_GROUP}) WHERE {which}"
    )
    work.connection.execute("DROP TABLE dealt")


def _pictures(
    work: WorkDatabase, which: str, shares: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """The split of each picture: dealt class by class in the shuffled order."""
    # SQLite takes the label from the row that has the least place.
    pictures = (
        f"SELECT {_GROUP} AS name, label, count(*) AS copies, min(place) AS first "
        f"FROM images WHERE {which} GROUP BY sha256"
    )
    totals = dict(
        work.rows(f"SELECT label, sum(copies) FROM ({pictures}) GROUP BY label")
    )
    before: collections.Counter[int] = collections.Counter()
    for name, label, copies, _ in work.rows(f"{pictures} ORDER BY label, first, name"):
        yield name, deal((before[label] + copies / 2) / totals[label], shares)
        before[label] += copies


def _groups(
    work: WorkDatabase, which: str, shares: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """The split of each person, and of each picture that is of no known one.

    Persons of whom there is one and the same picture are dealt together.
    """
    merged: dict[str, str] = {}

    def root(name: str) -> str:
        while name in merged:
            name = merged[name]
        return name

    shared = work.rows(
        f"SELECT DISTINCT sha256, {_GROUP} FROM images WHERE {which} AND sha256 IN "
        f"(SELECT sha256 FROM images WHERE {which} GROUP BY sha256 "
        f"HAVING min({_GROUP}) < max({_GROUP})) ORDER BY sha256, {_GROUP}"
    )
    for _, rows in itertools.groupby(shared, key=operator.itemgetter(0)):
        roots = sorted({root(name) for _, name in rows})
        merged.update((name, roots[0]) for name in roots[1:])
    counts: dict[str, collections.Counter[int]] = {}
    # Those whose least place comes first are first: an order that says nothing.
    for name, _ in work.rows(
        f"SELECT {_GROUP} AS name, min(place) AS first FROM images WHERE {which} "
        "GROUP BY name ORDER BY first, name"
    ):
        counts.setdefault(root(name), collections.Counter())
    for name, label, count in work.rows(
        f"SELECT {_GROUP} AS name, label, count(*) FROM images WHERE {which} "
        "GROUP BY name, label"
    ):
        counts[root(name)][label] += count
    splits = assign_groups(counts, shares)
    for (name,) in work.rows(f"SELECT DISTINCT {_GROUP} FROM images WHERE {which}"):
        yield name, splits[root(name)]
