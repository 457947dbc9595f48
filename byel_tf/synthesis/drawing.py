"""Draws a face: background, head, features, light, camera.

A simple drawing that a later 3-D renderer replaces; what stays is the interface, a
`Face` and a size in, pixels out.
"""

from __future__ import annotations

import math

import numpy as np

from byel_tf.synthesis import lower_face, upper_face
from byel_tf.synthesis.face import Background, Face
from byel_tf.synthesis.image_processing import gaussian_blur, process_image
from byel_tf.synthesis.surface import HeadSurface, bump, cloud, linear, smooth

MINIMUM_SIZE = 16
MAXIMUM_SIZE = 512
# Smaller pictures are drawn at a multiple of their size, so that thin lines survive.
MINIMUM_CANVAS = 48


def draw(face: Face, size: int) -> np.ndarray:
    """Draws a face.

    Args:
        face: What to draw.
        size: Side of the picture in pixels, 16 to 512.

    Returns:
        uint8 [size, size, 3], sRGB. The same face and size give the same bytes.

    Raises:
        ValueError: If the size is out of range.
    """
    if not MINIMUM_SIZE <= size <= MAXIMUM_SIZE:
        raise ValueError(
            f"A picture's size must lie in [{MINIMUM_SIZE}, {MAXIMUM_SIZE}]. "
            f"Received: size={size!r}"
        )
    canvas = size * max(1, math.ceil(MINIMUM_CANVAS / size))
    surface = HeadSurface(face, canvas)
    _paint_behind(surface, face)
    outline = _paint_skin(surface, face)
    for side in lower_face.SIDES:
        lower_face.paint_cheek(surface, face, side)
        upper_face.paint_forehead(surface, face, side)
    lower_face.paint_chin(surface, face)
    _paint_beard(surface, face, outline)
    lower_face.paint_mouth(surface, face)
    lower_face.paint_nose(surface, face)
    for side in lower_face.SIDES:
        upper_face.paint_eye(surface, face, side)
        upper_face.paint_brow(surface, face, side)
    _paint_glasses(surface, face)
    _paint_scalp(surface, face, outline)

    lit = surface.paint * _light(surface, face)
    image = _background(face.background, canvas)
    image += (lit - image) * surface.coverage
    _occlude(image, face, canvas)
    return process_image(image, face.processing, size)


def _skull(surface: HeadSurface, face: Face, margin: float) -> np.ndarray:
    """Distance inside the skull's outline above the ears, widened by `margin`."""
    width, height = face.identity.face_width + margin, 1.42 + margin
    r = np.sqrt((surface.u / width) ** 2 + ((surface.v + 0.08) / height) ** 2)
    return (1 - r) * width


def _paint_behind(surface: HeadSurface, face: Face) -> None:
    """What the face hides: shoulders, neck, hanging hair, ears."""
    identity, hair = face.identity, face.hair
    u, v = surface.u, surface.v
    across = np.abs(u)
    skin = linear(face.skin.colour)
    shoulders = v - 1.12 - 0.1 * across + 0.45 * np.clip(across - 0.4, 0, 0.3)
    clothes = linear(face.accessories.clothes_colour)
    neck = surface.inside(0.6 * identity.face_width - across) * surface.inside(v - 0.4)
    strands = linear(hair.colour) * (0.85 + 0.15 * np.sin(70 * u + 4 * v))
    covered = face.accessories.headwear == "scarf"
    if covered:
        strands = linear(face.accessories.headwear_colour)
    length = 1.6 if covered else hair.length
    if hair.hairline > -1.6 or covered:
        volume = 0.16 if covered else hair.volume
        hanging = across - identity.face_width - volume
        hanging = np.maximum(
            _skull(surface, face, volume), np.minimum(-hanging, v + 0.08)
        )
        hanging = np.minimum(hanging, length - v)
        surface.add(strands, surface.inside(hanging))
    surface.add(skin * 0.55, neck)
    surface.add(clothes, surface.inside(shoulders))
    if covered:
        surface.add(strands * 0.8, surface.inside(v - 0.9))
        return
    ear_v = v - identity.eye_line - 0.22
    ear = 1 - np.sqrt(
        ((across - identity.face_width) / 0.11) ** 2 + (ear_v / identity.ear_size) ** 2
    )
    visible = surface.inside(0.11 * ear)
    if hair.length > 0 and hair.hairline > -1.6:
        visible = visible * surface.inside(v - hair.length)
    surface.add(skin * 0.9, visible)
    surface.darken(0.35 * visible * smooth(ear, 0.35, 0.7))


def _paint_skin(surface: HeadSurface, face: Face) -> np.ndarray:
    """The face's skin; returns its coverage."""
    identity, skin = face.identity, face.skin
    u, v = surface.u, surface.v
    au = face.intensities(1)
    chin = identity.chin + lower_face.jaw_drop(au)
    widest = -0.15
    below = np.clip((v - widest) / (chin - widest), 0, None)
    stretch = np.where(v < widest, 0, below)
    r = np.sqrt((u / identity.face_width) ** 2 + stretch**identity.jaw)
    jaw = (1 - r) * identity.face_width
    outline = surface.inside(np.where(v < widest, _skull(surface, face, 0.0), jaw))

    side = len(v)
    pigment = cloud(skin.texture_seed, side, 7) + 0.7 * cloud(
        skin.texture_seed + 1, side, 23
    )
    flush = bump(np.abs(u) - 0.5, v - 0.12, 0.25, 0.2) + 0.8 * bump(
        surface.nose_u, surface.nose_v - identity.nose_base + 0.06, 0.15, 0.12
    )
    colour = linear(skin.colour) * (1 + 2 * skin.mottling * pigment)
    colour[0] *= 1 + 0.10 * skin.redness * flush
    colour[1:] *= 1 - 0.22 * skin.redness * flush
    if skin.freckles > 0:
        spots = smooth(cloud(skin.texture_seed + 2, side, 48), 0.45, 0.8)
        where = bump(np.abs(u) - 0.35, v, 0.35, 0.25)
        colour = colour * (1 - 0.45 * skin.freckles * spots * where)
    # The sides fall away from the light and from the eye.
    colour = colour * (0.72 + 0.28 * smooth(1 - r, 0, 0.3))
    surface.add(np.maximum(colour, 0), outline)
    return outline


def _paint_beard(surface: HeadSurface, face: Face, outline: np.ndarray) -> None:
    """Stubble to full beard, and a moustache."""
    hair, identity = face.hair, face.identity
    if hair.beard <= 0:
        return
    u, v = np.abs(surface.u), surface.v
    colour = linear(hair.colour)
    cheek_line = 0.52 - 0.55 * np.clip(u - 0.25, 0, None)
    beard = smooth(v - cheek_line, -0.04, 0.12) * outline
    grain = 0.9 + 0.1 * cloud(face.skin.texture_seed + 3, len(v), 40)
    corner = lower_face.mouth_corner(face, 1)[1]
    top = identity.nose_base + 0.05
    strip = smooth(v, top, top + 0.06) * (1 - smooth(v, corner, corner + 0.1))
    strip = strip * (1 - smooth(u + 0.4 * (corner - v), 0.3, 0.42))
    surface.put(colour, np.maximum(hair.beard * beard, hair.moustache * strip) * grain)


def _paint_scalp(surface: HeadSurface, face: Face, outline: np.ndarray) -> None:
    """Hair or headwear in front of the forehead and temples."""
    hair, identity, worn = face.hair, face.identity, face.accessories
    u, v = surface.u, surface.v
    across = np.abs(u) / identity.face_width
    if worn.headwear == "none" and hair.hairline < -1.6:
        return
    parted = np.minimum(np.abs(u - hair.parting), 0.5)
    hairline = hair.hairline + hair.fringe * (0.4 + parted)
    hairline = hairline + 0.62 * smooth(across, 0.45, 1.05)
    colour = linear(hair.colour) * (
        0.9 + 0.15 * np.sin(45 * (u - hair.parting) + 9 * v)
    )
    margin = hair.volume
    if worn.headwear == "scarf":
        opening = 1 - np.sqrt((across / 0.93) ** 2 + (v / 1.06) ** 2)
        hairline = v - np.where(opening > 0, opening, 9 * opening)
        margin, colour = 0.16, linear(worn.headwear_colour)
    elif worn.headwear == "cap":
        hairline = -0.93 - 0.1 * across**2
        margin, colour = 0.08, linear(worn.headwear_colour)
    skull = np.maximum(surface.inside(_skull(surface, face, margin)), outline)
    front = surface.inside(hairline - v) * skull
    # A soft shadow under the edge sets the hair off from the forehead.
    surface.darken(0.3 * outline * smooth(hairline + 0.07 - v, 0, 0.07) * (1 - front))
    surface.add(colour, front)


def _paint_glasses(surface: HeadSurface, face: Face) -> None:
    """Two rounded frames, a bridge and the bows."""
    worn, identity = face.accessories, face.identity
    if worn.glasses == "none":
        return
    half = 0.014 if worn.glasses == "rim" else 0.028
    across = np.abs(surface.u)
    x, y = across - identity.eye_spacing, surface.v - identity.eye_line - 0.02
    r = ((x / 0.3) ** 4 + (y / 0.21) ** 4) ** 0.25
    frame = surface.line((1 - r) * 0.24, half)
    bridge = surface.line(y + 0.03, half) * surface.inside(
        identity.eye_spacing - 0.29 - across
    )
    bows = surface.line(y + 0.04, half) * surface.inside(
        across - identity.eye_spacing - 0.29
    )
    bows = bows * surface.inside(identity.face_width + 0.03 - across)
    frame = np.maximum(frame, np.maximum(bridge, bows))
    surface.put(linear(worn.glasses_colour), 0.9 * frame)
    surface.paint += 0.03 * surface.inside(0.05 * (1 - r))


def _light(surface: HeadSurface, face: Face) -> np.ndarray:
    """Light that each pixel of the person gets, [3, n, n]."""
    light = face.light
    slope_y, slope_x = np.gradient(surface.relief, surface.pixel)
    nx, ny, nz = surface.normal
    nx, ny = nx - slope_x, ny - slope_y
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    azimuth, elevation = math.radians(light.azimuth), math.radians(light.elevation)
    to_light = (
        math.sin(azimuth) * math.cos(elevation),
        -math.sin(elevation),
        math.cos(azimuth) * math.cos(elevation),
    )
    facing = (nx * to_light[0] + ny * to_light[1] + nz * to_light[2]) / length
    wrap = light.softness
    key = light.strength * np.maximum((facing + wrap) / (1 + wrap), 0)
    # Hollows see less of the sky: a cheap ambient occlusion from the relief.
    occlusion = 1 + 2.5 * np.minimum(surface.relief, 0)
    ambient = light.ambient * np.clip(occlusion, 0.5, 1) * (0.8 + 0.2 * nz / length)
    shade = key * np.array(light.colour).reshape(3, 1, 1) + ambient * np.array(
        light.ambient_colour
    ).reshape(3, 1, 1)
    if face.skin.shine > 0:
        # Blinn's highlight, with the viewer along the camera's axis.
        half = math.sqrt(2 + 2 * to_light[2])
        glint = (nx * to_light[0] + ny * to_light[1] + nz * (1 + to_light[2])) / (
            half * length
        )
        shade = (
            shade + 0.7 * face.skin.shine * light.strength * np.maximum(glint, 0) ** 24
        )
    if light.rim > 0:
        shade = shade + light.rim * np.clip(1 - nz / length, 0, 1) ** 2
    return shade


def _background(background: Background, side: int) -> np.ndarray:
    """The picture without a person, linear light [3, side, side]."""
    first, second = linear(background.first_colour), linear(background.second_colour)
    grid = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = grid[None, :], grid[:, None]
    angle = math.radians(background.angle)
    along = x * math.cos(angle) + y * math.sin(angle)
    if background.kind == "plain":
        share = np.zeros((side, side))
    elif background.kind == "gradient":
        share = 0.5 + 0.45 * along
    elif background.kind == "panels":
        share = 0.5 + 0.5 * np.clip(8 * np.sin(5 * along), -1, 1)
    elif background.kind == "lights":
        share = smooth(cloud(background.seed, side, 9), 0.2, 0.6)
    elif background.kind == "clutter":
        coarse = cloud(background.seed, side, 5)
        share = 0.5 + 0.5 * np.sign(coarse) * smooth(np.abs(coarse), 0, 0.1)
        share = gaussian_blur(
            share * (0.8 + 0.2 * cloud(background.seed + 1, side, 25)), side / 100
        )
    else:
        raise ValueError(f"Unknown background. Received: kind={background.kind!r}")
    return first + (second - first) * share


def _occlude(image: np.ndarray, face: Face, side: int) -> None:
    """Puts a disc, entering from the border, in front of everything."""
    worn = face.accessories
    if worn.occluder_size <= 0:
        return
    grid = (np.arange(side) + 0.5) / side * 2 - 1
    angle = math.radians(worn.occluder_angle)
    x = grid[None, :] - 1.1 * math.cos(angle)
    y = grid[:, None] - 1.1 * math.sin(angle)
    distance = worn.occluder_size - np.sqrt(x * x + y * y)
    inside = np.clip(distance * side / 2 + 0.5, 0, 1)
    shade = 0.5 + 0.4 * np.sqrt(np.clip(distance / worn.occluder_size, 0, 1))
    image += (linear(worn.occluder_colour) * shade - image) * inside
