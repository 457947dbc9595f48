"""The colours of a head's surface: skin, hair, eyes, mouth and clothes, by vertex.

All colours are linear RGB reflectances.
"""

from __future__ import annotations

import colorsys
import dataclasses

import numpy as np

from byel_tf.synthesis.anatomy import Anatomy, smooth_step
from byel_tf.synthesis.colours import LUMA, hair_colour, skin_colour
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import (
    EYE_SOCKET,
    GUMS,
    LASHES,
    LEFT_EYE,
    MOUTH_SOCKET,
    RIGHT_EYE,
    TEETH,
)

# What a stain of strength 1 takes from red, green and blue, as a logarithm.
_STAIN_COLOURS = {
    "cheeks": (0.08, 0.55, 0.45),
    "under_eyes": (1.15, 1.25, 1.1),
    "sockets": (1.05, 1.2, 1.2),
    "inner_sockets": (1.05, 1.2, 1.2),
    "eye_shadow": (1.1, 1.2, 0.9),
    "sides": (1.05, 1.15, 1.2),
    "nostrils": (1.0, 1.1, 1.1),
    "eye_rims": (1.0, 1.05, 1.05),
    "upper_lip": (1.0, 1.05, 1.05),
}
_EYE_SHARPNESS = 90.0


@dataclasses.dataclass(frozen=True)
class Surface:
    """What a head's vertices look like.

    Attributes:
        albedo: Linear RGB, float32 [V, 3].
        gloss: Strength of highlights, float32 [V].
        sharpness: Their exponent, float32 [V].
        thickness: Hair or cloth on the skin, cm, float32 [n_skin].
    """

    albedo: np.ndarray
    gloss: np.ndarray
    sharpness: np.ndarray
    thickness: np.ndarray


def paint(anatomy: Anatomy, face: Face) -> Surface:
    """Colours every vertex of a head as a face describes it."""
    generator = np.random.default_rng((face.texture_seed, 0))
    head = anatomy.head
    albedo = np.zeros((len(head.vertices), 3), np.float32)
    gloss = np.zeros(len(head.vertices), np.float32)
    sharpness = np.full(
        len(head.vertices), face.surroundings.highlight_sharpness, np.float32
    )
    noise = {
        name: generator.standard_normal(len(bank), np.float32) @ bank
        for name, bank in anatomy.noise.items()
    }
    tone = skin_colour(face.skin.melanin, face.skin.redness)
    hair = hair_colour(face.hair.luminance, face.hair.warmth)
    skin = _paint_skin(anatomy, face, tone, noise)
    _paint_brows_and_beard(anatomy, face, skin, tone, hair, noise["fine"])
    shine = face.skin.shine * np.ones(anatomy.skin.stop, np.float32)
    shine[anatomy.face] *= 1 + 0.8 * anatomy.shiny
    shine[anatomy.face] += face.skin.lip_shine * anatomy.lips
    thickness = _paint_clothes_and_hair(anatomy, face, skin, shine, hair, noise)
    albedo[anatomy.skin] = skin
    gloss[anatomy.skin] = shine
    _paint_mouth(anatomy, albedo, gloss, tone, generator)
    _paint_eyes(anatomy, face, albedo, gloss, sharpness, tone)
    return Surface(albedo, gloss, sharpness, thickness)


def _paint_skin(anatomy, face, tone, noise) -> np.ndarray:
    skin, eyes = face.skin, face.eyes
    strengths = {
        "cheeks": skin.cheeks,
        "under_eyes": skin.under_eyes,
        "sockets": skin.sockets,
        "inner_sockets": skin.inner_sockets,
        "eye_shadow": eyes.shadow,
        "sides": skin.sides,
        "nostrils": -np.log1p(-min(0.95, skin.nostrils)),
        "eye_rims": -np.log1p(-min(0.95, eyes.liner)),
        "lips": skin.lips,
        "upper_lip": skin.upper_lip,
    }
    red = skin.lip_redness
    colours = {**_STAIN_COLOURS, "lips": (0.75 - 0.6 * red, 0.95, 0.85 - 0.15 * red)}
    taken = np.array(
        [np.multiply(strengths[name], colours[name]) for name in anatomy.stain_names],
        np.float32,
    )
    log_albedo = np.empty((3, anatomy.skin.stop), np.float32)
    pigment = 0.035 * noise["broad"] + 0.02 * noise["medium"] + 0.008 * noise["fine"]
    pigment *= skin.mottling
    log_albedo[:] = pigment
    log_albedo[1:] -= 0.02 * skin.mottling * noise["medium"][::-1]  # uneven blood
    log_albedo[:, anatomy.face] -= taken.T @ anatomy.stains
    if skin.freckles > 0:
        spots = np.clip(2 * (noise["fine"] - 1.3), 0, 1) * skin.freckles
        log_albedo -= spots * np.array([[0.35], [0.6], [0.8]], np.float32)
    return np.ascontiguousarray((np.exp(log_albedo) * tone[:, None]).T)


def _paint_brows_and_beard(anatomy, face, skin, tone, hair, fine) -> None:
    style = face.hair
    near = np.flatnonzero(np.abs(anatomy.brow_above) < 2.0)
    along = anatomy.brow_along[near] - style.brow_spacing / 4.6
    middle = style.brow_height + style.brow_arch * np.sin(np.pi * np.clip(along, 0, 1))
    middle = middle + style.brow_tilt * (2 * along - 1)
    # Thinning to the outer end, beginning abruptly at the inner one.
    end = np.clip(along, 0, 1.2)
    half = style.brow_thickness * (1 - 0.75 * end**1.5) * np.clip(8 * along + 0.6, 0, 1)
    distance = np.abs(anatomy.brow_above[near] - middle)
    cover = np.clip(1.3 - distance / np.maximum(half, 1e-3), 0, 1) * (half > 0.02)
    cover *= style.brow_opacity * np.clip(1 + 0.35 * fine[near], 0, 1.2)
    # Never lighter than the skin: fair brows show as shade.
    colour = np.minimum(hair * style.brow_darkness, 0.6 * tone)
    _cover(skin, near, np.clip(cover, 0, 1), colour)
    if style.beard != "none":
        cover = anatomy.beards[style.beard] * style.beard_opacity
        cover = cover * np.clip(1 + 0.12 * fine[anatomy.face], 0, 1.1)
        if style.beard == "stubble":
            cover *= 0.45
        near = np.flatnonzero(cover > 0.01)
        _cover(skin, near, np.clip(cover[near], 0, 1), np.minimum(hair, 0.6 * tone))


def _cover(surface, indices, share, colour) -> None:
    """Blends a colour over some vertices in place."""
    share = share[:, None].astype(np.float32)
    surface[indices] += share * (colour - surface[indices])


def _paint_clothes_and_hair(anatomy, face, skin, shine, hair, noise) -> np.ndarray:
    """Paints scalp and neck; returns the thickness of what covers the skin."""
    rest = anatomy.head.vertices[anatomy.skin]
    x, y, z = rest[:, 0], rest[:, 1], rest[:, 2]
    eyes = anatomy.eye_centres[:, 1].mean()
    worn = face.accessories
    thickness = np.zeros(len(rest), np.float32)
    rough = 0.3 * noise["broad"] + 0.25 * noise["medium"] + 0.15 * noise["fine"]

    style = face.hair
    if style.cover > 0:
        hairline = eyes + style.fringe - style.curve * x**2 + style.parting * x
        top = smooth_step(y - hairline + 0.8 * rough, -0.35, 0.35)
        side = smooth_step(style.side_depth - z + 0.8 * rough, -0.5, 0.6)
        side *= smooth_step(y - eyes - style.side_end, -0.5, 1.0)
        side *= (y > eyes - 17.4) | (np.abs(x) < 9)
        if style.shows_ears and style.side_end > -9:
            ears = (np.abs(x) > 7) & (z < 3.5) & (z > -1.5)
            side *= 1 - 0.97 * (ears & (y > eyes - 5.4) & (y < eyes + 1.8))
        cover = np.maximum(top, side) * style.cover
        strands = np.exp(0.35 * noise["fine"] + 0.2 * noise["medium"])[:, None] * hair
        share = cover[:, None].astype(np.float32)
        skin += share * (strands - skin)
        longer = np.where(y < eyes - 3.4, 1.2, 1.0)
        thickness = cover * style.volume * np.maximum(0.2, 1 + 0.5 * rough) * longer
        shine *= 1 - cover
        shine += cover * style.luminance * style.gloss

    begin, full = anatomy.head.collar
    neck = smooth_step(-y, begin - eyes + 0.6 * rough, full - eyes)
    if worn.head_cover != "none":
        if worn.head_cover in ("cap", "visor", "hat"):
            edge = face.headwear.edge
            cloth = smooth_step(y - eyes - edge - 0.05 * np.abs(x), -0.3, 0.3)
            cloth = np.maximum(cloth, smooth_step(-z, 3.0, 4.0) * (y > eyes + 1.0))
        else:
            around = np.hypot(x / 6.9, (y - eyes + 2.7) / 9.2)
            cloth = np.maximum(smooth_step(around, 0.96, 1.04), z < 3.0)
        red, green, blue = colorsys.hsv_to_rgb(
            worn.cover_hue, worn.cover_saturation, 1.0
        )
        colour = worn.cover_luminance * np.array([red, green, blue], np.float32)
        folds = np.exp(0.12 * noise["medium"])[:, None] * colour
        share = cloth[:, None].astype(np.float32)
        skin += share * (folds - skin)
        thickness = thickness * (1 - cloth) + cloth * (0.7 + 0.2 * rough)
        shine *= 1 - cloth
    # The colour of the clothes: any, of one luminance.
    tint = np.exp(0.35 * np.array([noise["broad"][0], 0, noise["broad"][-1]]))
    colour = (worn.clothes_luminance * tint / (tint @ LUMA)).astype(np.float32)
    neck = neck[:, None].astype(np.float32)
    skin += neck * (np.minimum(colour, 0.9) - skin)
    shine *= 1 - neck[:, 0]
    return np.asarray(thickness, np.float32)


def _paint_mouth(anatomy, albedo, gloss, tone, generator) -> None:
    rest, lips = (
        anatomy.head.vertices,
        anatomy.head.vertices[anatomy.head.landmarks[62]],
    )
    level = float(tone @ LUMA)

    def fall(region, length):
        """Light that is left at a depth behind the lips."""
        depth = np.clip(lips[2] - 0.8 - rest[anatomy.parts[region], 2], 0, 9)
        return np.exp(-depth / length)[:, None].astype(np.float32)

    flesh = np.array([1.0, 0.42, 0.38], np.float32)
    dark, pink = generator.uniform(0.04, 0.15), generator.uniform(0.15, 0.5)
    white, length = generator.uniform(0.45, 0.9), generator.uniform(1.0, 3.0)
    dark *= anatomy.head.mouth_light
    albedo[anatomy.parts[MOUTH_SOCKET]] = level * dark * flesh * fall(MOUTH_SOCKET, 1.5)
    albedo[anatomy.parts[GUMS]] = level**0.5 * pink * flesh * fall(GUMS, length)
    ivory = white * np.array([1.0, 0.95, 0.85], np.float32)
    albedo[anatomy.parts[TEETH]] = ivory * fall(TEETH, max(1.2, length))
    gloss[anatomy.parts[TEETH]] = 0.1
    albedo[anatomy.parts[EYE_SOCKET]] = 0.5 * tone
    albedo[anatomy.parts[LASHES]] = 0.01


def _paint_eyes(anatomy, face, albedo, gloss, sharpness, tone) -> None:
    eyes = face.eyes
    white = eyes.sclera * (0.6 + 0.8 * float(tone @ LUMA))
    sclera = white * np.array(
        [1.0, 1 - 0.25 * eyes.redness, 1 - 0.25 * eyes.redness], np.float32
    )
    hue = np.exp(np.array([0.6, 0.0, -1.0]) * (0.6 - 1.4 * eyes.iris_hue))
    iris = eyes.iris_luminance * (hue / (hue @ LUMA)).astype(np.float32)
    for region, centre in ((RIGHT_EYE, 0), (LEFT_EYE, 1)):
        part = anatomy.parts[region]
        radius = anatomy.eye_radius[part][:, None]
        colour = sclera * (1 - 0.25 * smooth_step(radius, 0.7, 1.6))
        edge = eyes.iris_radius
        inside = smooth_step(radius, edge + 0.06, edge - 0.06)
        ring = iris * (1 - 0.4 * smooth_step(radius, edge - 0.12, edge))
        colour = colour + inside * (ring - colour)
        inside = smooth_step(radius, eyes.pupil_radius + 0.05, eyes.pupil_radius - 0.05)
        colour = colour + inside * (0.008 - colour)
        height = anatomy.head.vertices[part, 1] - anatomy.eye_centres[centre, 1]
        shade = 1 - eyes.lid_shade * smooth_step(height, 0.1, 0.65)
        albedo[part] = colour * shade[:, None]
        gloss[part] = eyes.shine * (radius[:, 0] < 0.75)
        sharpness[part] = _EYE_SHARPNESS
