"""Images that a list names."""

from __future__ import annotations

import dataclasses

from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.label_text import LabelText
from byel_tf.data.sources.patterns import NamePattern
from byel_tf.data.sources.source import subject_of
from byel_tf.data.storage import join


@dataclasses.dataclass(frozen=True)
class Listing:
    """How the rows of a list become items.

    Attributes:
      root: Folder that the paths in the list start from.
      labels: Reads the labels.
      subjects: Finds the person in a name, if it is to be found.
    """

    root: str
    labels: LabelText
    subjects: NamePattern | None = None

    def entry(
        self, name: str, label: str, split: str | None, file: str | None = None
    ) -> Item | Rejected:
        """The item of one row, or why it is rejected.

        Args:
          name: Name of the image.
          label: What the list says of its class.
          split: Its split.
          file: Its path from the root, if it differs from the name.
        """
        found = self.labels.read(label)
        if isinstance(found, str):
            return Rejected(name, found)
        subject = None
        if self.subjects is not None:
            subject = subject_of(self.subjects, name)
            if subject is None:
                return Rejected(name, self.subjects.mismatch)
        return Item(name, join(self.root, file or name), found, split, subject)


def path_in(row: list[str], column: int) -> str:
    """The path a row names, with slashes; empty if there is none."""
    return row[column].strip().replace("\\", "/") if column < len(row) else ""
