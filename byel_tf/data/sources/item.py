"""What a source says of one image, before the image is looked at."""

from __future__ import annotations

import dataclasses

from byel_tf.data.record import UNLABELLED


@dataclasses.dataclass(frozen=True)
class Item:
    """An image as its source describes it.

    Attributes:
      name: What the record and `rejected.csv` call it: its path relative to the
        source, with forward slashes, or the row of the table it comes from.
      path: The file that holds it.
      label: Index of its class, or `UNLABELLED`.
      split: "train", "validation" or "test" where the source says so.
      subject: The person, where the source says so.
      votes: Annotators' votes, one number a class, in label order.
      row: Where `path` is a table of pixels: offset and length in bytes of the
        image's values in it. None where `path` is an image file.
      box: Bounds of the face in the upright picture, where the source says so: left,
        top, right and bottom, pixels.
    """

    name: str
    path: str
    label: int = UNLABELLED
    split: str | None = None
    subject: str | None = None
    votes: tuple[float, ...] | None = None
    row: tuple[int, int] | None = None
    box: tuple[float, float, float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Rejected:
    """An image that a source names and that cannot be taken.

    Attributes:
      name: As for `Item`.
      reason: One line, which counts are kept by: nothing in it but what many images
        share.
    """

    name: str
    reason: str
