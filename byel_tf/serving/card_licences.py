"""What a model card says of licences: of the code, and of what was learned from."""

from collections.abc import Mapping
from typing import Any

from byel_tf.data.crops import cropping_of

_CODE = """\
The code is byel_tf's, under the Apache License 2.0, and asks for nothing of the weights
that it trains. Whoever crops photographs for this model by byel_tf's `--crop=face` runs
a face detector with the weights of the package mtcnn, of which their author says that
they should not be used commercially; `--detector=own` does without them."""

_CROPPED_IMAGES = (
    "The images that it was trained on were cropped to the face: if by mtcnn, what its "
    "author says holds for them as well."
)
_DRAWN_IMAGES = (
    "It was trained on drawn faces alone: on no photograph of a face, and on no data "
    "whose licence forbids commercial use, but for what is said below of how the "
    "heads were made."
)

# Of the heads that faces are drawn with, by their name in a data set's source.
_HEAD_LICENCES = {
    "built-in": "The built-in head is a part of byel_tf.",
    "ict-facekit": (
        "ICT-FaceKit, whose head faces were drawn with, is under the MIT licence; it "
        "was made from scans of persons by the USC Institute for Creative Technologies."
    ),
    "makehuman": (
        "MakeHuman's and MPFB's meshes, targets and pictures, which faces were drawn "
        "with, are under CC0 1.0. Whether the pictures of its skins come from "
        "photographs of persons its repository does not say, and that the change of "
        "its assets to CC0 is a work in progress it does say."
    ),
}
_MODIFIED_HEAD = (
    "Data of a head that is named as modified above differ from its release: what they "
    "are under, who drew the faces has to say."
)
_OTHER_IMAGES = (
    "Of images that were imported for training, their licences are not recorded here: "
    "ask who imported them."
)


def licences(run: Mapping[str, Any], is_own: bool) -> list[str]:
    """Paragraphs on what is known of licences.

    Args:
      run: Content of `run.json`; empty if it is not known.
      is_own: Whether nothing but the run's data has made the weights: no weights that
        it began with, and no adaptation.
    """
    source = training_source(run)
    if source is None:
        return [_CODE]
    is_drawn = source.get("kind") == "synthesis"
    found = [_CODE, *([_DRAWN_IMAGES] if is_drawn and is_own else [])]
    if not is_drawn:
        found.append(_OTHER_IMAGES)
        if cropping_of(source).kind == "face":
            found.append(_CROPPED_IMAGES)
    head = str(source.get("head", ""))
    found += [text for name, text in _HEAD_LICENCES.items() if name in head]
    return found + ([_MODIFIED_HEAD] if "modified" in head else [])


def training_source(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Where the training images come from; None where that is not recorded."""
    dataset = (run.get("datasets") or {}).get("train_data")
    return None if dataset is None else dataset.get("source") or {}
