"""A sheet of small pictures for each class, for people to judge labels by."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageDraw

from byel_tf.data.image_files import (
    RECORD_FORMATS,
    ImageLimits,
    RejectedImage,
    decoding,
    fit,
    max_pixels_of,
)
from byel_tf.data.manifest import SPLITS, Manifest
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import PEEK_BYTES, UNLABELLED, Record, parse, peek_label
from byel_tf.data.records import broken
from byel_tf.data.tfrecord import CorruptFile, read_frame, walk_frames
from byel_tf.errors import RunError
from byel_tf.files import write_atomically

TILE = 96
_GAP = 2
_HEADING = 18
_GROUND, _BARS, _INK = "white", (200, 200, 200), "black"

# Names of files may have 255 bytes; the rest is for the number and for `.partial-…`.
_MAX_NAME_BYTES = 150


def sheet_name(label: int, class_name: str) -> str:
    """The file name of a class's sheet; the number keeps names apart."""
    if label == UNLABELLED:
        return "unlabelled.png"
    safe = re.sub(r"[^\w-]+", "_", class_name).encode(errors="replace")
    return f"{label:02d}-{safe[:_MAX_NAME_BYTES].decode(errors='ignore')}.png"


def write_contact_sheets(
    dataset: PreparedDataset,
    folder: str | os.PathLike,
    most: int,
    columns: int,
    advance: Callable[[int], Any] = lambda count: None,
    max_pixels: int | None = None,
) -> dict[int, pathlib.Path]:
    """Writes a PNG for each class that has images, and one for those without label.

    The images shown are evenly spaced among all of their class; of the others only
    the label is read.

    Args:
      dataset: The data set.
      folder: Where the sheets go; made if missing.
      most: Images on a sheet, at most.
      columns: Images in a row.
      advance: Called with numbers of records passed.
      max_pixels: Pictures of more pixels are not decoded, but an error; None for
        `max_pixels_of` the data set.

    Returns:
      The sheets written, by label.

    Raises:
      RunError: If a shard or an image is broken, or a sheet cannot be written.
    """
    folder = pathlib.Path(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    max_pixels = max_pixels or max_pixels_of(dataset.manifest.source)
    tiles: dict[int, dict[str, list[Image.Image]]] = {}
    for split, where, record in _chosen(dataset, most, advance):
        try:
            picture = thumbnail(record.encoded, max_pixels)
        except RejectedImage as error:
            raise broken(dataset, where, f"its image: {error}") from error
        of_class = tiles.setdefault(record.label, {})
        of_class.setdefault(split, []).append(picture)
    totals = label_counts(dataset.manifest)
    names = {UNLABELLED: "", **dict(enumerate(dataset.manifest.classes))}
    written = {}
    for label in sorted(tiles):
        path = folder / sheet_name(label, names[label])
        sections = [
            (f"{split}: {len(shown)} of {totals[label][split]}", shown)
            for split, shown in tiles[label].items()
        ]
        buffer = io.BytesIO()
        draw_sheet(sections, columns).save(buffer, "PNG")
        with _writing(folder):
            write_atomically(path, buffer.getvalue())
        written[label] = path
    return written


@contextlib.contextmanager
def _writing(folder: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write contact sheets to {folder} ({error.strerror}): give another "
            "folder as --output, or --nosheets"
        ) from error


def label_counts(manifest: Manifest) -> dict[int, dict[str, int]]:
    """Number of images by label and split."""
    counts: dict[int, dict[str, int]] = {}
    for split in SPLITS:
        if split in manifest.splits:
            content = manifest.splits[split]
            of_classes = [content.per_class[name] for name in manifest.classes]
            for label, count in enumerate((*of_classes, content.unlabelled)):
                label = UNLABELLED if label == len(of_classes) else label
                counts.setdefault(label, {})[split] = count
    return counts


def _chosen(
    dataset: PreparedDataset, most: int, advance: Callable[[int], Any]
) -> Iterator[tuple[str, str, Record]]:
    """Split, place and content of the records to be shown."""
    chosen = {}
    for label, counts in label_counts(dataset.manifest).items():
        total = sum(counts.values())
        shown = min(most, total)
        chosen[label] = {(2 * i + 1) * total // (2 * shown) for i in range(shown)}
    seen: collections.Counter[int] = collections.Counter()
    for split, content in dataset.manifest.splits.items():
        for shard in content.shards:
            path = dataset.path / shard.file
            where = shard.file
            try:
                with open(path, "rb", buffering=0) as file:
                    frames = walk_frames(file, os.path.getsize(path))
                    for number, (start, length) in enumerate(frames):
                        where = f"{shard.file}: record {number}"
                        file.seek(start)
                        label = peek_label(file.read(min(length, PEEK_BYTES)))
                        record = None
                        if label is None or seen[label] in chosen.get(label, ()):
                            record = parse(read_frame(file, number, start, length))
                            label = record.label
                        if seen[label] in chosen.get(label, ()):
                            yield split, where, record
                        seen[label] += 1
                        advance(1)
            except CorruptFile as error:
                raise broken(dataset, shard.file, str(error)) from error
            except ValueError as error:
                raise broken(dataset, where, str(error)) from error


def thumbnail(encoded: bytes, max_pixels: int = ImageLimits.max_pixels) -> Image.Image:
    """A picture of any shape in a square tile, whole, with grey bars.

    Raises:
      RejectedImage: If a record's image is none, or has more pixels.
    """
    limits = ImageLimits(max_pixels=max_pixels)
    with decoding(encoded, limits, RECORD_FORMATS) as image:
        image.draft("RGB", (2 * TILE, 2 * TILE))  # of a large JPEG, what is needed
        small = fit(image.convert("RGB"), TILE)
    tile = Image.new("RGB", (TILE, TILE), _BARS)
    tile.paste(small, ((TILE - small.width) // 2, (TILE - small.height) // 2))
    return tile


def thumbnail_of(dataset: PreparedDataset, record: Record) -> Image.Image:
    """That of a record of a data set.

    Raises:
      RunError: If it has no image that can be shown.
    """
    try:
        return thumbnail(record.encoded, max_pixels_of(dataset.manifest.source))
    except RejectedImage as error:
        raise broken(dataset, f"the image of {record.filename}", str(error)) from error


def draw_sheet(
    sections: list[tuple[str, list[Image.Image]]], columns: int
) -> Image.Image:
    """Lays tiles out in rows, each section below its heading.

    Args:
      sections: Heading, in ASCII, and tiles.
      columns: Tiles in a row.
    """
    step = TILE + _GAP
    rows = sum(-(-len(tiles) // columns) for _, tiles in sections)
    size = columns * step + _GAP, rows * step + _GAP + len(sections) * _HEADING
    sheet = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(sheet)
    top = 0
    for heading, tiles in sections:
        draw.text((_GAP + 2, top + 3), heading, fill=_INK)
        top += _HEADING
        for index, tile in enumerate(tiles):
            row, column = divmod(index, columns)
            sheet.paste(tile, (_GAP + column * step, top + row * step))
        top += -(-len(tiles) // columns) * step
    return sheet
