"""FERPlus: ten annotators' votes for every image of FER2013.

`fer2013new.csv` of github.com/microsoft/FERPlus has a row for each row of
`fer2013.csv`, in the same order (its README.md), with the columns `Usage, Image name,
neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF`
(NF: no face). Images that are no face have an empty name. `src/
generate_training_data.py` there writes the others as `FER2013Train/fer0000000.png` and
so on, FER2013Valid for PublicTest and FER2013Test for PrivateTest; the number in a name
is not the row's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.source import unknown_class
from byel_tf.data.sources.table import find_column, first_row, key, read_rows
from byel_tf.errors import RunError

_EXPRESSIONS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
#: What is voted for, in the tables' order.
COUNTED = (*_EXPRESSIONS, "unknown", "nf")
_COLUMNS = ("usage", "imagename", *COUNTED)


@dataclasses.dataclass(frozen=True)
class VoteRow:
    """One row of the table.

    Attributes:
      number: The row's number, as a spreadsheet counts them.
      usage: "Training", "PublicTest" or "PrivateTest".
      image: Name of the image's file, empty where it is no face.
      counts: Votes for each column of the table.
    """

    number: int
    usage: str
    image: str
    counts: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What votes come to.

    Attributes:
      label: Index of the class.
      votes: Votes for each class in label order, if they are to be kept.
    """

    label: int
    votes: tuple[float, ...] | None = None


def is_vote_table(header: list[str]) -> bool:
    """Whether a table's header is that of `fer2013new.csv`."""
    return {key(column) for column in header}.issuperset(_COLUMNS)


def read_votes(path: str) -> Iterator[VoteRow]:
    """Rows of a table of votes.

    Raises:
      RunError: If it cannot be read, lacks a column, or has a row without votes.
    """
    header = first_row(path)
    columns = [find_column(path, header, name) for name in _COLUMNS]
    missing = [n for n, at in zip(_COLUMNS, columns, strict=True) if at is None]
    if missing:
        raise RunError(
            f"{path} is no table of votes as FERPlus's fer2013new.csv: it lacks the "
            f"columns {', '.join(missing)}"
        )
    usage, image, *counted = columns
    rows = read_rows(path, ",")
    next(rows)
    for number, row in rows:
        try:
            counts = tuple(float(row[column]) for column in counted)
            yield VoteRow(number, row[usage].strip(), row[image].strip(), counts)
        except (ValueError, IndexError):
            raise RunError(
                f"{path} row {number}: a number of votes is missing or none"
            ) from None


class VoteRule:
    """Turns an image's votes into a label.

    "majority": the column with the most votes of all ten; a tie is no label. "soft":
    the same, but a tie between listed classes is kept, with the first of them in label
    order as the label, and the votes are kept with every image.
    """

    def __init__(self, labels: ClassNames, vote_labels: str) -> None:
        """Prepares the rule.

        Args:
          labels: The classes.
          vote_labels: "majority" or "soft".
        """
        self._count = len(labels.names)
        self._soft = vote_labels == "soft"
        # Columns that mean one class, by the user's aliases, are counted together.
        self._targets: list[int | str] = []
        for name in COUNTED:
            index = labels.index(name)
            self._targets.append(name if index is None else index)

    def decide(self, row: VoteRow) -> Verdict | str:
        """The label of an image, or the reason why there is none."""
        if not row.image:
            return "no face, by its votes"
        tally: dict[int | str, float] = dict.fromkeys(self._targets, 0.0)
        for target, count in zip(self._targets, row.counts, strict=True):
            tally[target] += count
        most = max(tally.values())
        if most <= 0:
            return "no votes"
        first, *others = [target for target, count in tally.items() if count == most]
        if not others:
            if first == "nf":
                return "no face, by its votes"
            if first == "unknown":
                return "unknown expression, by its votes"
            if isinstance(first, str):
                return unknown_class(first)
        tied = [target for target in (first, *others) if isinstance(target, int)]
        if others and not (self._soft and len(tied) == len(others) + 1):
            return "votes tie"
        if not self._soft:
            return Verdict(tied[0])
        votes = tuple(tally.get(index, 0.0) for index in range(self._count))
        return Verdict(min(tied), votes)
