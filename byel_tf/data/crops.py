"""How images were cropped, from their data set to what is trained on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

_SAME_MARGIN = 0.01


@dataclasses.dataclass(frozen=True)
class Cropping:
    """How the images of a data set were cropped.

    Attributes:
      kind: "face", to faces that were found, or drawn so; "box", to boxes that their
        source gave; "none".
      margin: Side of the crop, as a multiple of that of rendered faces; of boxes, of
        the box.
    """

    kind: str = "none"
    margin: float = 1.0

    def __str__(self) -> str:
        if self.kind == "none":
            return "whole"
        what = "the face" if self.kind == "face" else "the source's boxes"
        return f"cropped to {what} (margin {self.margin:g})"

    def to_json(self) -> dict[str, Any]:
        """As exports and manifests hold it."""
        return {"crop": self.kind, "crop_margin": self.margin}


def cropping_of(source: Mapping[str, Any]) -> Cropping:
    """That of a data set.

    Args:
      source: The manifest's `source`.
    """
    if source.get("kind") == "synthesis":
        return Cropping("face")
    return read_cropping(source) or Cropping()


def read_cropping(facts: Mapping[str, Any]) -> Cropping | None:
    """What `to_json` gave; None where nothing is said, as by releases before 0.3."""
    if "crop" not in facts:
        return None
    return Cropping(str(facts["crop"]), float(facts.get("crop_margin", 1.0)))


def mismatch(name: str, shown: Cropping, learned: Cropping) -> str | None:
    """What is to be said where images are not cropped as a model's training images.

    Args:
      name: What the images are called.
      shown: How they are cropped.
      learned: How the training images were.

    Returns:
      One line, or None where both agree.
    """
    is_cropped = [one.kind != "none" for one in (shown, learned)]
    if is_cropped == [False, False]:
        return None
    if all(is_cropped) and abs(shown.margin - learned.margin) < _SAME_MARGIN:
        return None
    advice = "nothing is wrong if they show the face alone already"
    if is_cropped[0]:
        advice = "nothing is wrong if those show the face alone already"
    if all(is_cropped):
        advice = "prepare one of them again"
    return (
        f"the images of {name} are {shown}, the training images were {learned}: "
        f"{advice}"
    )
