"""The hands at a face, as a mesh beside the head's."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from byel_tf.synthesis.compiled import compiled
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.hands.grips import GRIPS
from byel_tf.synthesis.hands.placement import Chance, Sides, place
from byel_tf.synthesis.hands.rig import FINGERS, OF_A_FINGER, shipped_rig
from byel_tf.synthesis.hands.skin import paint
from byel_tf.synthesis.hands.touch import Heights
from byel_tf.synthesis.heads.head import Head, Person
from byel_tf.synthesis.mesh import vertex_normals

#: Hands that are meshes, by the name that a domain gives them.
HELD = tuple(GRIPS)
_EYE_TO_MOUTH = 6.9  # cm
# Between skin and hand: from which distance light is lost, cm, and how much at most.
_NEAR, _LOST = 2.2, 0.75


@dataclasses.dataclass(frozen=True)
class Held:
    """One hand or two.

    Attributes:
        points: In the head's frame at rest, cm, float32 [N, 3].
        triangles: int32 [T, 3].
        normals: float32 [N, 3].
        albedo: Linear RGB, float32 [N, 3].
        gloss: float32 [N].
        openness: Share of ambient light that arrives, float32 [N].
        shade: The same, of the head's skin, float32 [n_skin].
    """

    points: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    openness: np.ndarray
    shade: np.ndarray

    def added_to(self, points, normals, openness, albedo, gloss) -> tuple:
        """Those of a head, and behind them those of the hands."""
        return tuple(
            np.concatenate([others, own])
            for others, own in (
                (points, self.points),
                (normals, self.normals),
                (openness, self.openness),
                (albedo, self.albedo),
                (gloss, self.gloss),
            )
        )


class Holder:
    """Holds hands to the faces of one head."""

    def __init__(self, head: Head, casting: np.ndarray):
        """Takes the head and the triangles of its skin."""
        self._head = head
        self._sides = Sides(head, casting)

    def held(
        self, face: Face, person: Person, vertices: np.ndarray, skin: slice
    ) -> Held | None:
        """The hands that a face says, or None.

        Args:
            face: The face, as it is painted.
            person: Whom it shows.
            vertices: The head's with expression, hair and folds, float32 [V, 3].
            skin: Those that are skin.
        """
        kind = face.accessories.hand
        if kind not in HELD:
            return None
        generator = np.random.default_rng((face.texture_seed, 2))
        angle = math.radians(face.accessories.hand_angle)
        first = int(math.cos(angle) < 0)
        sides = (first, 1 - first) if GRIPS[kind].two else (first,)
        size = _size(person.vertices[self._head.landmarks])
        common = _chance(face, generator)
        sleeve = generator.uniform(0.5, 9.0) if generator.random() < 0.7 else 99.0
        parts = []
        for side in sides:
            own = _chance(face, generator)
            # Two hands of one person, that do nearly the same.
            chance = dataclasses.replace(
                common,
                size=size * common.size,
                slant=0.7 * common.slant + 0.3 * own.slant,
                shift=0.6 * common.shift + 0.4 * own.shift,
                bends=0.6 * common.bends + 0.4 * own.bends,
            )
            parts.append(self._one(face, vertices, skin, side, chance, sleeve))
        return _joined(parts)

    def _one(self, face, vertices, skin, side, chance, sleeve) -> Held:
        rig = shipped_rig()
        grip = GRIPS[face.accessories.hand]
        chance = dataclasses.replace(chance, bends=grip.bending * chance.bends)
        flip = np.array([-1 if side else 1, 1, 1], np.float32)
        points, heights = place(
            rig, grip, chance, vertices * flip, self._head.landmarks, self._sides, side
        )
        albedo, gloss, openness, thickness = paint(face, -rig.persons[0][:, 1], sleeve)
        normals = vertex_normals(points, rig.triangles)
        points += normals * thickness[:, None]
        gaps = heights.gaps(points)
        lost = np.float32(_LOST * face.surroundings.occlusion)
        openness = openness * (1 - lost * np.clip(1 - gaps / _NEAR, 0, 1))
        shade = 1 - lost * _cover(heights, points, gaps, vertices[skin] * flip)
        triangles = rig.triangles[:, ::-1] if side else rig.triangles
        return Held(points * flip, triangles, normals * flip, albedo, gloss,
                    openness.astype(np.float32), shade)  # fmt: skip


def _size(landmarks: np.ndarray) -> float:
    """That of a face at rest, against the one which the hand's lengths belong to."""
    apart = landmarks[36:48].mean(axis=0) - landmarks[48:60].mean(axis=0)
    return float(np.linalg.norm(apart)) / _EYE_TO_MOUTH


def _chance(face: Face, generator: np.random.Generator) -> Chance:
    person = generator.dirichlet((1.0, 1.0, 0.5, 0.4, 0.1)).astype(np.float32)
    turned = math.sin(math.radians(face.accessories.hand_angle))
    reach = (face.accessories.hand_reach - 0.33) / 0.15
    shift = generator.normal(0, 0.4, 3) + [0.0, 0.6 * reach, 0.0]
    return Chance(
        person=person,
        size=generator.uniform(0.9, 1.06),
        slant=0.5 + 0.5 * turned,
        roll=generator.random(),
        shift=np.clip(shift, -1.4, 1.4),
        bends=generator.standard_normal((FINGERS, OF_A_FINGER), np.float32)
        * np.float32(0.5)
        + generator.standard_normal((1, OF_A_FINGER), np.float32),
    )


def _cover(heights: Heights, points, gaps, skin) -> np.ndarray:
    """How near a hand is over each point of the skin, 0 to 1, float32 [n_skin]."""
    size = len(heights.field)
    nearness = np.zeros((size, size), np.float32)
    _mark(nearness, heights.seen(points), gaps)
    nearness = np.minimum(1, 1.5 * cv2.GaussianBlur(nearness, (0, 0), 2.0))
    seen = heights.seen(skin)
    return _sample(nearness, heights.field, seen)


@compiled
def _mark(nearness, seen, gaps):
    half = np.float32(nearness.shape[0] / 2)
    last = nearness.shape[0] - 1
    for i in range(seen.shape[0]):
        near = np.float32(1.0) - gaps[i] / np.float32(_NEAR)
        x, y = int(seen[i, 0] + half + 0.5), int(seen[i, 1] + half + 0.5)
        if near > 0 and 0 < x < last and 0 < y < last:
            for v in range(y - 1, y + 2):
                for u in range(x - 1, x + 2):
                    nearness[v, u] = max(nearness[v, u], min(near, np.float32(1.0)))


@compiled
def _sample(nearness, field, seen):
    half = np.float32(nearness.shape[0] / 2)
    last = nearness.shape[0] - 1
    found = np.zeros(seen.shape[0], np.float32)
    for i in range(seen.shape[0]):
        x, y = int(seen[i, 0] + half + 0.5), int(seen[i, 1] + half + 0.5)
        # Only what the hand lies over, and not the head's other side.
        if 0 <= x <= last and 0 <= y <= last and seen[i, 2] > field[y, x] - 1.5:
            found[i] = nearness[y, x]
    return found


def _joined(parts: list[Held]) -> Held:
    first, *others = parts
    for other in others:
        count = len(first.points)
        first = Held(
            np.concatenate([first.points, other.points]),
            np.concatenate([first.triangles, other.triangles + np.int32(count)]),
            np.concatenate([first.normals, other.normals]),
            np.concatenate([first.albedo, other.albedo]),
            np.concatenate([first.gloss, other.gloss]),
            np.concatenate([first.openness, other.openness]),
            first.shade * other.shade,
        )
    return first
