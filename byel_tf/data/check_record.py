"""Whether a record agrees with its data set, and with the image that it holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from byel_tf.data.image_files import (
    RECORD_FORMATS,
    ImageLimits,
    RejectedImage,
    encode,
    is_grey,
)
from byel_tf.data.manifest import Manifest
from byel_tf.data.record import UNLABELLED, Record, parse

#: What is wrong, expected and found.
Difference = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class CheckedRecord:
    """What was found in one record.

    Attributes:
      record: The record; None if it cannot be parsed.
      grey: Whether its image has one channel; None if that cannot be told.
      differences: What is wrong with it.
    """

    record: Record | None
    grey: bool | None
    differences: tuple[Difference, ...]


def check_record(
    serialized: bytes, manifest: Manifest, max_pixels: int = ImageLimits.max_pixels
) -> CheckedRecord:
    """Compares a record with the manifest and with its image, which is decoded.

    Args:
      serialized: What `serialize` wrote.
      manifest: That of the data set.
      max_pixels: Pictures of more pixels are not decoded.
    """
    try:
        record = parse(serialized)
    except ValueError as error:
        difference = ("content", "the features of an image", str(error))
        return CheckedRecord(None, None, (difference,))
    grey, of_image = _check_image(record, max_pixels)
    of_class = _check_class(record, manifest.classes)
    of_numbers = _check_numbers(record, manifest)
    of_pair = _check_pair(record, manifest, max_pixels)
    found = (*of_class, *of_numbers, *of_image, *of_pair)
    return CheckedRecord(record, grey, found)


def _check_class(record: Record, classes: tuple[str, ...]) -> Iterator[Difference]:
    label = record.label
    if not UNLABELLED <= label < len(classes):
        yield "label", f"{UNLABELLED} to {len(classes) - 1}", str(label)
        return
    name = "" if label == UNLABELLED else classes[label]
    if record.class_name != name:
        yield f"class of label {label}", f"'{name}'", f"'{record.class_name}'"


def _check_numbers(record: Record, manifest: Manifest) -> Iterator[Difference]:
    # All records have the action units that the manifest names; the rest is optional.
    values = {
        "action units": (record.action_units or (), len(manifest.action_units)),
        "angles of the pose": (record.pose, 3),
        "votes": (record.votes, len(manifest.classes)),
    }
    for what, (numbers, count) in values.items():
        if numbers is None:
            continue
        if len(numbers) != count:
            yield f"number of {what}", str(count), str(len(numbers))
        for number in numbers:
            if not math.isfinite(number):
                yield what, "finite numbers", str(number)
                break


def _check_pair(
    record: Record, manifest: Manifest, max_pixels: int
) -> Iterator[Difference]:
    is_paired = manifest.source.get("pairs", "none") != "none"
    if is_paired != (record.pair is not None):
        numbers = [str(int(is_paired)), str(int(not is_paired))]
        yield "number of second pictures", *numbers
    if record.pair is not None:
        pair = record.pair
        second = dataclasses.replace(record, encoded=pair.encoded, format=pair.format)
        _, differences = _check_image(second, max_pixels)
        for what, expected, found in differences:
            yield f"second picture, {what}", expected, found


def _check_image(
    record: Record, max_pixels: int
) -> tuple[bool | None, tuple[Difference, ...]]:
    """Whether it has one channel, and what is wrong.

    A record holds what an import of the image would take as it is.
    """
    try:
        limits = ImageLimits(max_pixels=max_pixels)
        image = encode(record.encoded, limits, RECORD_FORMATS)
        is_as_imported = image.content == record.encoded
        grey = image.grey if is_as_imported else is_grey(record.encoded)
    except RejectedImage as error:
        return None, (("image", "a whole JPEG or PNG file", str(error)),)
    if not is_as_imported:
        kind = "an upright picture, opaque, of 8-bit RGB or grey"
        return grey, (("image", kind, "another"),)
    in_image = f"{image.format} of {image.width}x{image.height}"
    in_record = f"{record.format} of {record.width}x{record.height}"
    if in_image != in_record:
        return grey, (("description of the image", in_image, in_record),)
    return grey, ()
