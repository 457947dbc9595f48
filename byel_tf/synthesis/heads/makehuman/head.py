"""MakeHuman's people as a head."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import (
    GUMS,
    LEFT_EYE,
    RIGHT_EYE,
    SCALP,
    TEETH,
    Head,
    Texture,
)
from byel_tf.synthesis.heads.makehuman.layout import Parts
from byel_tf.synthesis.heads.makehuman.movements import Rest, movements
from byel_tf.synthesis.heads.makehuman.person import Fitted, Frame, MakeHumanPerson
from byel_tf.synthesis.heads.makehuman.population import (
    Detail,
    Traits,
    detail_weights,
    details,
    macro_weights,
    traits,
)
from byel_tf.synthesis.mesh import add_shape

# Every person is brought to this distance from the eyes to the mouth and this place
# between the eyes, cm: about ICT-FaceKit's average.
_EYE_TO_MOUTH = 6.9
_BETWEEN_EYES = np.array([0.0, 3.5, 9.2], np.float32)
_MIDDLING = Traits((1 / 3, 1 / 3, 1 / 3), 0.5, 0.5, 0.5, 0.5, None, False, "", "",
                   "base", "", 1.0, "none")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class MakeHumanHead(Head):
    """MakeHuman's people.

    Attributes:
        parts: What they are made of.
        frame: What they share.
        variety: How they differ beside age, sex, ancestry and build.
        texture_places: As `Head.places` returns.
        mouth: Width of the average mouth, cm.
        anchors: Of the average person, float32 [A, 3].
    """

    collar: ClassVar[tuple[float, float]] = (11.4, 13.6)
    mouth_light: ClassVar[float] = 2.2

    parts: Parts
    frame: Frame
    variety: list[Detail]
    texture_places: tuple[np.ndarray, np.ndarray]
    mouth: float
    anchors: np.ndarray

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the corners of the skin's triangles are on its picture."""
        return self.texture_places

    def person(self, face: Face) -> MakeHumanPerson:
        """Whom a face shows."""
        parts, who = self.parts, traits(face)
        weights = {**macro_weights(who), **detail_weights(self.variety, face)}
        anchors, _ = _placed(parts, _mixed(parts, weights))
        names = {
            "teeth": f"teeth/{who.teeth}",
            "tongue": "tongue",
            "brows": f"brows/{who.brows}",
            "lashes": f"lashes/{who.lashes}",
        }
        if who.hair is not None:
            names["hair"] = f"hair/{who.hair}"
        on_sheets = ("brows", "lashes", "hair")
        return MakeHumanPerson(
            self.frame,
            who,
            anchors,
            {role: Fitted(parts.worn[name], anchors) for role, name in names.items()},
            {role: parts.pictures[name] for role, name in names.items()
             if role in on_sheets},
            skin_texture(self, who),
            float(np.clip(_mouth_width(parts, anchors) / self.mouth, 0.6, 1.1)),
        )  # fmt: skip


def skin_texture(head: MakeHumanHead, who: Traits) -> Texture:
    """The skin's picture against its median in the face."""
    pixels = head.parts.pictures[f"skins/{who.skin}"]
    side = len(pixels)
    rows, places = head.texture_places
    in_face = (head.regions[head.triangles] == 0).all(axis=1) & (rows >= 0)
    at = (places[rows[in_face]].mean(axis=1) * (side - 1)).astype(int)
    levels = (np.arange(256, dtype=np.float32) / 255) ** 2.2
    median = levels[np.median(pixels[at[:, 1], at[:, 0]], axis=0).astype(int)]
    factors = levels[None, :] / median[:, None]
    factors = np.maximum(0.02, 1 + who.grain * (factors - 1))
    factors = np.minimum(factors, 0.5 + 0.5 * factors)  # no highlights of its own
    return Texture(pixels, factors.astype(np.float32), who.beard)


def makehuman_head_of(parts: Parts, name: str) -> MakeHumanHead:
    """The head that parts make.

    Args:
        parts: As from `read_parts`.
        name: What the head is called.
    """
    raw = _mixed(parts, macro_weights(_MIDDLING))
    anchors, scale = _placed(parts, raw)
    count = len(parts.body)
    teeth, tongue = parts.worn["teeth/base"], parts.worn["tongue"]
    eyeball, eye_triangles = _eyeball()
    sizes = (len(tongue.fit.indices), len(teeth.fit.indices), len(eyeball),
             len(eyeball))  # fmt: skip
    starts = count + np.cumsum((0, *sizes))
    own = (tongue.triangles, teeth.triangles, eye_triangles, eye_triangles)
    triangles = [parts.triangles] + [
        one + start for one, start in zip(own, starts, strict=False)
    ]
    regions = np.repeat((GUMS, TEETH, LEFT_EYE, RIGHT_EYE), sizes)
    triangles = np.concatenate(triangles).astype(np.int32)
    rows = np.full(len(triangles), -1, np.int32)
    rows[: len(parts.places)] = np.arange(len(parts.places))
    skin = parts.regions <= SCALP
    rims = (
        parts.body[parts.landmarks[[[43, 44], [47, 46]]]],
        parts.body[parts.landmarks[[[37, 38], [41, 40]]]],
    )
    lower = _lower(parts, anchors)
    soft = np.zeros(len(anchors), np.float32)
    soft[parts.body[skin]] = np.clip((anchors[parts.body[skin], 2] - 2.0) / 3.0, 0, 1)
    mouth = np.unique(np.concatenate([teeth.fit.indices, tongue.fit.indices]))
    rest = Rest(anchors, scale, soft, lower, parts.eyes.ravel(), mouth)
    moves = movements(parts, rest)
    upper = lower[teeth.fit.indices].mean(axis=1) < 0.5
    lips = parts.body[parts.landmarks[[[61, 62, 63], [67, 66, 65]]]]
    frame = Frame(parts.body, parts.eyes, eyeball, moves, np.array(rims), lips, upper)
    worn = {"teeth": Fitted(teeth, anchors), "tongue": Fitted(tongue, anchors)}
    average = MakeHumanPerson(frame, _MIDDLING, anchors, worn, {}, None, 1.0)
    return MakeHumanHead(
        name=name,
        vertices=average.vertices,
        triangles=triangles,
        regions=np.concatenate([parts.regions, regions]).astype(np.int8),
        landmarks=parts.landmarks,
        parts=parts,
        frame=frame,
        variety=details(parts.targets),
        texture_places=(rows, parts.places),
        mouth=_mouth_width(parts, anchors),
        anchors=anchors,
    )


def _mixed(parts: Parts, weights: dict[str, float]) -> np.ndarray:
    """The base's anchors moved by targets, float32 [A, 3]."""
    anchors = parts.base.copy()
    for name, weight in weights.items():
        shape = parts.targets[name]
        add_shape(anchors, shape.indices, shape.offsets, np.float32(weight))
    return anchors


def _placed(parts: Parts, anchors: np.ndarray) -> tuple[np.ndarray, float]:
    """Anchors in a head's frame and size, and the factor that took."""
    landmarks = anchors[parts.body[parts.landmarks]]
    eyes, mouth = landmarks[36:48].mean(axis=0), landmarks[48:60].mean(axis=0)
    scale = float(_EYE_TO_MOUTH / (eyes[1] - mouth[1]))
    placed = (anchors - eyes) * np.float32(scale) + _BETWEEN_EYES
    return placed.astype(np.float32), scale


def _mouth_width(parts: Parts, anchors: np.ndarray) -> float:
    right, left = anchors[parts.body[parts.landmarks[[48, 54]]], 0]
    return float(left - right)


def _lower(parts: Parts, anchors: np.ndarray) -> np.ndarray:
    """How much an anchor is below the mouth's opening: what the dropped jaw takes."""
    drop = np.zeros(len(anchors), np.float32)
    shape = parts.units["JawDrop"]
    drop[shape.indices] = -shape.offsets[:, 1]
    t = np.clip(drop / (0.5 * drop.max()), 0, 1)
    return t * t * (3 - 2 * t)


def _eyeball() -> tuple[np.ndarray, np.ndarray]:
    """The front of a ball of radius 1: points [E, 3] and triangles [T, 3]."""
    around = 24
    rings = np.radians([0, 4, 8, 11, 14, 17, 19, 21, 23, 26, 32, 40, 52, 66, 84, 104])
    angle = np.arange(around) * 2 * np.pi / around
    points, triangles = [[0.0, 0.0, 1.0]], []
    for number, ring in enumerate(rings[1:]):
        height = np.full(around, np.cos(ring))
        points += np.stack([np.sin(ring) * np.cos(angle), np.sin(ring) * np.sin(angle),
                            height], axis=1).tolist()  # fmt: skip
        here, before = 1 + number * around, 1 + (number - 1) * around
        for i in range(around):
            j = (i + 1) % around
            if number == 0:
                triangles.append((0, here + i, here + j))
            else:
                triangles.append((before + i, here + i, here + j))
                triangles.append((before + i, here + j, before + j))
    return np.array(points, np.float32), np.array(triangles, np.int32)
