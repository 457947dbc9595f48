"""Draws many faces: on several processes, and on from where a killed run stopped."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import re
import struct
from collections.abc import Iterator, Sequence

import cv2
import google_crc32c
import numpy as np
import threadpoolctl

from byel_tf.errors import RunError
from byel_tf.files import code_digest, write_atomically
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.heads.mixture import HeadMixture
from byel_tf.synthesis.pairs import at_rest, other_person
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face
from byel_tf.worker_pool import DIED, run_tasks
from byel_tf.working_folder import WorkingFolder

# Persons whose pictures one task draws: enough to hide the cost of handing it out.
_PERSONS_A_TASK = 16
_PLAN = "plan.json"
#: What is written in the working folder.
WORKING_FILES = re.compile(r"plan\.json|\d{8}\.faces")


@dataclasses.dataclass(frozen=True)
class Drawing:
    """What decides every picture of a set.

    Attributes:
        head: As for `HeadMixture.parse`.
        domain: As for `load_domain`.
        classes: Expressions in label order; they come in turn.
        size: Side in pixels.
        seed: Decides every face.
        grey: Whether pictures have one channel.
        pairs: What a face's second picture shows, of `PAIRS`.
        heads: What data sets record of the head: other data of it are another drawing.
    """

    head: str
    domain: str
    classes: tuple[str, ...]
    size: int
    seed: int
    grey: bool
    pairs: str = "none"
    heads: str = ""

    @property
    def pictures_of_a_face(self) -> int:
        """1, or 2 where faces come in pairs."""
        return 1 if self.pairs == "none" else 2

    def head_of(self, index: int) -> str:
        """What face number `index` is drawn with, as for `load_head`."""
        person = index // _domain(self.domain).pictures_of_a_person
        return _mixture(self.head).of_person(person)

    def face(self, index: int) -> Face:
        """Face number `index`."""
        expression = self.classes[index % len(self.classes)]
        return sample_face(_domain(self.domain), expression, self.seed, index)

    def second(self, index: int) -> tuple[str, Face]:
        """Head and face of the second picture of face number `index`."""
        face, head = self.face(index), self.head_of(index)
        if self.pairs == "neutral":
            return head, at_rest(face)
        domain, mixture = _domain(self.domain), _mixture(self.head)
        person = other_person(index, head, mixture)
        number = person * domain.pictures_of_a_person
        units = face.action_units
        other = sample_face(domain, face.expression, self.seed, number, units)
        return mixture.of_person(person), other

    def pictures(self, index: int) -> list[bytes]:
        """The PNG files of face number `index`, drawn."""
        faces = [(self.head_of(index), self.face(index))]
        if self.pairs != "none":
            faces.append(self.second(index))
        return [
            encode_png(renderer(head).render(face, self.size), self.grey)
            for head, face in faces
        ]


@functools.cache
def _domain(name: str):
    return load_domain(name)


@functools.cache
def _mixture(head: str) -> HeadMixture:
    return HeadMixture.parse(head)


# All heads of a mixture: each takes up to 150 MB, and seconds to make.
@functools.cache
def renderer(head: str) -> Renderer:
    """The renderer of one head, made once a process."""
    return Renderer(load_head(head))


def draw_faces(
    drawing: Drawing, faces: range, workers: int, folder: WorkingFolder
) -> Iterator[tuple[bytes, ...]]:
    """Draws some of the faces, by their numbers.

    Finished ones are kept in the working folder, so that drawing that was broken off
    goes on there; the pictures are the same.

    Args:
        drawing: What to draw.
        faces: Their numbers, one after the other.
        workers: Processes.
        folder: The locked folder, of `WORKING_FILES`. Pictures in it of another drawing
            are thrown away.

    Yields:
        The PNG file of each face, in order; both files, where they come in pairs.

    Raises:
        RunError: If the folder can't be written, or a process ends unexpectedly.
    """
    each = drawing.pictures_of_a_face
    step = _PERSONS_A_TASK * _domain(drawing.domain).pictures_of_a_person
    tasks = [faces[i : i + step] for i in range(0, len(faces), step)]
    files = [folder.path / f"{task.start:08d}.faces" for task in tasks]
    try:
        open_working_folder(folder, drawing)
        missing = [task for task, file in zip(tasks, files, strict=True)
                   if _read(file, each * len(task)) is None]  # fmt: skip
        if len(missing) < len(tasks):
            there = len(faces) - sum(map(len, missing))
            print(
                f"going on with {folder.path}: {there} of {len(faces)} faces are there",
                flush=True,
            )
        drawn = _draw_tasks(drawing, missing, workers)
        for task, file in zip(tasks, files, strict=True):
            pictures = _read(file, each * len(task))
            if pictures is None:
                drawn_task, pictures = next(drawn)
                if drawn_task != task:
                    raise RunError(f"{file} was lost while others were drawn")
                write_atomically(file, _frame(pictures))
            yield from zip(*[iter(pictures)] * each, strict=True)
    except OSError as error:
        raise RunError(f"cannot write {folder.path}: {error.strerror}") from error


def open_working_folder(folder: WorkingFolder, drawing: Drawing) -> None:
    """Throws away what a folder holds of another drawing, or by other code.

    Args:
        folder: The locked folder.
        drawing: What is drawn in it.

    Raises:
        OSError: If it can't be read or written.
    """
    digests = {"code": _code_digest(), "domain": _domain(drawing.domain).digest}
    plan = json.dumps({**dataclasses.asdict(drawing), **digests})
    path = folder.path / _PLAN
    if not (path.exists() and path.read_text() == plan):
        folder.clear()
    write_atomically(path, plan)


@functools.cache
def _code_digest() -> str:
    """Changes when anything that decides a picture does."""
    here = pathlib.Path(__file__).parent
    digests = [code_digest(here, here.parent / "faces"), cv2.__version__]
    return " ".join([*digests, np.__version__])


def _frame(pictures: Sequence[bytes]) -> bytes:
    """Each picture after its length and checksum."""
    parts = []
    for picture in pictures:
        parts += [
            struct.pack("<II", len(picture), google_crc32c.value(picture)),
            picture,
        ]
    return b"".join(parts)


def _read(file: pathlib.Path, count: int) -> list[bytes] | None:
    """The pictures of a finished task, or None if it is not there whole."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    pictures, start = [], 0
    while start + 8 <= len(data):
        length, checksum = struct.unpack_from("<II", data, start)
        picture = data[start + 8 : start + 8 + length]
        if len(picture) != length or google_crc32c.value(picture) != checksum:
            return None
        pictures.append(picture)
        start += 8 + length
    return pictures if len(pictures) == count else None


def _draw_tasks(
    drawing: Drawing, tasks: Sequence[range], workers: int
) -> Iterator[tuple[range, list[bytes]]]:
    if not tasks:
        return
    function = functools.partial(_draw_task, drawing)
    for task, pictures in run_tasks(function, tasks, min(workers, len(tasks))):
        if pictures is DIED:
            raise RunError(
                "a process that draws faces ended unexpectedly, for want of memory "
                "perhaps: give fewer --workers"
            )
        yield task, pictures


def _draw_task(drawing: Drawing, task: range) -> list[bytes]:
    # One thread: processes share the cores, and sums must not depend on the threads.
    cv2.setNumThreads(1)
    pictures = []
    with threadpoolctl.threadpool_limits(1):
        for index in task:
            pictures += drawing.pictures(index)
    return pictures


def encode_png(pixels: np.ndarray, grey: bool = False) -> bytes:
    """A PNG of uint8 [H, W, 3]; grey by ITU-R BT.601 luma."""
    code = cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, code))
    return encoded.tobytes()
