"""Other heads with the hair, brows, lashes and skins of MakeHuman's people."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.interpolate
import scipy.spatial

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import FACE, SCALP, Cards, Head, Person, Texture
from byel_tf.synthesis.heads.makehuman.hair import hair_of, sheets
from byel_tf.synthesis.heads.makehuman.head import MakeHumanHead, skin_texture
from byel_tf.synthesis.heads.makehuman.layout import Worn
from byel_tf.synthesis.heads.makehuman.person import Fitted, Pictures, fitted
from byel_tf.synthesis.heads.makehuman.population import Traits, traits
from byel_tf.synthesis.mesh import vertex_normals

# Where the rays come from along which skulls are compared, cm, and how many there are.
_CENTRE = np.array([0.0, 4.0, 0.0])
_RAYS = 400
# How near a vertex lies to a ray, as the cosine of the angle between them.
_NEAR_RAY = 0.985
# Landmarks that are not of the bones: both heads have them in other places by choice.
_LOOSE = (*range(17, 27),)
# Vertices that each point of a sheet keeps to.
_ANCHORS = 4
# Points a side of a triangle at which skins are compared.
_SAMPLES = 5
# A triangle that covers more of a picture lies across a seam of it.
_WIDEST = 0.05
# How much higher than on MakeHuman's people brows are, cm.
_BROW_RISE = 0.6
# How far behind the skin hair is still seen, and how far above it it lies, cm.
_DEPTH, _MARGIN = 0.6, 0.3
# Distance from the middle from which on it does, cm.
_BESIDE = 4.5
_SHEETS = ("brows", "lashes", "hair")


@dataclasses.dataclass(frozen=True)
class Bound:
    """A worn mesh that keeps to another head's vertices.

    Attributes:
        triangles: int32 [T, 3].
        places: As of `Worn`.
        indices: Vertices that each point keeps to, int32 [N, _ANCHORS].
        weights: Their shares, float32 [N, _ANCHORS].
        offsets: From their mean, cm, float32 [N, 3].
    """

    triangles: np.ndarray
    places: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """Where its points are, float32 [N, 3]."""
        return fitted(vertices, self.indices, self.weights, self.offsets)


@dataclasses.dataclass(frozen=True)
class DressedHead(Head):
    """A head with MakeHuman's hair and skins.

    Attributes:
        body: The head.
        people: Whose hair and skins.
        worn: Sheets by name, which keep to the head's vertices.
        texture_places: As `Head.places` returns.
    """

    collar: ClassVar[tuple[float, float]] = (11.6, 13.6)

    body: Head
    people: MakeHumanHead
    worn: dict[str, Bound]
    texture_places: tuple[np.ndarray, np.ndarray]

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the corners of the skin's triangles are on its picture."""
        return self.texture_places

    def person(self, face: Face) -> DressedPerson:
        """The head's own person in somebody's skin and hair."""
        # Years follow the face's folds.
        who = traits(face, age=0.4 + 0.55 * face.shape.age)
        names = {"brows": f"brows/{who.brows}", "lashes": f"lashes/{who.lashes}"}
        if who.hair is not None:
            names["hair"] = f"hair/{who.hair}"
        pictures = self.people.parts.pictures
        return DressedPerson(
            self.body.person(face),
            who,
            {role: self.worn[name] for role, name in names.items()},
            Pictures.of({role: pictures[name] for role, name in names.items()}),
            skin_texture(self.people, who),
        )


class DressedPerson(Person):
    """A person of another head in the skin and hair of MakeHuman's people."""

    def __init__(
        self,
        body: Person,
        who: Traits,
        worn: Mapping[str, Bound],
        pictures: Pictures,
        texture: Texture,
    ):
        """Takes a person's parts: see `MakeHumanPerson`."""
        self.body, self.traits, self.texture = body, who, texture
        self.vertices = body.vertices
        self._worn, self._pictures = worn, pictures
        self._last: tuple | None = None

    def moved(self, action_units: Mapping[str, float]) -> np.ndarray:
        """The vertices with an expression."""
        return self._moved(action_units).copy()

    def _moved(self, action_units: Mapping[str, float]) -> np.ndarray:
        if self._last is None or self._last[0] != action_units:
            self._last = dict(action_units), self.body.moved(action_units)
        return self._last[1]

    def painted(self, face: Face) -> Face:
        """Brows, lashes and hair are on sheets, the beard on the skin's picture."""
        luminance, warmth = hair_of(face.hair, self.traits.age)
        hair = dataclasses.replace(
            face.hair,
            cover=0.0,
            brow_opacity=0.0,
            beard="none",
            luminance=luminance,
            warmth=warmth,
        )
        skin = dataclasses.replace(face.skin, lips=0.5 * face.skin.lips)
        eyes = dataclasses.replace(face.eyes, lashes=0.0)
        return dataclasses.replace(face, hair=hair, skin=skin, eyes=eyes)

    def cards(self, face: Face, action_units: Mapping[str, float]) -> Cards | None:
        """Brows, lashes and hair."""
        vertices = self._moved(action_units)
        cards = sheets(
            self.traits, face, self._worn, self._pictures, vertices, _BROW_RISE
        )
        # Hair that was made for another skull lies below this one's skin in places.
        depths = np.where(cards.casts, _DEPTH, cards.depths).astype(np.float32)
        return dataclasses.replace(cards, depths=depths)


def dressed(body: Head, people: MakeHumanHead) -> DressedHead:
    """A head in the skins and hair of MakeHuman's people.

    Args:
        body: The head.
        people: They.
    """
    warp = _warp(people, body)
    skin = np.flatnonzero(body.regions <= SCALP)
    tree = scipy.spatial.cKDTree(body.vertices[skin])
    anchors = people.anchors
    worn = {}
    for name, one in people.parts.worn.items():
        kind = name.partition("/")[0]
        if kind in _SHEETS:
            points = Fitted(one, anchors).points(anchors)
            points = points + warp(points)
            margin = _MARGIN if kind == "hair" else -9.0
            worn[name] = _bound(points, one, tree, body, skin, margin)
    return DressedHead(
        name=f"{body.name}+{people.name}",
        vertices=body.vertices,
        triangles=body.triangles,
        regions=body.regions,
        landmarks=body.landmarks,
        body=body,
        people=people,
        worn=worn,
        texture_places=_places(people, body, warp),
    )


def _warp(people: Head, body: Head) -> scipy.interpolate.RBFInterpolator:
    """Takes places on the average of the people to those on the average of a head."""
    marks = np.setdiff1d(np.arange(68), _LOOSE)
    pairs = [(people.vertices[people.landmarks[marks]],
              body.vertices[body.landmarks[marks]])]  # fmt: skip
    # Even directions on a sphere; those to the skull are taken.
    number = np.arange(_RAYS) + 0.5
    height, turn = 1 - 2 * number / _RAYS, np.pi * (1 + 5**0.5) * number
    ring = np.sqrt(1 - height**2)
    rays = np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)
    rays = rays[(rays[:, 1] > -0.1) & ((rays[:, 1] > 0.5) | (rays[:, 2] < 0.2))]
    found = [_outermost(head, rays) for head in (people, body)]
    known = np.isfinite(found[0]).all(axis=1) & np.isfinite(found[1]).all(axis=1)
    pairs.append((found[0][known], found[1][known]))
    sources, goals = (np.concatenate(points) for points in zip(*pairs, strict=True))
    _, first = np.unique(sources.round(3), axis=0, return_index=True)
    return scipy.interpolate.RBFInterpolator(
        sources[first], goals[first] - sources[first], kernel="linear", smoothing=0.05
    )


def _outermost(head: Head, rays: np.ndarray) -> np.ndarray:
    """Where rays from the middle of a head leave it, [N, 3]; NaN where unknown."""
    skin = head.vertices[head.regions <= SCALP] - _CENTRE
    length = np.linalg.norm(skin, axis=1)
    near = (skin / length[:, None]) @ rays.T > _NEAR_RAY
    far = np.where(near, length[:, None], -np.inf).max(axis=0)
    return np.where(np.isfinite(far), far, np.nan)[:, None] * rays + _CENTRE


def _bound(points, worn: Worn, tree, body: Head, skin, margin: float) -> Bound:
    distance, nearest = tree.query(points, _ANCHORS)
    weights = 1 / (distance + 0.05)
    weights /= weights.sum(axis=1, keepdims=True)
    indices = skin[nearest]
    kept = (body.vertices[indices] * weights[..., None]).sum(axis=1)
    # Out of the skin, along its normal.
    normals = vertex_normals(body.vertices, body.triangles)
    out = (normals[indices] * weights[..., None]).sum(axis=1)
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-6
    above = ((points - kept) * out).sum(axis=1, keepdims=True)
    beside = np.abs(kept[:, :1]) > _BESIDE  # not what a braid hides behind the nose
    points = points + beside * out * np.maximum(0.0, margin - above)
    return Bound(
        triangles=worn.triangles,
        places=worn.places,
        indices=indices.astype(np.int32),
        weights=weights.astype(np.float32),
        offsets=(points - kept).astype(np.float32),
    )


def _places(people: MakeHumanHead, body: Head, warp) -> tuple[np.ndarray, np.ndarray]:
    """Where a head's skin is on the people's pictures."""
    rows, places = people.texture_places
    textured = np.flatnonzero(rows >= 0)
    warped = people.vertices.copy()
    own = np.flatnonzero(people.regions <= SCALP)
    warped[own] += warp(people.vertices[own])
    corners = warped[people.triangles[textured]]
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, _SAMPLES)] * 2), -1).reshape(-1, 2)
    grid = grid[grid.sum(axis=1) <= 1 + 1e-9]
    shares = np.column_stack([grid, 1 - grid.sum(axis=1)])
    points = np.einsum("sc,tcx->tsx", shares, corners).reshape(-1, 3)
    at = np.einsum("sc,tcx->tsx", shares, places[rows[textured]]).reshape(-1, 2)
    tree = scipy.spatial.cKDTree(points)
    skin = np.flatnonzero(body.regions <= SCALP)
    _, nearest = tree.query(body.vertices[skin])
    of_vertex = np.zeros((len(body.vertices), 2), np.float32)
    of_vertex[skin] = at[nearest]
    own = (body.regions[body.triangles] <= SCALP).all(axis=1)
    found = of_vertex[body.triangles]
    # The back of the head has seams, and hair over it.
    whole = np.ptp(found, axis=1).max(axis=1) < _WIDEST
    front = (body.regions[body.triangles] == FACE).any(axis=1)
    front |= body.vertices[body.triangles, 2].mean(axis=1) > 0
    kept = own & whole & front
    body_rows = np.full(len(body.triangles), -1, np.int32)
    body_rows[kept] = np.arange(kept.sum())
    return body_rows, np.ascontiguousarray(found[kept], np.float32)
