"""Labels as tables write them: names, or numbers of one of several orders."""

from __future__ import annotations

from collections.abc import Mapping

from byel_tf.data.labels import ClassNames
from byel_tf.data.record import UNLABELLED
from byel_tf.data.sources.label_numbers import whole_number
from byel_tf.data.sources.source import unknown_class

_REMEMBERED = 4096


class LabelText:
    """Reads the text of a label: a class name, or a number; empty or negative: none."""

    def __init__(
        self,
        labels: ClassNames,
        numbers: Mapping[int, str] | None = None,
        refused: Mapping[int, str] | None = None,
    ) -> None:
        """Prepares the reading.

        Args:
          labels: The classes.
          numbers: The class that each number of the data set means; by default
            numbers are indices into `labels`.
          refused: Numbers that mean no class, and the reason to give.
        """
        self._labels = labels
        self._numbers = numbers
        self._refused = refused or {}
        self._read: dict[str, int | str] = {}

    def read(self, text: str) -> int | str:
        """The label, or the reason why there is none that can be taken."""
        label = self._read.get(text)
        if label is None:
            label = self._find(text)
            if len(self._read) < _REMEMBERED:
                self._read[text] = label
        return label

    def number(self, text: str) -> int | None:
        """The number that decides the label, or None where a name does, or nothing."""
        if self._numbers is None and self._labels.index(text) is not None:
            return None
        value = whole_number(text)
        return None if value is None or value < 0 else value

    def _find(self, text: str) -> int | str:
        text = text.strip()
        if not text:
            return UNLABELLED
        number = whole_number(text)
        if number is not None and number < 0:
            return UNLABELLED
        if self.number(text) is None:
            label = self._labels.index(text)
            return unknown_class(text) if label is None else label
        if number in self._refused:
            return self._refused[number]
        if self._numbers is None:
            return number if number < len(self._labels.names) else unknown_class(text)
        name = self._numbers.get(number)
        if name is None:
            return unknown_class(text)
        label = self._labels.index(name)
        return unknown_class(name) if label is None else label
