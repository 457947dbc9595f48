"""The ranges that two populations of pictures are drawn from.

`synthetic` is what a network is trained on. `shifted` stands in for real
photographs in tests and demonstrations, and is named so that nobody mistakes it for
them: the same people and expressions, seen through other lights, textures, poses
and cameras. Expressions, identities and skin tones have the same distribution in
both, so that the gap between them is one of appearance.
"""

from __future__ import annotations

import dataclasses

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Domain:
    """Ranges (low, high) are uniform, deviations normal, probabilities in [0, 1].

    Attributes:
        name: Key in `DOMAINS`; part of the seed.
        intensity: Range of the factor on all units of the expression.
        asymmetry: Standard deviation of both asymmetries.
        incidental: Highest intensity of units that don't belong to the expression.
        yaw: Standard deviation in degrees.
        pitch: Standard deviation in degrees.
        roll: Standard deviation in degrees.
        gaze: Standard deviation of the gaze, in half lid openings.
        zoom: Range of half crops to a face unit.
        offset: Standard deviation of the crop's error, in half crops.
        lens: Range of the radial magnification.
        light_azimuth: Range in degrees, to either side.
        light_elevation: Range in degrees.
        key: Range of the key light's strength.
        ambient: Range of the ambient light.
        light_tint: Largest deviation of a light's red and blue from white.
        softness: Range of the light's softness.
        rim_probability: How often a light shines from behind.
        mottling: Range of uneven pigment.
        shine: Range of the skin's highlight.
        backgrounds: Kinds of background, equally likely.
        background_colour: Share of a random colour in a grey one, 0 to 1.
        glasses_probability: How often glasses are worn.
        headwear_probability: How often a scarf or cap is worn.
        occlusion_probability: How often something is in the way.
        exposure: Range of the factor on linear light.
        contrast: Range of the factor on the distance to mid-grey.
        saturation: Range of the factor on colourfulness.
        grey_probability: How often the picture has no colour.
        cast: Largest deviation of a colour channel's gain from 1.
        vignette: Range of the corners' darkening.
        blur: Range of the blur's SD, as a fraction of the side.
        noise: Range of the sensor noise's SD.
        resolution: Range of the fraction of pixels kept along a side.
        jpeg_probability: How often the picture goes through JPEG.
        jpeg_quality: Range of the quality.
    """

    name: str
    intensity: Range
    asymmetry: float
    incidental: float
    yaw: float
    pitch: float
    roll: float
    gaze: float
    zoom: Range
    offset: float
    lens: Range
    light_azimuth: Range
    light_elevation: Range
    key: Range
    ambient: Range
    light_tint: float
    softness: Range
    rim_probability: float
    mottling: Range
    shine: Range
    backgrounds: tuple[str, ...]
    background_colour: float
    glasses_probability: float
    headwear_probability: float
    occlusion_probability: float
    exposure: Range
    contrast: Range
    saturation: Range
    grey_probability: float
    cast: float
    vignette: Range
    blur: Range
    noise: Range
    resolution: Range
    jpeg_probability: float
    jpeg_quality: Range


DOMAINS: dict[str, Domain] = {
    "synthetic": Domain(
        name="synthetic",
        intensity=(0.5, 1.0),
        asymmetry=0.08,
        incidental=0.15,
        yaw=9.0,
        pitch=5.0,
        roll=4.0,
        gaze=0.15,
        zoom=(0.86, 0.96),
        offset=0.02,
        lens=(0.0, 0.06),
        light_azimuth=(0.0, 40.0),
        light_elevation=(5.0, 45.0),
        key=(0.45, 0.8),
        ambient=(0.3, 0.5),
        light_tint=0.06,
        softness=(0.3, 0.8),
        rim_probability=0.0,
        mottling=(0.0, 0.04),
        shine=(0.0, 0.25),
        backgrounds=("plain", "gradient"),
        background_colour=0.35,
        glasses_probability=0.12,
        headwear_probability=0.08,
        occlusion_probability=0.0,
        exposure=(0.85, 1.2),
        contrast=(0.95, 1.1),
        saturation=(0.85, 1.1),
        grey_probability=0.0,
        cast=0.03,
        vignette=(0.0, 0.1),
        blur=(0.0, 0.004),
        noise=(0.0, 0.01),
        resolution=(1.0, 1.0),
        jpeg_probability=0.0,
        jpeg_quality=(90.0, 95.0),
    ),
    "shifted": Domain(
        name="shifted",
        intensity=(0.4, 0.9),
        asymmetry=0.18,
        incidental=0.20,
        yaw=15.0,
        pitch=8.0,
        roll=7.0,
        gaze=0.3,
        zoom=(0.78, 1.0),
        offset=0.04,
        lens=(0.0, 0.15),
        light_azimuth=(20.0, 80.0),
        light_elevation=(-20.0, 70.0),
        key=(0.7, 1.3),
        ambient=(0.1, 0.3),
        light_tint=0.2,
        softness=(0.0, 0.4),
        rim_probability=0.3,
        mottling=(0.04, 0.14),
        shine=(0.1, 0.7),
        backgrounds=("gradient", "panels", "lights", "clutter"),
        background_colour=0.7,
        glasses_probability=0.2,
        headwear_probability=0.15,
        occlusion_probability=0.25,
        exposure=(0.8, 1.6),
        contrast=(0.7, 1.2),
        saturation=(0.3, 1.2),
        grey_probability=0.15,
        cast=0.15,
        vignette=(0.0, 0.5),
        blur=(0.004, 0.014),
        noise=(0.01, 0.04),
        resolution=(0.5, 1.0),
        jpeg_probability=0.8,
        jpeg_quality=(25.0, 85.0),
    ),
}
