"""From entries to what the model takes, on processes that run ahead of it."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence

from byel_tf.data import jpeg
from byel_tf.data.image_files import (
    ImageLimits,
    RejectedImage,
    decoding,
    encode,
    is_plain,
    is_too_long,
)
from byel_tf.data.preparation.convert import (
    Conversion,
    convert,
    find_face,
    read_item,
)
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.prediction.video import Frame, is_video, read_frames
from byel_tf.worker_pool import DIED, run_tasks

Entry = Item | Rejected | Frame

# Images read by one task: enough to hide the cost of handing it out, and bytes.
_CHUNK = 64
_CHUNK_WITH_FACES = 8
_CHUNK_BYTES = 16 * 2**20
_DEADLY = "the process that read it ended unexpectedly"
# Chunks of a PNG that can turn the picture, or that are decompressed without limit.
_PNG_EXTRAS = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")


def read_images(
    entries: Iterable[Item | Rejected],
    conversion: Conversion,
    frame_step: int = 1,
    workers: int = 1,
) -> Iterator[tuple[str, bytes | str]]:
    """Reads images as the import does, several at a time, in bounded memory.

    Args:
      entries: What is to be read; videos become their frames.
      conversion: How images are converted; its classes are not used.
      frame_step: Frames of a video from one that is taken to the next.
      workers: Processes; with one, all is done in this process.

    Yields:
      In order, each image's name, and a JPEG or PNG file, or why there is none.
    """
    function = functools.partial(_read_all, conversion=conversion)
    chunks = _chunks(_with_frames(entries, frame_step, conversion.limits), conversion)
    for chunk, contents in run_tasks(function, chunks, workers):
        if contents is DIED:
            contents = _read_alone(function, chunk)
        for entry, content in zip(chunk, contents, strict=True):
            yield entry.name, content


def _read_alone(function, chunk: Sequence[Entry]) -> list[bytes | str]:
    """Finds the image that ends a process, by handing out each for itself."""
    results = run_tasks(function, [[entry] for entry in chunk], workers=2)
    return [_DEADLY if found is DIED else found[0] for _, found in results]


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


def _read_all(entries: Sequence[Entry], conversion: Conversion) -> list[bytes | str]:
    with warnings.catch_warnings():
        # What Pillow warns of is harmless, or it raises.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return [_read(entry, conversion) for entry in entries]


def _read(entry: Entry, conversion: Conversion) -> bytes | str:
    if isinstance(entry, Rejected):
        return entry.reason
    try:
        if isinstance(entry, Frame):
            content = entry.image
        else:
            content = read_item(entry, conversion)
        content, box = find_face(content, conversion)
        if isinstance(content, bytes) and passes(content, conversion.limits):
            return content
        return convert(content, conversion, box).content
    except RejectedImage as error:
        return str(error)


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
        encode(content, limits)
    except RejectedImage as error:
        return str(error)
    return "cannot be decoded by the model"
