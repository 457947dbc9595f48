"""Drawn heads without a background, and where their five points are."""

from __future__ import annotations

import dataclasses
import functools

import cv2
import numpy as np
import threadpoolctl

from byel_tf.errors import RunError
from byel_tf.progress import progress
from byel_tf.synthesis import renderer as rendering
from byel_tf.synthesis.domain import Domain, load_domain
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.mesh import transform
from byel_tf.synthesis.sampling import sample_face
from byel_tf.worker_pool import DIED, run_tasks

#: Side of the pictures, in pixels.
SIZE = 112
# Their side in eye–mouth distances: with all hair, and shoulders.
_SIDE = (3.6, 4.6)
# Standard deviation and limit of turns in degrees: photographs are of all sorts of
# moments, unlike the faces that recognisers learn from.
_YAW, _PITCH = (24.0, 65.0), (11.0, 32.0)
_FACES_A_TASK = 96


@dataclasses.dataclass(frozen=True)
class DrawnHeads:
    """Heads.

    Attributes:
      pictures: Grey value and opacity, uint8 [N, SIZE, SIZE, 2].
      points: As of `DetectedFace`, in pixels, float32 [N, 5, 2].
    """

    pictures: np.ndarray
    points: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Task:
    head: str
    domain: str
    seed: int
    faces: range


def draw_heads(
    heads: tuple[str, ...], domain: str, count: int, seed: int, workers: int
) -> DrawnHeads:
    """Draws heads of all persons, expressions and turns.

    Args:
      heads: As for `load_head`; each draws as many.
      domain: As for `load_domain`.
      count: Number of pictures of each head.
      seed: Decides every face; each head draws others.
      workers: Processes.

    Raises:
      UsageError: If there is no such head or domain.
      RunError: If a head cannot be read, or a process ends unexpectedly.
    """
    load_domain(domain)
    tasks = []
    for number, head in enumerate(heads):
        load_head(head)  # once, before many processes would fetch it
        tasks += [
            _Task(head, domain, seed + number, range(i, min(i + _FACES_A_TASK, count)))
            for i in range(0, count, _FACES_A_TASK)
        ]
    pictures, points = [], []
    with progress(count * len(heads), "head", "draw") as bar:
        for task, drawn in run_tasks(_draw, tasks, workers):
            if drawn is DIED:
                raise RunError(
                    f"a process ended while it drew faces {task.faces.start} to "
                    f"{task.faces.stop - 1} of {task.head}: is there enough memory?"
                )
            pictures.append(drawn[0])
            points.append(drawn[1])
            bar.update(len(task.faces))
    return DrawnHeads(np.concatenate(pictures), np.concatenate(points))


class MarkedRenderer(rendering.Renderer):
    """A renderer that knows where the points of what it drew last are."""

    def _seen(self, landmarks: np.ndarray) -> tuple:
        self.landmarks = landmarks.copy()
        return super()._seen(landmarks)

    def points(self, face: Face, size: int) -> np.ndarray:
        """The five points of the face drawn last, in pixels, [5, 2]."""
        person = self.person(face)
        face = person.painted(face)
        turn = rendering._rotation(face.pose)
        at_rest = person.vertices[self.head.landmarks]
        moved = transform(self.landmarks, turn, rendering._PIVOT)
        at_rest = (at_rest - rendering._PIVOT) @ turn.T
        view = rendering._View(face.camera, face.pose, at_rest, moved, size)
        marks = view.project(moved)[:, :2] + 0.5
        eyes = marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)
        return np.stack([*eyes, *marks[[30, 48, 54]]])


@functools.lru_cache(maxsize=1)
def _renderer(head: str) -> MarkedRenderer:
    return MarkedRenderer(load_head(head))


@functools.cache
def _domain(name: str) -> Domain:
    return load_domain(name)


def _draw(task: _Task) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and points of one task."""
    cv2.setNumThreads(1)
    domain, renderer = _domain(task.domain), _renderer(task.head)
    expressions = list(domain.expressions)
    pictures = np.empty((len(task.faces), SIZE, SIZE, 2), np.uint8)
    points = np.empty((len(task.faces), 5, 2), np.float32)
    with threadpoolctl.threadpool_limits(1):
        for place, index in enumerate(task.faces):
            # One picture of a person: a detector learns from many people.
            number = index * domain.pictures_of_a_person
            expression = expressions[index % len(expressions)]
            face = _turned(sample_face(domain, expression, task.seed, number), index)
            # Before black and before white: what differs is not the head.
            on_black, on_white = (
                renderer.render_clean(_before(face, luminance), SIZE).astype(np.float32)
                for luminance in (0.0, 1.0)
            )
            opacity = 1 - (on_white - on_black).mean(axis=2) / 255
            grey = cv2.cvtColor(on_black, cv2.COLOR_RGB2GRAY)
            grey = grey / np.maximum(opacity, 1e-3)
            both = np.stack([grey, opacity * 255], axis=-1)
            pictures[place] = np.clip(both, 0, 255) + 0.5
            points[place] = renderer.points(face, SIZE)
    return pictures, points


def _turned(face: Face, index: int) -> Face:
    """A face with a wider view and wider turns; upright, since scenes roll it."""
    draws = np.random.default_rng((face.texture_seed, index, 3))
    yaw, pitch = (
        float(np.clip(draws.normal(0, deviation), -limit, limit))
        for deviation, limit in (_YAW, _PITCH)
    )
    camera = dataclasses.replace(
        face.camera,
        side=float(draws.uniform(*_SIDE)),
        fit=0.3,
        offset_x=0.0,
        offset_y=0.0,
    )
    pose = dataclasses.replace(face.pose, yaw=yaw, pitch=pitch, roll=0.0)
    return dataclasses.replace(face, camera=camera, pose=pose)


def _before(face: Face, luminance: float) -> Face:
    """The face before one plain grey, with nothing printed over it."""
    background = dataclasses.replace(
        face.background,
        kind="plain",
        luminance=luminance,
        colourfulness=0.0,
        grain=0.0,
    )
    blank = dataclasses.replace(face.print, kind="none")
    return dataclasses.replace(face, background=background, print=blank)
