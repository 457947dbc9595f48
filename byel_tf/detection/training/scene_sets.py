"""Many scenes at once, drawn on several processes."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib

import cv2
import numpy as np

from byel_tf.detection.training.drawn import DrawnHeads
from byel_tf.detection.training.scenes import SCENE, Scene, Scenes
from byel_tf.errors import RunError
from byel_tf.progress import progress
from byel_tf.worker_pool import DIED, run_tasks

_SCENES_A_TASK = 128
_PICTURES, _POINTS = "head_pictures.npy", "head_points.npy"


def save_heads(heads: DrawnHeads, folder: pathlib.Path) -> None:
    """Writes heads where processes can share them."""
    np.save(folder / _PICTURES, heads.pictures)
    np.save(folder / _POINTS, heads.points)


def open_heads(folder: str | os.PathLike) -> DrawnHeads:
    """Heads that `save_heads` wrote; their pictures stay in the file."""
    folder = pathlib.Path(folder)
    pictures = np.load(folder / _PICTURES, mmap_mode="r")
    return DrawnHeads(pictures, np.load(folder / _POINTS))


@dataclasses.dataclass(frozen=True)
class _Task:
    folder: str
    seed: int
    faces: bool
    numbers: range


def draw_scenes(
    folder: pathlib.Path, count: int, seed: int, workers: int, *, faces: bool = True
) -> list[Scene]:
    """Draws scenes 0 to count - 1.

    Args:
      folder: Where `save_heads` wrote.
      count: Number of scenes.
      seed: Decides every scene.
      workers: Processes.
      faces: Whether there are any.

    Raises:
      RunError: If a process ends unexpectedly.
    """
    tasks = [
        _Task(str(folder), seed, faces, range(i, min(i + _SCENES_A_TASK, count)))
        for i in range(0, count, _SCENES_A_TASK)
    ]
    scenes = []
    with progress(count, "scene", "draw") as bar:
        for task, drawn in run_tasks(_draw, tasks, workers):
            if drawn is DIED:
                raise RunError(
                    f"a process ended while it drew scenes {task.numbers.start} to "
                    f"{task.numbers.stop - 1}: is there enough memory?"
                )
            pixels, points = drawn
            scenes += map(Scene, pixels, points)
            bar.update(len(task.numbers))
    return scenes


@functools.lru_cache(maxsize=2)
def _scenes(folder: str, seed: int, faces: bool) -> Scenes:
    return Scenes(open_heads(folder), seed, faces=faces)


def _draw(task: _Task) -> tuple[np.ndarray, list[np.ndarray]]:
    cv2.setNumThreads(1)
    source = _scenes(task.folder, task.seed, task.faces)
    pixels = np.empty((len(task.numbers), SCENE, SCENE), np.uint8)
    points = []
    for place, number in enumerate(task.numbers):
        scene = source[number]
        pixels[place] = scene.pixels
        points.append(scene.points)
    return pixels, points
