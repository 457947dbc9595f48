"""Heads whose persons are sums of modes, and whose movements are the same for all."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.face import Shape as Proportions
from byel_tf.synthesis.heads.head import (
    LEFT_EYE,
    RIGHT_EYE,
    SCALP,
    Head,
    Person,
    Shape,
)
from byel_tf.synthesis.mesh import add_modes, add_shape


@dataclasses.dataclass(frozen=True)
class MorphableHead(Head):
    """A morphable head at rest, with what changes it.

    Attributes:
        identities: Modes of identity, float32 [M, V, 3] in centimetres: weights
            that are independent and standard normal give a population of faces.
        expressions: Displacement by name; those of `ACTION_UNITS`, with `_L` or `_R`
            for the subject's left or right where the unit has two sides.
    """

    identities: np.ndarray
    expressions: dict[str, Shape]

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = (len(self.identities), len(self.vertices), 3)
        self.check("identities", self.identities, np.float32, shape)

    def person(self, face: Face) -> MorphablePerson:
        """The sum of the face's modes, with its proportions."""
        count = min(len(self.identities), len(face.identity))
        vertices = self.vertices.copy()
        weights = np.array(face.identity[:count], np.float32)
        add_modes(vertices, self.identities, weights)
        self._apply_proportions(vertices, _of_age(face.shape, face.growth.youth))
        if face.growth.youth > 0:
            self._apply_youth(vertices, face.growth.youth)
        return MorphablePerson(vertices, self.expressions)

    @functools.cached_property
    def _eyes(self) -> list[np.ndarray]:
        """Vertices of each eye, the right one first."""
        return [np.flatnonzero(self.regions == part) for part in (RIGHT_EYE, LEFT_EYE)]

    @functools.cached_property
    def _near_eyes(self) -> list[np.ndarray]:
        """How much a vertex belongs to each eye, for making eyes larger."""
        centres = [self.vertices[eye].mean(axis=0) for eye in self._eyes]
        return [
            np.exp(-(((self.vertices - centre) / [2.6, 2.2, 4.0]) ** 2).sum(axis=1))
            .astype(np.float32)[:, None]
            for centre in centres
        ]  # fmt: skip

    @functools.cached_property
    def _eye_height(self) -> np.float32:
        landmarks = self.vertices[self.landmarks]
        rims = [landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)]
        return np.stack(rims)[:, 1].mean()

    @functools.cached_property
    def _soft_parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How much a vertex belongs to the nose and to each cheek, and the nose's root.

        Returns:
            float32 [V, 1], float32 [V, 1] and float32 [3].
        """
        landmarks = self.vertices[self.landmarks]
        root, tip, wings = landmarks[27], landmarks[30], landmarks[[31, 35]]
        skin = (self.regions <= SCALP)[:, None]
        middle = (tip + wings.mean(axis=0)) / 2
        nose = np.exp(-(((self.vertices - middle) / [1.7, 1.9, 2.2]) ** 2).sum(axis=1))
        corners = landmarks[[48, 54]]
        cheeks = sum(
            np.exp(
                -(
                    (
                        (self.vertices - (corner + [side * 2.2, 0.4, -1.5]))
                        / [2.2, 2.6, 3.5]
                    )
                    ** 2
                ).sum(axis=1)
            )
            for corner, side in zip(corners, (-1.0, 1.0), strict=True)
        )
        base = np.array([0.0, middle[1], root[2] - 0.6], np.float32)
        return (
            (nose[:, None] * skin).astype(np.float32),
            (cheeks[:, None] * skin).astype(np.float32),
            base,
        )  # fmt: skip

    def _apply_youth(self, vertices: np.ndarray, youth: float) -> None:
        """A small nose and full cheeks, in place."""
        nose, cheeks, base = self._soft_parts
        vertices -= np.float32(0.34 * youth) * nose * (vertices - base)
        out = np.sign(vertices[:, :1]) * np.array([[0.75, 0.0, 0.0]], np.float32)
        out = out + np.array([[0.0, 0.0, 0.45]], np.float32)
        vertices += np.float32(youth) * cheeks * out

    def _apply_proportions(self, vertices: np.ndarray, shape: Proportions) -> None:
        for near, eye in zip(self._near_eyes, self._eyes, strict=True):
            centre = vertices[eye].mean(axis=0)
            vertices += (shape.eye_scale - 1) * near * (vertices - centre)
        # Below the nose bridge, growing to the full factor at the nose's wings.
        bridge = self._eye_height - 1.4
        y = vertices[:, 1]
        below = np.minimum(0, y - bridge)
        t = np.clip((3 - y) / 5, 0, 1)
        vertices[:, 1] = y + below * (shape.lower_face - 1) * t * t * (3 - 2 * t)
        t = np.clip((1 - y) / 6, 0, 1)
        vertices[:, 0] *= 1 + (shape.jaw_width - 1) * t * t * (3 - 2 * t)


def _of_age(shape: Proportions, youth: float) -> Proportions:
    """Proportions with larger eyes and a lower, wider jaw, as children's."""
    return dataclasses.replace(
        shape,
        eye_scale=shape.eye_scale * (1 + 0.28 * youth),
        lower_face=shape.lower_face * (1 - 0.17 * youth),
        jaw_width=shape.jaw_width * (1 + 0.05 * youth),
    )


@dataclasses.dataclass(frozen=True)
class MorphablePerson(Person):
    """A person of a morphable head.

    Attributes:
        vertices: At rest, float32 [V, 3].
        expressions: The head's.
    """

    vertices: np.ndarray
    expressions: dict[str, Shape]

    def moved(self, action_units: Mapping[str, float]) -> np.ndarray:
        """The vertices at rest and the weighted sum of the movements."""
        vertices = self.vertices.copy()
        for name, weight in action_units.items():
            shape = self.expressions.get(name)
            if shape is not None and abs(weight) > 1e-3:
                add_shape(vertices, shape.indices, shape.offsets, np.float32(weight))
        return vertices
