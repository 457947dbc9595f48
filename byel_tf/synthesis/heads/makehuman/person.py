"""One of MakeHuman's people, at rest and with an expression."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from byel_tf.synthesis.compiled import compiled
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import Cards, Person, Shape, Texture
from byel_tf.synthesis.heads.makehuman.formats import rotation
from byel_tf.synthesis.heads.makehuman.hair import hair_of, sheets
from byel_tf.synthesis.heads.makehuman.layout import Worn
from byel_tf.synthesis.heads.makehuman.movement_table import SEAL
from byel_tf.synthesis.heads.makehuman.population import Traits
from byel_tf.synthesis.mesh import add_shape


@dataclasses.dataclass(frozen=True)
class Frame:
    """What all persons of the head share.

    Attributes:
        body: Anchor of each vertex of the drawn body, int32 [B].
        eyes: Anchors of the left eye and of the right one, int32 [2, N].
        eyeball: Points of an eyeball of radius 1 that looks ahead, float32 [E, 3].
        movements: As from `movements`.
        rims: Anchors of the lids' edges, upper ones and lower ones below them, of the
            left eye and of the right one, int32 [2, 2, 2].
        lips: Anchors of the lips' inner edges, upper ones and lower ones below them,
            int32 [2, 3].
        upper_teeth: Points of the teeth that belong to the upper jaw, bool [N].
    """

    body: np.ndarray
    eyes: np.ndarray
    eyeball: np.ndarray
    movements: dict[str, tuple[Shape, ...]]
    rims: np.ndarray
    lips: np.ndarray
    upper_teeth: np.ndarray


class Fitted:
    """A worn mesh on one person."""

    def __init__(self, worn: Worn, anchors: np.ndarray):
        fit = worn.fit
        spans = [abs(anchors[a, axis] - anchors[b, axis])
                 for axis, (a, b) in enumerate(fit.ends)]  # fmt: skip
        self.triangles, self.places = worn.triangles, worn.places
        self._indices, self._weights = fit.indices, fit.weights
        self._offsets = fit.offsets * np.float32(np.array(spans) / fit.lengths)

    def points(self, anchors: np.ndarray) -> np.ndarray:
        """Where its points are, float32 [N, 3]."""
        return fitted(anchors, self._indices, self._weights, self._offsets)


@compiled
def fitted(anchors, indices, weights, offsets):
    """Weighted sums of anchors [A, 3] at indices [N, K], and offsets [N, 3]."""
    points = offsets.copy()
    for i in range(indices.shape[0]):
        for j in range(indices.shape[1]):
            for axis in range(3):
                points[i, axis] += weights[i, j] * anchors[indices[i, j], axis]
    return points


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What is on a person's sheets of hair.

    Attributes:
        names: Of the sheets.
        stack: As `Cards.pictures`.
        sizes: As `Cards.sizes`.
    """

    names: tuple[str, ...]
    stack: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, pictures: Mapping[str, np.ndarray]) -> Pictures:
        """Stacks pictures, uint8 [S, S, 2] each."""
        sizes = np.array([len(one) for one in pictures.values()], np.int32)
        side = sizes.max(initial=1)
        stack = np.zeros((len(sizes), side, side, 2), np.uint8)
        for layer, one in enumerate(pictures.values()):
            stack[layer, : len(one), : len(one)] = one
        return cls(tuple(pictures), stack, sizes)


# Weight by which each movement closes the lids, against eyeBlink.
_CLOSING = {"eyeBlink": 1.0, "eyeSquint": 0.3, "eyeLookDown": 0.55, "cheekRaiser": 0.25,
            "cheekSquint": 0.2}  # fmt: skip
# What keeps a face at rest from looking stern.
_AT_REST = {"browInnerUp": 0.2, "browDown": -0.12, "mouthSmile": 0.06}
_LIDS = ("eyeBlink", "eyeSquint", "eyeLookDown")
# Half width of the middle teeth, cm.
_INCISORS = 0.45
# Turn of an eye, degrees at weight 1.
_ACROSS, _DOWN = 28.0, 24.0


class MakeHumanPerson(Person):
    """A person; see `Person`."""

    def __init__(
        self,
        frame: Frame,
        traits: Traits,
        anchors: np.ndarray,
        worn: dict[str, Fitted],
        pictures: dict[str, np.ndarray],
        texture: Texture,
        mouth: float,
    ):
        """Takes a person's parts.

        Args:
            frame: What all share.
            traits: Who it is.
            anchors: At rest, cm, float32 [A, 3].
            worn: "teeth", "tongue", "brows", "lashes", and "hair" where there is any.
            pictures: Of the latter three.
            texture: The skin's.
            mouth: Width of the mouth against the average one's.
        """
        self.traits = traits
        self.texture = texture
        self._frame, self._anchors, self._worn = frame, anchors, worn
        self._pictures, self._mouth = Pictures.of(pictures), mouth
        self._last: tuple | None = None
        self._lids = {side: self._opening(side) for side in "LR"}
        for name, weight in _AT_REST.items():
            for side in "LR":
                self._move(anchors, f"{name}_{side}", weight)
        gaps = anchors[frame.lips[0]] - anchors[frame.lips[1]]
        gap = float(np.linalg.norm(gaps, axis=1).mean())
        self._move(anchors, SEAL, float(np.clip((gap - 0.04) / 0.1, 0, 2)))
        self.vertices = self._assembled(anchors, {})

    def moved(self, action_units: Mapping[str, float]) -> np.ndarray:
        """The drawn vertices with an expression."""
        return self._assembled(self._moved_anchors(action_units), action_units)

    def painted(self, face: Face) -> Face:
        """Years and beard are the person's own; brows and hair are on sheets."""
        traits = self.traits
        young = max(0.0, 1 - traits.age / 0.22)
        luminance, warmth = hair_of(face.hair, traits.age)
        return dataclasses.replace(
            face,
            shape=dataclasses.replace(
                face.shape, age=float(np.clip(1.3 * (traits.age - 0.3), 0, 1))
            ),
            skin=dataclasses.replace(
                face.skin,
                lips=(0.5 - 0.35 * young) * face.skin.lips,
                upper_lip=0.5 * face.skin.upper_lip,
            ),
            hair=dataclasses.replace(
                face.hair,
                cover=0.0,
                brow_opacity=0.0,
                beard="none",
                luminance=luminance,
                warmth=warmth,
            ),
            image=dataclasses.replace(face.image, exposure=face.image.exposure - 0.05),
            camera=dataclasses.replace(
                face.camera,
                side=face.camera.side * (1 + 0.3 * young),
                fit=face.camera.fit * (1 + 0.12 * young),
            ),
        )

    def cards(self, face: Face, action_units: Mapping[str, float]) -> Cards | None:
        """Brows, lashes and hair."""
        return sheets(
            self.traits,
            face,
            {name: self._worn[name] for name in self._pictures.names},
            self._pictures,
            self._moved_anchors(action_units),
        )

    def _moved_anchors(self, action_units: Mapping[str, float]) -> np.ndarray:
        if self._last is not None and self._last[0] == action_units:
            return self._last[1]
        anchors = self._anchors.copy()
        for name, weight in self._tempered(action_units).items():
            self._move(anchors, name, weight)
        self._last = (dict(action_units), anchors)
        return anchors

    def _move(self, anchors: np.ndarray, name: str, weight: float) -> None:
        shapes = self._frame.movements.get(name, ())
        if name.startswith(("mouth", "jaw")):
            weight = weight * self._mouth
        shares = self.traits.ancestry if len(shapes) > 1 else (1.0,)
        for shape, share in zip(shapes, shares, strict=False):
            if abs(weight * share) > 1e-3:
                amount = np.float32(weight * share)
                add_shape(anchors, shape.indices, shape.offsets, amount)

    def _opening(self, side: str) -> float:
        """Weight of eyeBlink that closes an eye."""
        upper, lower = self._frame.rims["LR".index(side)]
        closed = self._anchors.copy()
        shapes = self._frame.movements[f"eyeBlink_{side}"]
        for shape, share in zip(shapes, self.traits.ancestry, strict=True):
            add_shape(closed, shape.indices, shape.offsets, np.float32(share))
        before, after = (
            float((points[upper, 1] - points[lower, 1]).mean())
            for points in (self._anchors, closed)
        )
        return float(np.clip((before - 0.03) / max(before - after, 0.1), 0.5, 1.8))

    def _tempered(self, action_units: Mapping[str, float]) -> dict[str, float]:
        """Weights with which lids close at most, and both of them together."""
        weights = dict(action_units)
        closing = {
            side: sum(
                share * max(0.0, weights.get(f"{name}_{side}", 0.0))
                for name, share in _CLOSING.items()
            )
            for side in "LR"
        }
        less = min(closing.values())
        for side, total in closing.items():
            # Lids that both come down come down alike; one that stays up may wink.
            alike = np.clip((less - 0.1) / 0.3, 0, 1) * 0.6
            wanted = min(1.0, total + alike * (sum(closing.values()) / 2 - total))
            if total > 1e-3:
                for name in _LIDS:
                    if f"{name}_{side}" in weights:
                        weights[f"{name}_{side}"] *= self._lids[side] * wanted / total
        return weights

    def _assembled(
        self, anchors: np.ndarray, action_units: Mapping[str, float]
    ) -> np.ndarray:
        frame = self._frame
        teeth = self._worn["teeth"].points(anchors)
        # Lower, further back, and no tooth longer than the middle ones: others would
        # show as fangs.
        middle = np.abs(teeth[:, 0] - teeth[:, 0].mean()) < _INCISORS
        for jaw, longest, way in (
            (frame.upper_teeth, np.min, np.maximum),
            (~frame.upper_teeth, np.max, np.minimum),
        ):
            edge = longest(teeth[jaw & middle, 1])
            teeth[jaw, 1] = way(teeth[jaw, 1], edge) - np.float32(0.32)
        teeth[:, 0] *= np.float32(0.98)
        teeth[:, 2] -= np.float32(0.22)
        parts = [anchors[frame.body], self._worn["tongue"].points(anchors), teeth]
        for eye, side in zip(frame.eyes, "LR", strict=True):
            parts.append(self._eyeball(self._anchors[eye], action_units, side))
        return np.concatenate(parts).astype(np.float32)

    def _eyeball(self, anchors, action_units, side) -> np.ndarray:
        def weight(way):
            return action_units.get(f"eyeLook{way}_{side}", 0.0)

        low, high = anchors.min(axis=0), anchors.max(axis=0)
        radius = ((high - low)[:2]).mean() / 2
        centre = (low + high) / 2
        centre[2] = high[2] - radius * 1.02
        out = 1.0 if side == "L" else -1.0
        turn = rotation(0, _DOWN * (weight("Down") - weight("Up"))) @ rotation(
            1, _ACROSS * out * (weight("Out") - weight("In"))
        )
        return radius * (self._frame.eyeball @ turn.T.astype(np.float32)) + centre
