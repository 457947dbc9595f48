"""Sheets of hair, brows and lashes on one of MakeHuman's people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from byel_tf.synthesis.colours import LUMA, hair_colour, skin_colour
from byel_tf.synthesis.face import Face, Hair
from byel_tf.synthesis.heads.head import Cards

# How far behind the skin a sheet of each kind is still seen, cm.
_DEPTHS = {"brows": 0.45, "lashes": 0.12, "hair": 0.25}
# MakeHuman's brows are low and stern: how much higher they are drawn, cm.
BROW_RISE = 0.34
# Styles whose fringe would hide an eye.
_FRINGED = ("bob01", "bob02", "short03", "braid01")


def sheets(
    traits,
    face: Face,
    worn: Mapping,
    pictures,
    anchors: np.ndarray,
    brow_rise: float = BROW_RISE,
) -> Cards:
    """The sheets of a face.

    Args:
        traits: Who it is.
        face: The face.
        worn: Fitted meshes: "brows", "lashes" and "hair", where there is any.
        pictures: `Pictures` of the same.
        anchors: What they are fitted to, moved by the expression, float32 [A, 3].
        brow_rise: How much higher than the brows' mesh they are drawn, cm.
    """
    style = face.hair
    hair = hair_colour(*hair_of(style, traits.age))
    tone = skin_colour(face.skin.melanin, face.skin.redness)
    brow = np.minimum(hair * style.brow_darkness, 0.5 * tone) * 0.8
    colours = {"brows": brow, "lashes": np.full(3, 0.006), "hair": hair}
    lash = (0.4 + 0.6 * face.eyes.lashes) if traits.male < 0.5 else 0.35
    grown = min(1.0, 0.35 + traits.age / 0.3)  # babies' brows are faint
    brows = 1.25 * style.brow_opacity * grown
    opacities = {"brows": brows, "lashes": lash, "hair": 1.35}
    layers = pictures.names
    shown = [name for name in layers
             if name != "hair" or face.accessories.head_cover == "none"]  # fmt: skip
    points, triangles, first = [], [], 0
    for name in shown:
        own = worn[name].points(anchors)
        if name == "hair":
            own = _combed(own, traits)
        elif name == "brows":
            own = _shaped(own, style, brow_rise)
        points.append(own)
        triangles.append(worn[name].triangles + np.int32(first))
        first += len(own)
    numbers = np.array([layers.index(name) for name in shown], np.int32)
    counts = [len(worn[name].triangles) for name in shown]
    gloss = {"hair": style.gloss * (0.12 * float(hair @ LUMA) + 0.01)}
    return Cards(
        points=np.concatenate(points).astype(np.float32),
        triangles=np.concatenate(triangles),
        places=np.concatenate([worn[name].places for name in shown]),
        layers=np.repeat(numbers, counts),
        pictures=pictures.stack,
        sizes=pictures.sizes,
        colours=np.array([colours[name] for name in layers], np.float32),
        opacities=np.array([opacities[name] for name in layers], np.float32),
        depths=np.array([_DEPTHS[name] for name in layers], np.float32),
        casts=np.array([name == "hair" for name in layers]),
        gloss=np.array([gloss.get(name, 0.0) for name in layers], np.float32),
        layer_of_points=np.repeat(numbers, [len(one) for one in points]),
    )


def hair_of(style: Hair, age: float) -> tuple[float, float]:
    """Luminance and warmth of somebody's hair: grey comes with the years."""
    grey = float(np.clip((age - 0.68) / 0.2, 0, 1))
    # Fair hair of the young is not grey.
    warmth = max(style.warmth, min(0.4, 4 * style.luminance))
    luminance = max(style.luminance, 0.25 * grey**2)
    return luminance, warmth * (1 - 0.85 * grey)


def _shaped(points: np.ndarray, style: Hair, rise: float) -> np.ndarray:
    """Brows where and how a face has them."""
    along = (np.abs(points[:, 0]) - 1.3) / 4.6
    points = points.copy()
    points[:, 1] += (
        rise
        + 0.12 * (1 - np.clip(along, 0, 1))
        + (style.brow_height + 0.23)
        + style.brow_arch * np.sin(np.pi * np.clip(along, 0, 1))
        + style.brow_tilt * (2 * along - 1)
    )
    points[:, 0] += np.sign(points[:, 0]) * style.brow_spacing
    return points


def _combed(points: np.ndarray, traits) -> np.ndarray:
    """Hair with its fringe out of the eyes, and parted on either side."""
    if traits.hair in _FRINGED:
        points = points.copy()
        ahead = np.clip((points[:, 2] - 5.5) / 2.0, 0, 1)
        middle = np.clip((6.4 - np.abs(points[:, 0])) / 1.6, 0, 1)
        points[:, 1] += 0.88 * ahead * middle * np.maximum(0, 6.6 - points[:, 1])
    if traits.mirrored:
        points = points * np.float32([-1, 1, 1])
    return points
