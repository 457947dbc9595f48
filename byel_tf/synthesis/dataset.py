"""A prepared data set of synthetic faces."""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from byel_tf.data.manifest import Manifest
from byel_tf.data.record import Pair, Record
from byel_tf.data.splits import assign_splits
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError, UsageError
from byel_tf.files import require_new_directory
from byel_tf.progress import progress
from byel_tf.synthesis.action_units import LABEL_NAMES, label_values
from byel_tf.synthesis.contact_sheet import contact_sheet
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.drawing import (
    WORKING_FILES,
    Drawing,
    draw_faces,
    encode_png,
    renderer,
)
from byel_tf.synthesis.heads.mixture import HeadMixture
from byel_tf.synthesis.prototype_sheet import prototype_sheet
from byel_tf.working_folder import WorkingFolder

#: A picture of the first faces, one row a class, beside the shards.
CONTACT_SHEET_FILE_NAME = "contact_sheet.png"
#: A picture of every variant of every class without image processing.
PROTOTYPE_SHEET_FILE_NAME = "prototypes.png"
_SHEET_COLUMNS = 10


def synthesize(
    output: str | os.PathLike,
    *,
    domain: str,
    head: str,
    count: int,
    classes: Sequence[str],
    size: int,
    seed: int,
    shares: dict[str, float],
    grey: bool = False,
    pairs: str = "none",
    workers: int = 0,
) -> Manifest:
    """Draws faces, the classes in turn, and writes them as a prepared data set.

    Face i depends on (seed, i), the domain and the head alone, on any number of
    workers. All pictures of a person go to one split. Drawing that was broken off goes
    on where it stopped when it is asked for again with the same arguments.

    Args:
        output: Folder of the data set; it must not exist, or be empty.
        domain: What faces are drawn from; as for `load_domain`.
        head: What they are drawn with; as for `HeadMixture.parse`. A person keeps one
            head.
        count: Number of images.
        classes: Expressions of the domain, in label order.
        size: Side in pixels, from 16 to 512.
        seed: Decides every face.
        shares: Shares by split, as from `parse_ratios`.
        grey: Whether images have one channel.
        pairs: What the second picture of a face shows, of `PAIRS`: "expression", the
            same movements on another person, on another head where there are several,
            with its own light, camera and processing; "neutral", the same picture with
            all movements at rest. "none": there is none.
        workers: Processes; 0 for one a core.

    Returns:
        The manifest written.

    Raises:
        UsageError: If the domain has no such class, or there is no such
            domain or head.
        RunError: If the folder cannot be made or is not empty, the head can't be
            read, or a worker ends unexpectedly.
    """
    described = load_domain(domain)
    unknown = [name for name in classes if name not in described.expressions]
    if unknown:
        raise UsageError(
            f"--classes: the domain '{described.name}' has no '{unknown[0]}', only "
            f"{', '.join(described.expressions)}"
        )
    mixture = HeadMixture.parse(head)
    renderers = [renderer(name) for name in mixture.names]
    heads = mixture.described([one.head.name for one in renderers])
    drawing = Drawing(head, domain, tuple(classes), size, seed, grey, pairs, heads)
    source = {
        "kind": "synthesis",
        "head": heads,
        "domain": described.name,
        "domain_sha256": described.digest,
        "seed": seed,
        "count": count,
        "grey": grey,
        "size": size,
        "splits": shares,
    }
    if pairs != "none":
        source["pairs"] = pairs
    persons = [range(i, min(i + described.pictures_of_a_person, count))
               for i in range(0, count, described.pictures_of_a_person)]  # fmt: skip
    dealt = assign_splits(persons, [0] * len(persons), shares)
    splits = [split for split, person in dealt for _ in person]
    path = pathlib.Path(os.path.realpath(output))
    folder = WorkingFolder(path.with_name(f".{path.name}.drawing"), WORKING_FILES)
    workers = workers or os.cpu_count() or 1
    with folder.locked("is drawing the same data set"):
        try:
            require_new_directory(output)
        except RunError:
            folder.remove()  # left by a run that was killed right after it was finished
            raise
        with write_dataset(output, classes, source, LABEL_NAMES) as writer:
            sheet = prototype_sheet(described, classes, renderers)
            writer.add_picture(PROTOTYPE_SHEET_FILE_NAME, encode_png(sheet))
            shown = []
            drawn = draw_faces(drawing, range(count), workers, folder)
            with progress(count, "face", f"draw {described.name}") as bar:
                for index, (split, pngs) in enumerate(zip(splits, drawn, strict=True)):
                    writer.add(split, face_record(drawing, index, *pngs))
                    if len(shown) < _SHEET_COLUMNS * len(classes):
                        shown.append(pngs[0])
                    bar.update()
            rows = _class_rows(shown, len(classes))
            writer.add_picture(CONTACT_SHEET_FILE_NAME, rows)
        folder.remove()
    return writer.manifest


def face_record(
    drawing: Drawing, index: int, encoded: bytes, second: bytes | None = None
) -> Record:
    """The record of face number `index`, of its PNG and that of its pair."""
    face = drawing.face(index)
    pose = face.pose
    filename = f"{face.subject.rpartition('-')[0]}-{index:07d}.png"
    if len(HeadMixture.parse(drawing.head).names) > 1:
        filename = f"{renderer(drawing.head_of(index)).head.name}/{filename}"
    pair = None
    if second is not None:
        pair = Pair(second, "png", drawing.second(index)[1].subject)
    return Record(
        encoded=encoded,
        format="png",
        height=drawing.size,
        width=drawing.size,
        label=index % len(drawing.classes),
        class_name=face.expression,
        filename=filename,
        subject=face.subject,
        action_units=label_values(face.action_units),
        pose=(pose.yaw, pose.pitch, pose.roll),
        votes=_votes(face.shares, drawing.classes),
        pair=pair,
    )


def _votes(
    shares: Mapping[str, float], classes: Sequence[str]
) -> tuple[float, ...] | None:
    """Shares of the classes in a face's movement; None where it is one alone."""
    of_classes = [shares.get(name, 0.0) for name in classes]
    if sum(share > 0 for share in of_classes) < 2:
        return None
    return tuple(share / sum(of_classes) for share in of_classes)


def _class_rows(encoded: Sequence[bytes], num_classes: int) -> bytes:
    """A PNG of faces, one row a class, from faces whose classes come in turn."""
    columns = -(-len(encoded) // num_classes)
    pictures = [np.array(Image.open(io.BytesIO(png)).convert("RGB")) for png in encoded]
    blank = np.full_like(pictures[0], 255)
    pictures += [blank] * (columns * num_classes - len(pictures))
    rows = [picture for k in range(num_classes) for picture in pictures[k::num_classes]]
    return encode_png(contact_sheet(rows, columns))
