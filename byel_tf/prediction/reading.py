"""From entries to what the model takes, on processes that run ahead of it."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from byel_tf.data import jpeg
from byel_tf.data.image_files import (
    ImageLimits,
    RejectedImage,
    decode_plain,
    decoding,
    encode,
    is_plain,
    is_too_long,
    quiet_pillow,
)
from byel_tf.data.preparation.convert import Conversion, convert, read_item
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.prediction.video import Frame, is_video, read_frames
from byel_tf.serving.cropping import face_detector
from byel_tf.worker_pool import DIED, run_tasks

Entry = Item | Rejected | Frame

# Images read by one task: enough to hide the cost of handing it out, and bytes.
_CHUNK = 64
_CHUNK_WITH_FACES = 8
_CHUNK_BYTES = 16 * 2**20
_DEADLY = "the process that read it ended unexpectedly"
# Chunks of a PNG that can turn the picture, or that are decompressed without limit.
_PNG_EXTRAS = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the model is given of an image, or of one face in it.

    Attributes:
      name: The image's.
      content: A JPEG or PNG file, or why there is none.
      time: Of a video's frame, seconds from its start.
      faces: How many faces were found in the image; None where none were looked for.
      face: Which of them this is, from 1, the largest; None where it is none.
      bounds: Left, top, right and bottom of that face in the upright image, pixels.
    """

    name: str
    content: bytes | str
    time: float | None = None
    faces: int | None = None
    face: int | None = None
    bounds: tuple[float, float, float, float] | None = None


def read_images(
    entries: Iterable[Item | Rejected],
    conversion: Conversion,
    frame_step: int = 1,
    workers: int = 1,
    every_face: bool = False,
) -> Iterator[Reading]:
    """Reads images as the import does, several at a time, in bounded memory.

    Args:
      entries: What is to be read; videos become their frames.
      conversion: How images are converted; its classes are not used.
      frame_step: Frames of a video from one that is taken to the next.
      workers: Processes; with one, all is done in this process.
      every_face: Whether each face that is found is wanted, not only the largest.

    Yields:
      In order, what each image gives: one reading, or one of each face.
    """
    function = functools.partial(
        _read_all, conversion=conversion, every_face=every_face
    )
    chunks = _chunks(_with_frames(entries, frame_step, conversion.limits), conversion)
    for chunk, readings in run_tasks(function, chunks, workers):
        if readings is DIED:
            readings = _read_alone(function, chunk)
        for of_one in readings:
            yield from of_one


def _read_alone(function, chunk: Sequence[Entry]) -> list[list[Reading]]:
    """Finds the image that ends a process, by handing out each for itself."""
    results = run_tasks(function, [[entry] for entry in chunk], workers=2)
    return [
        [Reading(entry.name, _DEADLY)] if found is DIED else found[0]
        for entry, (_, found) in zip(chunk, results, strict=True)
    ]


def _with_frames(
    entries: Iterable[Item | Rejected], step: int, limits: ImageLimits
) -> Iterator[Entry]:
    for entry in entries:
        if isinstance(entry, Item) and is_video(entry.path):
            yield from read_frames(entry.name, entry.path, step, limits)
        else:
            yield entry


def _chunks(entries: Iterable[Entry], conversion: Conversion) -> Iterator[list[Entry]]:
    longest = _CHUNK_WITH_FACES if conversion.crop_faces else _CHUNK
    chunk, held = [], 0
    for entry in entries:
        chunk.append(entry)
        held += _size(entry)
        if len(chunk) == longest or held >= _CHUNK_BYTES:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _size(entry: Entry) -> int:
    """Bytes that an entry takes, about."""
    if isinstance(entry, Frame):
        return 3 * entry.image.width * entry.image.height
    if isinstance(entry, Rejected):
        return 0
    try:
        return os.stat(entry.path).st_size
    except (OSError, ValueError):  # reading it will say why
        return 0


def _read_all(
    entries: Sequence[Entry], conversion: Conversion, every_face: bool
) -> list[list[Reading]]:
    with quiet_pillow():
        return [_read(entry, conversion, every_face) for entry in entries]


def _read(entry: Entry, conversion: Conversion, every_face: bool) -> list[Reading]:
    if isinstance(entry, Rejected):
        return [Reading(entry.name, entry.reason)]
    reading = Reading(entry.name, "", getattr(entry, "time", None))
    try:
        if isinstance(entry, Frame):
            content = entry.image
        else:
            content = read_item(entry, conversion)
        if conversion.crop_faces:
            return _read_faces(reading, content, conversion, every_face)
        return [dataclasses.replace(reading, content=_file(content, conversion))]
    except RejectedImage as error:
        return [dataclasses.replace(reading, content=str(error))]


def _file(content: bytes | Image.Image, conversion: Conversion) -> bytes:
    """The whole image.

    Raises:
      RejectedImage: If it can't be taken.
    """
    if isinstance(content, bytes) and passes(content, conversion.limits):
        return content
    return convert(content, conversion, None).content


def _read_faces(
    reading: Reading,
    content: bytes | Image.Image,
    conversion: Conversion,
    every_face: bool,
) -> list[Reading]:
    """A reading of each face, of the largest, or of the whole where none is found.

    Raises:
      RejectedImage: If the image can't be taken.
    """
    picture = content
    if isinstance(content, bytes):
        picture = decode_plain(content, conversion.limits)
    found = face_detector(conversion.detector).all(picture)
    reading = dataclasses.replace(reading, faces=len(found))
    if not found:
        if conversion.no_face == "reject":
            return [dataclasses.replace(reading, content="no face found")]
        return [dataclasses.replace(reading, content=_file(content, conversion))]
    readings = []
    for number, face in enumerate(found if every_face else found[:1], start=1):
        try:
            file = convert(picture, conversion, face.box(conversion.crop_margin))
            file = file.content
        except RejectedImage as error:
            file = str(error)
        readings.append(
            dataclasses.replace(reading, content=file, face=number, bounds=face.bounds)
        )
    return readings


def passes(content: bytes, limits: ImageLimits) -> bool:
    """Whether the import would keep a file byte for byte, if it can be decoded.

    It is not decoded: the model does that, and says whether it could.

    Args:
      content: The file.
      limits: What is taken.

    Raises:
      RejectedImage: If it is too large, or no image.
    """
    with decoding(content, limits) as image:
        if not is_plain(image, content) or is_too_long(image, limits):
            return False
        if image.format == "PNG":
            return not any(extra in content for extra in _PNG_EXTRAS)
        return jpeg.has_few_scans(content) and jpeg.has_end(content)


def why_undecodable(content: bytes, limits: ImageLimits) -> str:
    """Why the model could not decode a file, in the words of the import."""
    try:
        with quiet_pillow():
            encode(content, limits)
    except RejectedImage as error:
        return str(error)
    return "cannot be decoded by the model"
