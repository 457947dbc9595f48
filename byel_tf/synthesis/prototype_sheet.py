"""Every variant of every expression on one sheet, to be judged by eye."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byel_tf.synthesis.domain import Domain, Variant, sided
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face

_SIZE = 128
_CAPTION = 18


def prototype_sheet(
    domain: Domain,
    classes: Sequence[str],
    renderers: Sequence[Renderer],
    people: Sequence[int] = (0, 1, 2),
) -> np.ndarray:
    """Draws the middle of each variant's range on a few plain faces.

    Args:
        domain: Holds the expressions.
        classes: Which of them, one row each.
        renderers: They draw the faces in turn.
        people: Numbers of the persons.

    Returns:
        uint8 [height, width, 3], with captions.
    """
    widest = max(len(domain.expressions[name].variants) for name in classes)
    height, width = _SIZE + _CAPTION, _SIZE * len(people) + 4
    sheet = Image.new("RGB", (widest * width, len(classes) * height), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default()
    for row, name in enumerate(classes):
        for column, variant in enumerate(domain.expressions[name].variants):
            left, top = column * width, row * height
            pen.text((left + 2, top + 3), f"{name}: {variant.name}", "black", font)
            for place, person in enumerate(people):
                face = prototype(domain, name, variant, person)
                renderer = renderers[place % len(renderers)]
                picture = Image.fromarray(renderer.render_clean(face, _SIZE))
                sheet.paste(picture, (left + place * _SIZE, top + _CAPTION))
    return np.asarray(sheet)


def prototype(domain: Domain, expression: str, variant: Variant, person: int) -> Face:
    """A plain face with a variant of an expression, rather strong."""
    low, high = domain.expressions[expression].intensity
    intensity = 0.35 * low + 0.65 * high
    weights = {
        shape: intensity * (least + most) / 2
        for shape, (least, most) in sided(variant.units).items()
    }
    return plain_face(domain, expression, weights, person)


def plain_face(
    domain: Domain, expression: str, weights: dict[str, float], person: int
) -> Face:
    """A person of the domain, from the front in even light, with nothing worn."""
    index = person * domain.pictures_of_a_person
    face = sample_face(domain, expression, seed=0, index=index, action_units=weights)
    no_light = dataclasses.replace(face.rim_light, strength=0.0)
    return dataclasses.replace(
        face,
        shape=dataclasses.replace(face.shape, age=0.35),
        growth=dataclasses.replace(face.growth, youth=0.0),
        skin=dataclasses.replace(
            face.skin, melanin=(0.5, 1.3, 2.2)[person % 3], freckles=0.0, mottling=0.8
        ),
        eyes=dataclasses.replace(face.eyes, lashes=0.15, shadow=0.0, liner=0.5),
        hair=dataclasses.replace(
            face.hair,
            luminance=0.02,
            cover=1.0,
            fringe=6.8,
            beard="none",
            brow_height=-0.2,
            brow_opacity=0.9,
        ),
        strands=dataclasses.replace(face.strands, kind="none"),
        print=dataclasses.replace(face.print, kind="none"),
        pose=dataclasses.replace(face.pose, yaw=0.0, pitch=0.0, roll=0.0),
        camera=dataclasses.replace(
            face.camera, distance=110.0, side=2.4, offset_x=0.0, offset_y=0.0
        ),
        key_light=dataclasses.replace(
            face.key_light, azimuth=-25.0, elevation=30.0, strength=0.7, warmth=0.1
        ),
        fill_light=dataclasses.replace(
            face.fill_light, azimuth=40.0, elevation=10.0, strength=0.25, warmth=0.0
        ),
        rim_light=no_light,
        surroundings=dataclasses.replace(
            face.surroundings, ambient=0.4, warmth=0.0, shadow=0.6, occlusion=0.6
        ),
        accessories=dataclasses.replace(
            face.accessories, glasses="none", head_cover="none", hand="none"
        ),
        background=dataclasses.replace(face.background, kind="plain", luminance=0.75,
                                       colourfulness=0.0, grain=0.0),
        image=dataclasses.replace(face.image, exposure=0.22),
    )  # fmt: skip
