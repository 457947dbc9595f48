"""What a source offers, and what a user may say about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Protocol

from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.patterns import NamePattern
from byel_tf.errors import RunError, UsageError

VOTE_LABELS = ("majority", "soft")

#: Options that name the columns of a table.
COLUMN_OPTIONS = ("path_column", "label_column", "split_column", "subject_column")
_OF_SOME_FORMATS = (
    "root",
    "votes",
    "subject_pattern",
    "label_pattern",
    "label_numbers",
    *COLUMN_OPTIONS,
)


class Source(Protocol):
    """Images and what is known of them.

    Attributes:
      kind: Name of the format, as for `--format`.
      description: One line for the screen: what was found and how it is read.
      gives_splits: Whether its items say which split they belong to.
      gives_boxes: Whether its items say where in their pictures the faces are.
      roots: The folders that its images are expected in.
    """

    kind: str
    description: str
    gives_splits: bool
    gives_boxes: bool
    roots: tuple[str, ...]

    def items(self) -> Iterator[Item | Rejected]:
        """Every image once, in an order that depends on the data alone.

        Raises:
          RunError: If the data contradict themselves, or there is no item.
        """
        ...


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    r"""What a user says of a source beyond its path.

    Attributes:
      root: Folder that the paths in a list start from.
      votes: FERPlus's table of votes, `fer2013new.csv`.
      vote_labels: "majority" or "soft": see `votes.VoteRule`.
      subject_pattern: Regular expression whose group finds the person in an image's
        name, as `(S\d+)_`.
      label_pattern: Regular expression whose group finds the class in an image's
        path, as `\.(AN|HA)\d`.
      label_numbers: What numbers in place of class names mean; see
        `label_numbers.parse_label_numbers`.
      path_column: The table's column for the path; the next three likewise.
      label_column: For the class.
      split_column: For the split.
      subject_column: For the person.
      deals_anew: Whether splits that the source gives are not wanted.

    Raises:
      UsageError: If a pattern is none, or `vote_labels` is neither.
    """

    root: str | None = None
    votes: str | None = None
    vote_labels: str = "majority"
    subject_pattern: str | None = None
    label_pattern: str | None = None
    label_numbers: str | None = None
    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    subject_column: str | None = None
    deals_anew: bool = False

    def __post_init__(self) -> None:
        """Compiles what can be wrong, before any data are read."""
        if self.vote_labels not in VOTE_LABELS:
            raise UsageError(
                f"--vote_labels={self.vote_labels}: give {' or '.join(VOTE_LABELS)}"
            )
        _ = self.subjects, self.label_names

    @property
    def subjects(self) -> NamePattern | None:
        """`subject_pattern`, compiled."""
        if self.subject_pattern is None:
            return None
        return NamePattern("subject_pattern", self.subject_pattern, "subject")

    @property
    def label_names(self) -> NamePattern | None:
        """`label_pattern`, compiled."""
        if self.label_pattern is None:
            return None
        return NamePattern("label_pattern", self.label_pattern, "label")

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are named, by what they are for."""
        given = ((name, getattr(self, name)) for name in COLUMN_OPTIONS)
        return {
            name.removesuffix("_column"): column
            for name, column in given
            if column is not None
        }

    def allow(self, kind: str, *names: str) -> None:
        """Refuses options that a format has no use for.

        Args:
          kind: The format.
          *names: Options it reads.

        Raises:
          UsageError: If another option is given.
        """
        if (
            self.vote_labels != VOTE_LABELS[0]
            and self.votes is None
            and "vote_labels" not in names
        ):
            raise UsageError(
                f"--vote_labels={self.vote_labels} needs votes: give --votes"
            )
        for name in _OF_SOME_FORMATS:
            value = getattr(self, name)
            if value is not None and name not in names:
                raise UsageError(
                    f"--{name}={value} has no meaning for a source of the format {kind}"
                )


def subject_of(pattern: NamePattern, name: str) -> str | None:
    """The person that a name tells, as text that can be written as UTF-8."""
    subject = pattern.find(name)
    if subject is None or subject.isascii():
        return subject
    # Bytes of a file name that are not UTF-8 stay distinct.
    return subject.encode(errors="surrogateescape").decode(errors="backslashreplace")


def unknown_class(name: str) -> str:
    """Why an image of an unlisted class is rejected; short, and one line."""
    name = " ".join(name.split())
    return f"unknown class '{name if len(name) <= 60 else name[:59] + '…'}'"


def require_items(
    entries: Iterator[Item | Rejected], nothing: str
) -> Iterator[Item | Rejected]:
    """Passes entries on, and complains at the end if no image was among them.

    Args:
      entries: What a source yields.
      nothing: What to say if there was no item; `{found}` becomes the reasons of the
        rejects, or "nothing".

    Raises:
      RunError: If there was no item.
    """
    has_items, reasons = False, {}
    for entry in entries:
        if isinstance(entry, Item):
            has_items = True
        elif len(reasons) < 8:
            reasons[entry.reason] = None
        yield entry
    if not has_items:
        found = ", ".join(reasons) or "nothing"
        raise RunError(nothing.replace("{found}", found))
