"""Pictures of skin on a head, and folds that are finer than its mesh."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import cv2
import numpy as np

from byel_tf.synthesis.anatomy import Anatomy, folds_at
from byel_tf.synthesis.colours import hair_colour, skin_colour
from byel_tf.synthesis.compiled import compiled
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import FACE, Texture

# Side of the picture on which folds are drawn, in texels.
_SIZE = 512
# What a fold 1 cm deep takes from the light in it, and what its slope adds to and
# takes from it 1 mm above and below: most light comes from above.
_HOLLOW, _SLOPE, _STEP = 3.8, 0.36, 0.12
# How soft they are, in texels.
_SOFT = 1.7
_LEAST, _MOST = np.float32(0.35), np.float32(1.25)


@dataclasses.dataclass(frozen=True)
class SkinTexture:
    """Where a head's skin is on a picture of it.

    Attributes:
        rows: Row in `places` of each triangle, or -1, int32 [T].
        outer_rows: The same of the triangles outside the mouth.
        places: Of triangles' corners, in shares of the side, float32 [N, 3, 2].
        folds: Change of the light by a fold of depth 1 cm, by its name, float32
            [H, W]: a part of the picture with _SIZE texels a side.
        beards: Share of the light that hair takes, by style, of the same part.
        corner: Row and column where that part begins.
    """

    rows: np.ndarray
    outer_rows: np.ndarray
    places: np.ndarray
    folds: dict[str, np.ndarray]
    beards: dict[str, np.ndarray]
    corner: tuple[int, int]

    @classmethod
    def of(cls, anatomy: Anatomy) -> SkinTexture | None:
        """That of a head, or None where its skin has no picture."""
        head = anatomy.head
        found = head.places()
        if found is None:
            return None
        rows, places = found
        points = np.full((_SIZE, _SIZE, 3), np.nan, np.float32)
        regions = head.regions[head.triangles]
        skin = np.flatnonzero((rows >= 0) & (regions == FACE).any(axis=1))
        _unfold(points, head.vertices, head.triangles[skin], places[rows[skin]])
        known = np.isfinite(points[..., 0])
        at = points[known]
        (top, bottom), (left, right) = (
            (numbers.min(), numbers.max() + 1) for numbers in np.nonzero(known)
        )
        landmarks = head.vertices[head.landmarks]
        lower, middle, upper = (
            folds_at(at + np.float32([0, step, 0]), landmarks)
            for step in (-_STEP, 0.0, _STEP)
        )
        folds = {}
        for name, height in middle.items():
            field = np.zeros((_SIZE, _SIZE), np.float32)
            slope = (upper[name] - lower[name]) / (2 * _STEP)
            field[known] = _HOLLOW * height + _SLOPE * slope
            field = cv2.GaussianBlur(field, (0, 0), _SOFT)
            folds[name] = np.ascontiguousarray(field[top:bottom, left:right])
        part = slice(top, bottom), slice(left, right)
        beards = _beards(anatomy, head.triangles[skin], places[rows[skin]], part)
        corner = int(top), int(left)
        return cls(rows, rows[anatomy.is_outer], places, folds, beards, corner)

    def relief(self, depths: Mapping[str, float]) -> np.ndarray:
        """Factor on the light of each texel of that part, float32 [H, W].

        Args:
            depths: Depth of each fold in cm, by its name.
        """
        relief = np.ones_like(next(iter(self.folds.values())))
        for name, depth in depths.items():
            if depth > 1e-3:
                relief += np.float32(depth) * self.folds[name]
        return np.clip(relief, _LEAST, _MOST, out=relief)


def _beards(anatomy: Anatomy, triangles, places, part) -> dict[str, np.ndarray]:
    """Hair by hair, what the head's fields of beards say of its vertices."""
    styles = ("moustache", "full", "chin")
    shares = np.zeros((len(anatomy.head.vertices), 3), np.float32)
    for column, style in enumerate(styles):
        shares[anatomy.face, column] = anatomy.beards[style]
    texels = np.zeros((_SIZE, _SIZE, 3), np.float32)
    _unfold(texels, shares, triangles, places)
    strands = np.random.default_rng(0).standard_normal((_SIZE, _SIZE)).astype("f4")
    strands = cv2.GaussianBlur(strands, (0, 0), 0.6, sigmaY=1.5)
    strands /= strands.std()
    beards = {}
    for column, style in enumerate(styles):
        share = texels[..., column]
        beards[style] = np.clip(1.25 * share * (1 + 0.14 * strands), 0, 1)[part]
    beards["stubble"] = np.clip(texels[..., 1] * (0.42 + 0.08 * strands), 0, 1)[part]
    return {style: np.ascontiguousarray(beard) for style, beard in beards.items()}


@compiled
def _unfold(points, vertices, triangles, places):
    """Writes the place in space of each texel of triangles to points [S, S, 3]."""
    size = points.shape[0]
    for t in range(triangles.shape[0]):
        x0, y0 = places[t, 0, 0] * size, places[t, 0, 1] * size
        x1, y1 = places[t, 1, 0] * size, places[t, 1, 1] * size
        x2, y2 = places[t, 2, 0] * size, places[t, 2, 1] * size
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < np.float32(1e-6):
            continue
        left, right = int(min(x0, x1, x2)) - 1, int(max(x0, x1, x2)) + 1
        top, bottom = int(min(y0, y1, y2)) - 1, int(max(y0, y1, y2)) + 1
        for y in range(max(0, top), min(size - 1, bottom) + 1):
            for x in range(max(0, left), min(size - 1, right) + 1):
                u, v = x + np.float32(0.5), y + np.float32(0.5)
                w0 = ((x1 - u) * (y2 - v) - (x2 - u) * (y1 - v)) / area
                w1 = ((x2 - u) * (y0 - v) - (x0 - u) * (y2 - v)) / area
                w2 = 1 - w0 - w1
                if min(w0, w1, w2) < np.float32(-0.02):
                    continue
                for axis in range(3):
                    points[y, x, axis] = (
                        w0 * vertices[triangles[t, 0], axis]
                        + w1 * vertices[triangles[t, 1], axis]
                        + w2 * vertices[triangles[t, 2], axis]
                    )


def beard(texture: Texture, face: Face) -> tuple[str, np.ndarray]:
    """A face's beard, as `lay_texture` takes it."""
    tone = skin_colour(face.skin.melanin, face.skin.redness)
    hair = hair_colour(face.hair.luminance, face.hair.warmth)
    share = min(1.0, 0.25 + face.hair.beard_opacity)
    return texture.beard, 1 + share * (np.minimum(hair / tone, 0.6) - 1)


def lay_texture(
    picture: np.ndarray,
    shown: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    skin: SkinTexture,
    texture: Texture,
    relief: np.ndarray,
    beard: tuple[str, np.ndarray],
) -> None:
    """Multiplies a picture by that of the skin, in place.

    Args:
        picture: Linear RGB, float32 [S, S, 3].
        shown: Triangle in each pixel, as from `rasterize`.
        weights: As from `rasterize`.
        rows: Those of `skin` for the triangles.
        skin: Where the skin is on a picture.
        texture: The skin's.
        relief: As from `SkinTexture.relief`.
        beard: Its style, and its colour against the skin's where it covers all.
    """
    style, colour = beard
    hair = skin.beards.get(style, np.zeros((0, 0), np.float32))
    _lay(picture, shown, weights, rows, skin.places, texture.pixels, texture.factors,
         relief, hair, colour.astype(np.float32), *skin.corner)  # fmt: skip


@compiled
def _lay(
    picture, shown, weights, rows, places, pixels, factors, relief, hair, colour, top,
    left,
):  # fmt: skip
    size, side = shown.shape[0], pixels.shape[0]
    fine, height, width = np.float32(_SIZE), relief.shape[0], relief.shape[1]
    one, half = np.float32(1.0), np.float32(0.5)
    bearded = hair.shape[0] > 0
    for row in range(size):
        for column in range(size):
            t = shown[row, column]
            if t < 0 or rows[t] < 0:
                continue
            r = rows[t]
            w0, w1 = weights[row, column, 0], weights[row, column, 1]
            w2 = one - w0 - w1
            u = w0 * places[r, 0, 0] + w1 * places[r, 1, 0] + w2 * places[r, 2, 0]
            v = w0 * places[r, 0, 1] + w1 * places[r, 1, 1] + w2 * places[r, 2, 1]
            x, y = u * fine - half - left, v * fine - half - top
            xa, ya = int(np.floor(x)), int(np.floor(y))
            light, covered = one, np.float32(0.0)
            if 0 <= xa < width - 1 and 0 <= ya < height - 1:
                fx, fy = x - xa, y - ya
                above = relief[ya, xa] * (one - fx) + relief[ya, xa + 1] * fx
                below = relief[ya + 1, xa] * (one - fx) + relief[ya + 1, xa + 1] * fx
                light = above * (one - fy) + below * fy
                if bearded:
                    above = hair[ya, xa] * (one - fx) + hair[ya, xa + 1] * fx
                    below = hair[ya + 1, xa] * (one - fx) + hair[ya + 1, xa + 1] * fx
                    covered = above * (one - fy) + below * fy
            x, y = u * side - half, v * side - half
            xa, ya = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - xa, y - ya
            xb, yb = min(side - 1, max(0, xa + 1)), min(side - 1, max(0, ya + 1))
            xa, ya = min(side - 1, max(0, xa)), min(side - 1, max(0, ya))
            for c in range(3):
                above = factors[c, pixels[ya, xa, c]] * (one - fx)
                above += factors[c, pixels[ya, xb, c]] * fx
                below = factors[c, pixels[yb, xa, c]] * (one - fx)
                below += factors[c, pixels[yb, xb, c]] * fx
                factor = above * (one - fy) + below * fy
                factor += covered * (colour[c] - factor)
                picture[row, column, c] *= light * factor
