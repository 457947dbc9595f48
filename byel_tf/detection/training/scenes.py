"""Drawn heads before clutter: pictures of which all faces are known."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from byel_tf.detection.frame import FACE_SIDE, MIRRORED, frames_of
from byel_tf.detection.training.clutter import draw_clutter
from byel_tf.detection.training.drawn import DrawnHeads
from byel_tf.detection.training.photograph import photograph

#: Side of a scene, in pixels.
SCENE = 128
# Sides of its faces in pixels: larger ones are seen in smaller sizes of the picture.
_SIZES = (11.0, 80.0)
# Of faces that fill a picture, and its side: four such pictures are one scene.
_FILLING, _QUARTER = (15.0, 46.0), SCENE // 2
# Faces of a scene, and shares of scenes.
_COUNTS, _SHARES = (0, 1, 2, 3, 6), (0.18, 0.3, 0.2, 0.17, 0.15)
_ROLL = 95.0


@dataclasses.dataclass(frozen=True)
class Scene:
    """A picture.

    Attributes:
      pixels: uint8 [SCENE, SCENE].
      points: Of its faces, float64 [N, 5, 2], pixels.
    """

    pixels: np.ndarray
    points: np.ndarray


class Scenes:
    """Scenes by number; each depends on the heads, the seed and its number alone."""

    def __init__(self, heads: DrawnHeads, seed: int, *, faces: bool = True):
        """Takes the heads.

        Args:
          heads: What is before the clutter.
          seed: Decides everything.
          faces: Whether there are any.
        """
        self._seed, self._faces, self._points = seed, faces, heads.points
        self._sizes = [heads.pictures]
        while self._sizes[-1].shape[1] > 14:
            larger = self._sizes[-1].astype(np.uint16)
            sums = (
                larger[:, ::2, ::2] + larger[:, 1::2, ::2]
                + larger[:, ::2, 1::2] + larger[:, 1::2, 1::2]
            )  # fmt: skip
            self._sizes.append(((sums + 2) // 4).astype(np.uint8))

    def __getitem__(self, number: int) -> Scene:
        """Draws one."""
        draws = np.random.default_rng((self._seed, int(self._faces), number))
        if self._faces and draws.random() < 0.25:
            return self._quarters(draws)
        picture = draw_clutter(SCENE, draws)
        if draws.random() < 0.12:
            self._disturb(picture, draws)
        points = self._place(picture, draws) if self._faces else []
        picture = photograph(picture, draws)
        if draws.random() < 0.2:
            low, high = draws.uniform(0, 0.2, 2), draws.uniform(0.8, 1, 2)
            middles = [frames_of(five[None])[0, :2] for five in points]
            low = np.min([low * SCENE, *(middle - 2 for middle in middles)], axis=0)
            high = np.max([high * SCENE, *(middle + 2 for middle in middles)], axis=0)
            picture = _cut(picture, low, high)
        return Scene(picture, np.array(points, np.float64).reshape(-1, 5, 2))

    def _quarters(self, draws) -> Scene:
        """Four pictures that faces fill."""
        picture, points = np.empty((SCENE, SCENE), np.uint8), []
        for corner in ((0, 0), (_QUARTER, 0), (0, _QUARTER), (_QUARTER, _QUARTER)):
            quarter, five = self._fill(draws)
            left, top = corner
            picture[top : top + _QUARTER, left : left + _QUARTER] = quarter
            points.append(five + corner)
        return Scene(picture, np.array(points, np.float64))

    def _fill(self, draws) -> tuple[np.ndarray, np.ndarray]:
        """A picture that a face fills, and its points."""
        picture = draw_clutter(_QUARTER, draws)
        size = math.exp(draws.uniform(*np.log(_FILLING)))
        centre = draws.uniform(0.42, 0.58, 2) * _QUARTER
        points = self._paste(picture, centre, size, draws)
        sides = size * draws.uniform(0.85, 1.5) * np.exp(draws.normal(0, 0.06, 2))
        frame = frames_of(points[None])[0]
        centre = frame[:2] - 0.14 * frame[2:] + size * draws.normal(0, 0.07, 2)
        picture = photograph(picture, draws)
        return _cut(picture, centre - sides / 2, centre + sides / 2), points

    def _place(self, picture: np.ndarray, draws) -> list[np.ndarray]:
        """Some faces that don't hide each other."""
        placed, points = [], []
        count = draws.choice(_COUNTS, p=_SHARES)
        for _ in range(3 * count):
            if len(placed) == count:
                break
            size = math.exp(draws.uniform(*np.log(_SIZES)))
            centre = draws.uniform(0.04, 0.96, 2) * SCENE
            if all(
                np.hypot(*(centre - other)) > 0.75 * (size + others)
                for other, others in placed
            ):
                placed.append((centre, size))
                points.append(self._paste(picture, centre, size, draws))
        return points

    def _paste(self, picture, centre, size, draws, faceless: bool = False):
        """Puts a head into the picture; returns the face's points."""
        number = draws.integers(len(self._points))
        points = self._points[number].astype(np.float64)
        level, scale = 0, size / (FACE_SIDE * _distance(points))
        while scale < 0.5 and level + 1 < len(self._sizes):
            level, scale, points = level + 1, scale * 2, points / 2
        head = self._sizes[level][number].astype(np.float32)
        side = head.shape[0]
        if draws.random() < 0.5:
            head = head[:, ::-1]
            points = (points * [-1, 1] + [side, 0])[MIRRORED]
        if faceless:
            head = _without_face(head, points, draws)
        wide = draws.random() < 0.45
        roll = draws.uniform(-_ROLL, _ROLL) if wide else draws.normal(0, 14)
        roll = math.radians(roll)
        stretch = math.exp(draws.normal(0, 0.06))
        turn = scale * np.array(
            [
                [math.cos(roll) * stretch, -math.sin(roll)],
                [math.sin(roll) * stretch, math.cos(roll)],
            ]
        )
        shift = centre - turn @ frames_of(points[None])[0, :2]
        # To whole numbers as pixels' centres and back.
        matrix = np.column_stack([turn, shift + turn @ [0.5, 0.5] - 0.5])
        warped = cv2.warpAffine(
            np.ascontiguousarray(head),
            matrix,
            picture.shape[::-1],
            flags=cv2.INTER_LINEAR,
            borderValue=(0, 0),
        )
        grey, opacity = warped[..., 0], warped[..., 1] / 255
        middle = float(np.median(head[..., 0][side // 3 : -side // 3]))
        gain, shift_grey = math.exp(draws.normal(0, 0.22)), draws.normal(0, 15)
        grey = (grey - middle) * gain + middle + shift_grey
        picture += opacity * (np.clip(grey, 0, 255) - picture)
        points = points @ turn.T + shift
        if draws.random() < 0.3:
            _hide(picture, points, draws)
        return points

    def _disturb(self, picture: np.ndarray, draws) -> None:
        """A head without a face, or a face whose parts are in wrong places."""
        size = math.exp(draws.uniform(*np.log(_SIZES)))
        centre = draws.uniform(0.1, 0.9, 2) * SCENE
        if draws.random() < 0.6:
            self._paste(picture, centre, size, draws, faceless=True)
            return
        before = picture.copy()
        points = self._paste(picture, centre, size, draws)
        side = max(4, round(FACE_SIDE * _distance(points) / 2))
        x, y = (int(np.clip(c - side, 0, SCENE - 2 * side)) for c in centre)
        if 2 * side > SCENE:
            picture[:] = before
            return
        block = picture[y : y + 2 * side, x : x + 2 * side].copy()
        rows = block[:side], block[side:]
        parts = [part for row in rows for part in (row[:, :side], row[:, side:])]
        order = [(1, 2, 3, 0), (3, 2, 1, 0), (2, 3, 0, 1), (2, 0, 3, 1)]
        for place, part in enumerate(order[draws.integers(len(order))]):
            top, left = y + side * (place // 2), x + side * (place % 2)
            picture[top : top + side, left : left + side] = parts[part]


def _distance(points: np.ndarray) -> float:
    return float(np.hypot(*frames_of(points[None])[0, 2:]))


def _without_face(head: np.ndarray, points: np.ndarray, draws) -> np.ndarray:
    """A head with skin where the face was."""
    frame = frames_of(points[None])[0]
    side = len(head)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    reach = np.hypot(x - frame[0], y - frame[1]) / np.hypot(*frame[2:])
    share = np.clip(4 * (1.25 - reach), 0, 1)
    skin = float(np.median(head[..., 0][reach < 0.8]))
    shaded = skin * (1 + draws.normal(0, 0.15) * (x - frame[0]) / side)
    head = head.copy()
    head[..., 0] += share * (shaded - head[..., 0])
    return head


def _hide(picture: np.ndarray, points: np.ndarray, draws) -> None:
    """Something before a part of a face: hair, a hand, a bar."""
    frame = frames_of(points[None])[0]
    distance = np.hypot(*frame[2:])
    angle = draws.uniform(0, 2 * np.pi)
    away = np.array([math.cos(angle), math.sin(angle)])
    over = draw_clutter(len(picture), draws)
    mask = np.zeros_like(picture)
    kind = draws.integers(3)
    if kind == 0:  # from outside to a part of the face
        place = frame[:2] + away * distance * draws.uniform(0.95, 1.6)
        axes = distance * draws.uniform(0.5, 1.1, 2)
        box = (tuple(place), tuple(2 * axes), math.degrees(angle))
        cv2.ellipse(mask, box, 1.0, -1, cv2.LINE_AA)
    elif kind == 1:  # strands
        for _ in range(draws.integers(2, 14)):
            start = frame[:2] + distance * draws.normal(0, 0.9, 2)
            end = start + away * distance * draws.uniform(0.5, 2)
            ends = np.rint(np.stack([start, end]) * 16).astype(np.int32)
            cv2.polylines(
                mask, [ends], False, 1.0, max(1, round(distance / 14)), cv2.LINE_AA, 4
            )
    else:  # one side of the face in the dark
        y, x = np.mgrid[: len(picture), : len(picture)].astype(np.float32)
        side = (x - frame[0]) * away[0] + (y - frame[1]) * away[1]
        mask = np.clip(side / distance * draws.uniform(1, 5) + 0.3, 0, 1)
        picture *= 1 - np.float32(draws.uniform(0.3, 0.85)) * mask
        return
    picture += mask * (over - picture)


def _cut(picture: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A part of a picture, beyond which its edge is repeated, as in detection."""
    side = len(picture)
    x0, y0 = np.clip(np.rint(low), 0, side - 4).astype(int)
    x1, y1 = np.clip(np.rint(high), [x0 + 4, y0 + 4], side).astype(int)
    return np.pad(picture[y0:y1, x0:x1], [(y0, side - y1), (x0, side - x1)], "edge")
