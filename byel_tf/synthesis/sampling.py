"""Draws the description of a random face.

Age, sex-linked shape and skin tone are drawn independently of each other, of the
expression and of the domain, so that no label can be read off the kind of person.
"""

from __future__ import annotations

import zlib

import numpy as np

from byel_tf.synthesis.action_units import ACTION_UNITS, sample_action_units
from byel_tf.synthesis.domains import Domain, Range
from byel_tf.synthesis.face import (
    Accessories,
    Background,
    Camera,
    Colour,
    Face,
    Hair,
    Identity,
    Light,
    Pose,
    Processing,
    Skin,
)

# Cheek colours from the lightest to the darkest skin, evenly spaced along `tone`.
SKIN_TONES: tuple[Colour, ...] = (
    (0.96, 0.83, 0.76),
    (0.91, 0.75, 0.64),
    (0.84, 0.66, 0.52),
    (0.74, 0.55, 0.40),
    (0.60, 0.43, 0.31),
    (0.46, 0.32, 0.23),
    (0.34, 0.23, 0.17),
)
HAIR_COLOURS: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06),
    (0.16, 0.10, 0.07),
    (0.30, 0.19, 0.11),
    (0.46, 0.31, 0.17),
    (0.72, 0.56, 0.33),
    (0.50, 0.22, 0.10),
)
IRIS_COLOURS: tuple[Colour, ...] = (
    (0.16, 0.09, 0.05),
    (0.28, 0.16, 0.08),
    (0.36, 0.32, 0.16),
    (0.30, 0.42, 0.55),
    (0.40, 0.46, 0.44),
)
GREY_HAIR: Colour = (0.72, 0.71, 0.69)
NEARLY_BLACK: Colour = (0.06, 0.05, 0.05)


class _Draws:
    """Plain-Python draws, so that a face holds nothing but JSON types."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self.generator.uniform())

    def within(self, bounds: Range) -> float:
        return self.between(*bounds)

    def normal(self, mean: float, deviation: float, reach: float = 2.2) -> float:
        """A normal draw cut off at `reach` deviations: no monsters."""
        draw = float(self.generator.standard_normal())
        return mean + deviation * min(max(draw, -reach), reach)

    def chance(self, probability: float) -> bool:
        return float(self.generator.uniform()) < probability

    def choice(self, options: tuple) -> object:
        return options[int(self.generator.uniform() * len(options))]

    def seed(self) -> int:
        return int(self.generator.integers(2**31))

    def colour(self, low: float = 0.0, high: float = 1.0) -> Colour:
        return (
            self.between(low, high),
            self.between(low, high),
            self.between(low, high),
        )

    def tint(self, deviation: float) -> Colour:
        """White shifted between warm and cold, and a little towards green."""
        warmth = self.between(-deviation, deviation)
        return (1 + warmth, 1 + self.between(-0.3, 0.3) * deviation, 1 - warmth)


def sample_face(seed: int, index: int, expression: str, domain: Domain) -> Face:
    """Draws one face; the arguments alone decide it, never the order of calls.

    Args:
        seed: The data set's seed, not negative.
        index: The face's number in the data set, not negative.
        expression: A key of `action_units.PROTOTYPES`.
        domain: Ranges to draw from; its name is part of the seed, so that two
            domains don't show the same people.

    Returns:
        The face's description, labelled with `expression`.

    Raises:
        ValueError: If the expression is unknown, or `seed` or `index` negative.
    """
    if seed < 0 or index < 0:
        raise ValueError(
            "Seed and index must not be negative. "
            f"Received: seed={seed!r}, index={index!r}"
        )
    # A checksum, because Python's `hash` of a string differs between processes.
    words = [zlib.crc32(text.encode()) for text in (expression, domain.name)]
    sequence = np.random.SeedSequence([seed, index, *words])
    generator = np.random.Generator(np.random.Philox(sequence))
    units = sample_action_units(expression, generator)
    draws = _Draws(generator)

    strength = draws.within(domain.intensity)
    for name in ACTION_UNITS:
        # Cubed: a trace of most other units, a noticeable amount of few.
        incidental = domain.incidental * draws.between(0, 1) ** 3
        units[name] = min(1.0, max(strength * units[name], incidental))

    age = draws.between(0, 1)
    masculinity = draws.between(0, 1)
    tone = draws.between(0, 1)
    skin = _skin(draws, tone, age, domain)
    return Face(
        expression=expression,
        action_units=units,
        upper_asymmetry=draws.normal(0, domain.asymmetry),
        lower_asymmetry=draws.normal(0, domain.asymmetry),
        identity=_identity(draws, age, masculinity, tone),
        skin=skin,
        hair=_hair(draws, age, masculinity, tone),
        accessories=_accessories(draws, domain),
        pose=Pose(
            yaw=draws.normal(0, domain.yaw),
            pitch=draws.normal(0, domain.pitch),
            roll=draws.normal(0, domain.roll),
            gaze_x=draws.normal(0, domain.gaze),
            gaze_y=draws.normal(0, 0.5 * domain.gaze),
        ),
        camera=Camera(
            zoom=draws.within(domain.zoom),
            offset_x=draws.normal(0, domain.offset),
            offset_y=draws.normal(0, domain.offset),
            lens=draws.within(domain.lens),
        ),
        light=_light(draws, domain),
        background=Background(
            kind=draws.choice(domain.backgrounds),
            first_colour=_muted(draws, domain.background_colour),
            second_colour=_muted(draws, domain.background_colour),
            angle=draws.between(0, 360),
            seed=draws.seed(),
        ),
        processing=_processing(draws, domain),
    )


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def _muted(draws: _Draws, saturation: float) -> Colour:
    grey = draws.between(0.1, 0.9)
    return _mix((grey, grey, grey), draws.colour(0.05, 0.95), saturation)


def _skin(draws: _Draws, tone: float, age: float, domain: Domain) -> Skin:
    position = tone * (len(SKIN_TONES) - 1)
    lower = min(int(position), len(SKIN_TONES) - 2)
    colour = _mix(SKIN_TONES[lower], SKIN_TONES[lower + 1], position - lower)
    undertone = draws.between(-0.03, 0.03)
    red, green, blue = colour
    colour = (red, green - 0.3 * undertone, max(0.05, blue - undertone))
    # Lips: redder and darker than the skin around them, painted on some.
    lips = (colour[0] * 0.86, colour[1] * 0.66, colour[2] * 0.68)
    painted = (draws.between(0.5, 0.8), draws.between(0.08, 0.25), 0.22)
    share = draws.between(0.3, 0.8) if draws.chance(0.2) else draws.between(0, 0.15)
    return Skin(
        tone=tone,
        colour=colour,
        lip_colour=_mix(lips, painted, share),
        redness=draws.between(0, 1) * (1 - 0.7 * tone),
        mottling=draws.within(domain.mottling) * (0.6 + 0.8 * age),
        freckles=draws.between(0.2, 1) if draws.chance(0.12 * (1 - tone)) else 0.0,
        shine=draws.within(domain.shine),
        texture_seed=draws.seed(),
    )


def _identity(draws: _Draws, age: float, masculinity: float, tone: float) -> Identity:
    child = max(0.0, 1 - age / 0.15)
    # Dark irises are common everywhere; light ones only with light skin.
    iris = IRIS_COLOURS[: 5 if tone < 0.4 else 2]
    return Identity(
        age=age,
        face_width=draws.normal(0.83, 0.045) + 0.04 * child,
        chin=draws.normal(0.99, 0.045) + 0.05 * (masculinity - 0.5) - 0.06 * child,
        jaw=draws.normal(2.1, 0.22) + 0.5 * (masculinity - 0.5),
        eye_spacing=draws.normal(0.385, 0.018),
        eye_line=draws.normal(-0.42, 0.02) + 0.05 * child,
        eye_width=draws.normal(0.205, 0.013),
        eye_opening=draws.normal(0.094, 0.01) * (1 + 0.25 * child - 0.15 * age),
        eye_tilt=draws.normal(0.05, 0.06),
        lid_crease=draws.between(0, 1),
        iris_colour=draws.choice(iris),
        brow_gap=draws.normal(0.255, 0.022) - 0.03 * (masculinity - 0.5),
        brow_thickness=draws.normal(0.04, 0.008) + 0.02 * (masculinity - 0.5),
        brow_arch=draws.normal(0.035, 0.012),
        brow_tilt=draws.normal(0.015, 0.02),
        nose_base=draws.normal(0.14, 0.03) - 0.05 * child,
        nose_width=draws.normal(0.175, 0.022),
        nose_bridge=draws.between(0.3, 1) * (1 - 0.4 * child),
        mouth_line=draws.normal(0.45, 0.022) - 0.03 * child,
        mouth_width=draws.normal(0.31, 0.025),
        upper_lip=draws.normal(0.065, 0.014) * (1 - 0.3 * age),
        lower_lip=draws.normal(0.092, 0.016) * (1 - 0.2 * age),
        cheek_fullness=draws.between(0.2, 1) * (1 - 0.3 * age) + 0.2 * child,
        ear_size=draws.normal(0.27, 0.03) + 0.03 * age,
    )


def _hair(draws: _Draws, age: float, masculinity: float, tone: float) -> Hair:
    # Fair and red hair only with light skin; dye is left out.
    colours = HAIR_COLOURS[: 6 if tone < 0.35 else 3 if tone < 0.6 else 2]
    colour = _mix(draws.choice(colours), NEARLY_BLACK, draws.between(0, 0.4))
    grey = min(1.0, max(0.0, (age - 0.55) * 2.2 + draws.normal(0, 0.2)))
    brow = _mix(colour, NEARLY_BLACK, draws.between(0.1, 0.7))
    bearded = draws.chance(0.5) and age > 0.2 and masculinity > 0.5
    beard = draws.between(0.1, 0.85) if bearded else 0.0
    bald = masculinity > 0.5 and draws.chance(0.35 * age)
    long = draws.chance(0.8 - 0.7 * masculinity)
    hairline = draws.normal(-1.04, 0.06) - 0.12 * age * masculinity
    return Hair(
        colour=_mix(colour, GREY_HAIR, 0.9 * grey),
        brow_colour=_mix(brow, GREY_HAIR, 0.45 * grey),
        brow_density=draws.between(0.65, 1.0),
        hairline=-2.0 if bald else hairline,
        volume=draws.between(0.05, 0.3) + 0.1 * long,
        length=draws.between(0.1, 1.6) if long else draws.between(-0.7, -0.3),
        parting=draws.normal(0, 0.3),
        fringe=draws.between(0.05, 0.25) if draws.chance(0.4) else 0.0,
        beard=beard,
        moustache=beard if draws.chance(0.7) else 0.0,
    )


def _accessories(draws: _Draws, domain: Domain) -> Accessories:
    glasses = "none"
    if draws.chance(domain.glasses_probability):
        glasses = draws.choice(("rim", "dark"))
    headwear = "none"
    if draws.chance(domain.headwear_probability):
        headwear = draws.choice(("scarf", "cap"))
    occluded = draws.chance(domain.occlusion_probability)
    return Accessories(
        glasses=glasses,
        glasses_colour=draws.colour(0.05, 0.4),
        headwear=headwear,
        headwear_colour=draws.colour(0.1, 0.9),
        clothes_colour=draws.colour(0.05, 0.9),
        occluder_size=draws.between(0.3, 0.6) if occluded else 0.0,
        occluder_angle=draws.between(0, 360),
        occluder_colour=draws.colour(0.1, 0.9),
    )


def _light(draws: _Draws, domain: Domain) -> Light:
    side = 1.0 if draws.chance(0.5) else -1.0
    return Light(
        azimuth=side * draws.within(domain.light_azimuth),
        elevation=draws.within(domain.light_elevation),
        strength=draws.within(domain.key),
        colour=draws.tint(domain.light_tint),
        ambient=draws.within(domain.ambient),
        ambient_colour=draws.tint(domain.light_tint),
        softness=draws.within(domain.softness),
        rim=draws.between(0.3, 1) if draws.chance(domain.rim_probability) else 0.0,
    )


def _processing(draws: _Draws, domain: Domain) -> Processing:
    cast = domain.cast
    saturation = draws.within(domain.saturation)
    if draws.chance(domain.grey_probability):
        saturation = 0.0
    quality = round(draws.within(domain.jpeg_quality))
    return Processing(
        exposure=draws.within(domain.exposure),
        blur=draws.within(domain.blur),
        contrast=draws.within(domain.contrast),
        saturation=saturation,
        cast=draws.colour(1 - cast, 1 + cast),
        vignette=draws.within(domain.vignette),
        noise=draws.within(domain.noise),
        noise_seed=draws.seed(),
        resolution=draws.within(domain.resolution),
        jpeg_quality=quality if draws.chance(domain.jpeg_probability) else 0,
    )
