"""How images are cropped for a model: as its training images were, unless told."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any

from byel_tf.data.crops import Cropping, mismatch, read_cropping
from byel_tf.errors import RunError
from byel_tf.faces.crop import MIN_MARGIN

if typing.TYPE_CHECKING:
    from byel_tf.faces.detector import FaceDetector

#: What may be asked for.
CROPS = ("auto", "none", "face")
MAX_MARGIN = 4.0

# Share of images without a face found, above which faces were hardly cropped.
_MANY = 0.2


@dataclasses.dataclass(frozen=True)
class ChosenCropping:
    """How images are cropped, and why.

    Attributes:
      cropping: To faces, or not at all.
      reason: A line that says what is done.
      warning: What is odd about it; None if nothing is.
    """

    cropping: Cropping
    reason: str
    warning: str | None = None


def choose_cropping(
    asked: str, margin: float | None, facts: Mapping[str, Any]
) -> ChosenCropping:
    """Decides how images are cropped.

    Args:
      asked: One of `CROPS`. auto: to faces where the training images were cropped or
        drawn so, or to boxes; not at all where they were whole, or nothing is known.
      margin: Side of the crop, as a multiple of that of rendered faces; None for the
        model's.
      facts: What the export states of itself.

    Raises:
      RunError: If the export states what cannot be.
      ValueError: If there is a margin that cannot be, or nothing is cropped.
    """
    if margin is not None and not MIN_MARGIN <= margin <= MAX_MARGIN:
        raise ValueError(
            f"crop_margin must be from {MIN_MARGIN} to {MAX_MARGIN:g}. Received: "
            f"crop_margin={margin}"
        )
    learned = _learned_cropping(facts)
    unknown = "the model does not say how its training images were cropped"
    kind = asked
    if kind == "auto":
        kind = "face" if learned and learned.kind != "none" else "none"
    if kind == "none" and margin is not None:
        raise ValueError("crop_margin has no meaning where images are taken whole")
    usual = learned.margin if learned and learned.kind != "none" else 1.0
    chosen = Cropping(kind, usual if margin is None else margin)
    what = f"face (margin {chosen.margin:g})" if kind == "face" else "none"
    if asked != "auto" or margin is not None:
        reason = "as given"
    elif learned is None:
        reason = f"{unknown}; where to the face, give --crop=face"
    elif learned.kind == "box":
        reason = f"the training images were {learned}"
    else:
        reason = "as the training images"
    warning = None
    if learned and mismatch("", chosen, learned):
        warning = f"images are {chosen}, the training images were {learned}"
    return ChosenCropping(chosen, f"crop: {what}, {reason}", warning)


def _learned_cropping(facts: Mapping[str, Any]) -> Cropping | None:
    """How the training images were cropped; None if the export says nothing.

    Raises:
      RunError: If it states what cannot be.
    """
    try:
        learned = read_cropping(facts)
        known = learned is None or (
            learned.kind in ("none", "face", "box")
            and MIN_MARGIN <= learned.margin <= MAX_MARGIN
        )
    except (TypeError, ValueError):
        known = False
    if not known:
        raise RunError(
            "the exported model's facts have no crop of this release: "
            f"crop is {facts['crop']!r}, crop_margin {facts.get('crop_margin')!r}"
        )
    return learned


def few_faces(without: int, count: int) -> str | None:
    """What is to be said where no face was found on many images.

    Args:
      without: Images on which there was none.
      count: Images that were looked at.
    """
    if without <= _MANY * count:
        return None
    return (
        f"no face was found on {without} of {count} images, and what a model says of "
        "anything else means little; crop=none is for images that show the face alone "
        "already"
    )


@functools.cache
def face_detector(name: str) -> FaceDetector:
    """The detector of a name, as of `make_detector`; one a process."""
    from byel_tf.detection.detectors import make_detector  # seconds and megabytes

    return make_detector(name)
