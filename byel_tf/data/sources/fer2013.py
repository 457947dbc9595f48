"""FER2013: a table whose rows hold the pixels.

`fer2013.csv` has the columns `emotion,pixels,Usage`; `icml_face_data.csv` of the same
Kaggle competition (challenges-in-representation-learning-facial-expression-
recognition-challenge) has `emotion, Usage, pixels`, with blanks. Its `train.csv` lacks
Usage and its `test.csv` has pixels alone; both are read, too. Emotions count angry,
disgust, fear, happy, sad, surprise, neutral from 0. 28,709 rows are Training; of the
3,589 PublicTest and the 3,589 PrivateTest rows, microsoft/FERPlus
(`src/generate_training_data.py`) makes validation and test, as is done here.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_numbers import ORDERS
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.source import SourceOptions, require_items
from byel_tf.data.sources.split_words import split_of, unknown_split
from byel_tf.data.sources.table import DELIMITERS, find_column, first_row, row_name
from byel_tf.data.sources.votes import Verdict, VoteRow, VoteRule, read_votes
from byel_tf.errors import RunError

#: What a folder of the competition's files holds, the first found being read.
FILE_NAMES = ("fer2013.csv", "icml_face_data.csv")

EMOTIONS = ORDERS["fer2013"]

_DIGITS_AND_BLANKS = b"0123456789 \t"
_AROUND_FIELDS = b' \t\r\n"'
_LONGEST_ROW = 2**26  # 4096 x 4096 pixels; memory holds no line of any length


def is_pixel_table(path: str) -> bool:
    """Whether a table has a column of pixels."""
    return any(
        find_column(path, first_row(path, delimiter), "pixels") is not None
        for delimiter in DELIMITERS
    )


def read_pixels(text: bytes) -> tuple[int, bytes]:
    """Reads the values of a square grey picture.

    Args:
      text: Whole numbers from 0 to 255, row by row, with blanks between them.

    Returns:
      Width and height, and a byte a pixel.

    Raises:
      ValueError: If it is none; the message is the reason.
    """
    text = text.strip(_AROUND_FIELDS)
    if text.translate(None, _DIGITS_AND_BLANKS):
        raise ValueError("a pixel is not a whole number from 0 to 255")
    values = text.split()
    side = math.isqrt(len(values))
    if not values or side * side != len(values):
        raise ValueError("the number of pixels makes no square")
    try:
        return side, bytes(map(int, values))
    except ValueError:
        raise ValueError("a pixel is not a whole number from 0 to 255") from None


def parse_row(path: str, row: tuple[int, int]) -> tuple[int, bytes]:
    """Reads the picture of one item in place.

    Args:
      path: `Item.path`.
      row: `Item.row`.

    Returns:
      Width and height, and a byte a pixel.

    Raises:
      ValueError: If it is no square of numbers from 0 to 255; the message is the
        reason.
      OSError: If the file cannot be read.
    """
    offset, length = row
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        return read_pixels(file.read(length))


class Fer2013Source:
    """Rows of `fer2013.csv`, labelled by their emotion or by FERPlus's votes."""

    kind = "fer2013"
    gives_boxes = False

    def __init__(self, path: str, labels: ClassNames, options: SourceOptions) -> None:
        """Reads the header.

        Args:
          path: The table.
          labels: The classes.
          options: What the user says of it.

        Raises:
          RunError: If it is no such table, or cannot be joined with the votes.
          UsageError: If an option has no meaning here.
        """
        options.allow(self.kind, "votes")
        self.roots = (os.path.dirname(path),)
        self._path = path
        self._labels = LabelText(labels, EMOTIONS)
        self._votes = options.votes
        self._rule = VoteRule(labels, options.vote_labels)
        delimiter = max(DELIMITERS, key=lambda d: len(first_row(path, d)))
        self._delimiter = delimiter.encode()
        header = first_row(path, delimiter)
        pixels = find_column(path, header, "pixels")
        if pixels is None:
            raise RunError(
                f"{path} has no column 'pixels' as fer2013.csv; found "
                f"{', '.join(header)[:200]}"
            )
        self._pixels = pixels
        self._emotion = find_column(path, header, "emotion")
        self._usage = find_column(path, header, "usage")
        self._fields = len(header)
        self.gives_splits = self._usage is not None
        by = "labels from 'emotion'" if self._emotion is not None else "unlabelled"
        if options.votes is not None:
            if self._usage is None:
                raise RunError(
                    f"{path} has no column 'Usage', by which rows are checked against "
                    f"--votes={options.votes}: use fer2013.csv"
                )
            first_votes = read_votes(options.votes)
            next(first_votes, None)  # complains of a wrong header early
            first_votes.close()
            by = f"labels from the votes of {options.votes} ({options.vote_labels})"
        splits = "splits from 'Usage'" if self.gives_splits else "no splits given"
        self.description = f"FER2013 table of pixels: {by}; {splits}"

    def items(self) -> Iterator[Item | Rejected]:
        """Every row, as `Source.items`."""
        return require_items(
            self._entries(), f"{self._path} has no image of the classes ({{found}})"
        )

    def _entries(self) -> Iterator[Item | Rejected]:
        votes = None if self._votes is None else read_votes(self._votes)
        digits = 0
        for number, offset, line in self._rows():
            if not digits:  # enough that names sort as the rows do
                rows = 2 * os.path.getsize(self._path) // len(line)
                digits = max(5, len(str(rows)))
            name = row_name(self._path, 0)[:-1] + f"{number:0{digits}}"
            vote = None if votes is None else self._next(votes, number)
            yield self._entry(name, offset, line, number, vote)
        if votes is not None and (extra := next(votes, None)) is not None:
            raise RunError(
                f"{self._votes} has more rows than {self._path}, from row "
                f"{extra.number} on: they belong to different data"
            )

    def _rows(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, offset and content of each row after the header."""
        try:
            with open(self._path, "rb") as file:
                offset, header = 0, True
                for number in itertools.count(1):
                    line = file.readline(_LONGEST_ROW + 1)
                    if not line:
                        return
                    if len(line) > _LONGEST_ROW:
                        raise RunError(
                            f"{self._path} row {number} has more than {_LONGEST_ROW} "
                            "bytes: it is no table of pixels"
                        )
                    if line.strip(_AROUND_FIELDS):
                        if not header:
                            yield number, offset, line
                        header = False
                    offset += len(line)
        except OSError as error:
            raise RunError(f"{self._path} cannot be read: {error.strerror}") from error

    def _next(self, votes: Iterator[VoteRow], number: int) -> VoteRow:
        vote = next(votes, None)
        if vote is None:
            raise RunError(
                f"{self._votes} ends before row {number} of {self._path}: they belong "
                "to different data"
            )
        return vote

    def _entry(
        self, name: str, offset: int, line: bytes, number: int, vote: VoteRow | None
    ) -> Item | Rejected:
        fields = line.split(self._delimiter)
        if len(fields) < self._fields:
            return Rejected(name, "row has too few fields")
        split = None
        if self._usage is not None:
            usage = _text(fields[self._usage])
            if vote is not None and usage != vote.usage:
                raise RunError(
                    f"{self._path} row {number} is '{usage}' and {self._votes} row "
                    f"{vote.number} is '{vote.usage}': they belong to different data"
                )
            split = split_of(usage)
            if split is None:
                return Rejected(name, unknown_split(usage))
        verdict = self._verdict(fields, vote)
        if isinstance(verdict, str):
            return Rejected(name, verdict)
        start = offset + sum(len(field) + 1 for field in fields[: self._pixels])
        row = (start, len(fields[self._pixels]))
        return Item(
            name, self._path, verdict.label, split, votes=verdict.votes, row=row
        )

    def _verdict(self, fields: list[bytes], vote: VoteRow | None) -> Verdict | str:
        if vote is not None:
            return self._rule.decide(vote)
        emotion = "" if self._emotion is None else _text(fields[self._emotion])
        label = self._labels.read(emotion)
        return label if isinstance(label, str) else Verdict(label)


def _text(field: bytes) -> str:
    return field.strip(_AROUND_FIELDS).decode(errors="replace")
