"""A face as data: everything that decides its picture, in numbers and names.

Each section below is also a section of a domain's file (see `domain.py`):
field `camera.distance` is drawn from the distribution `distance` under `[camera]`.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class Shape:
    """Proportions on top of the head's own modes of identity.

    Attributes:
        spread: Factor on the modes' standard normal weights.
        eye_scale: Size of the eyes, as a factor.
        lower_face: Height of the face below the nose bridge, as a factor.
        jaw_width: Width of jaw and cheeks, as a factor.
        age: From 0, a smooth face, to 1, deep folds.
    """

    spread: float
    eye_scale: float
    lower_face: float
    jaw_width: float
    age: float


@dataclasses.dataclass(frozen=True)
class Growth:
    """How much of a child somebody is, beside what a head's own population says.

    Attributes:
        youth: From 0, grown up, over .5, a child of five, to 1, a baby.
    """

    youth: float


@dataclasses.dataclass(frozen=True)
class Skin:
    """Skin without expression.

    Attributes:
        melanin: 0 for the palest skin to 3 for the darkest; see `colours.skin_colour`.
        redness: Blood near the surface, 0 to 1.
        mottling: Contrast of uneven pigment, 0 to 3.
        freckles: Density of dark spots, 0 to 1.
        cheeks: How red the cheeks are, 0 to 1.
        under_eyes: Darkness below the eyes, 0 to 1.
        sockets: Darkness of the sockets round the eyes, 0 to 1.
        inner_sockets: Darkness between eye and nose, 0 to 1.
        sides: Darkness of the sides of the face, 0 to 1.
        nostrils: Darkness of the nostrils, 0 to 1.
        lips: Colour of the lips against the skin's, 0 to 1.7.
        upper_lip: Darkness of the upper lip against the lower one, 0 to 1.
        lip_redness: From brown, 0, to red, 1.
        shine: Highlights on the skin, 0 to 0.3.
        lip_shine: Highlights on the lips, 0 to 0.3.
    """

    melanin: float
    redness: float
    mottling: float
    freckles: float
    cheeks: float
    under_eyes: float
    sockets: float
    inner_sockets: float
    sides: float
    nostrils: float
    lips: float
    upper_lip: float
    lip_redness: float
    shine: float
    lip_shine: float


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Eyes, lids and lashes.

    Attributes:
        iris_luminance: Linear reflectance of the iris, 0.01 to 0.3.
        iris_hue: From brown, 0, over green to blue, 1.
        iris_radius: Centimetres.
        pupil_radius: Centimetres.
        sclera: Linear reflectance of the white, 0 to 1.
        redness: Blood in the white, 0 to 1.
        lid_shade: Shade of the upper lid on the eyeball, 0 to 1.
        shine: Highlight on the cornea, 0 to 1.
        liner: Darkness of the lid margins, 0 to 1.
        shadow: Eye shadow on the upper lid, 0 to 1.
        lashes: Density of the lashes, 0 to 1.
    """

    iris_luminance: float
    iris_hue: float
    iris_radius: float
    pupil_radius: float
    sclera: float
    redness: float
    lid_shade: float
    shine: float
    liner: float
    shadow: float
    lashes: float


@dataclasses.dataclass(frozen=True)
class Hair:
    """Hair of the head, brows and beard.

    Where hair is on sheets its style is the person's: of the head's hair only its
    colours, gloss and whether there is any count.

    Attributes:
        luminance: Linear reflectance of all hair, 0.005 to 0.6.
        warmth: From grey, 0, over brown to red, 1.
        cover: How much of the head's hair is there, 0 (bald) to 1.
        fringe: Height of the hairline, cm above the eyes.
        curve: How the hairline falls to the sides, 1/cm.
        parting: Slope of the hairline.
        side_depth: Depth z to which hair covers the sides, cm.
        side_end: Height at which hair at the sides ends, cm above the eyes; far
            below for long hair.
        shows_ears: 1 where the ears stay free, else 0.
        volume: Thickness of the hair, cm.
        gloss: Highlights, 0 to 1.
        brow_thickness: Half height of the brows, cm.
        brow_height: Offset of the brows, cm.
        brow_spacing: Outward offset of the brows, cm.
        brow_arch: Rise of the brow's middle, cm.
        brow_tilt: Rise of its outer end, cm.
        brow_opacity: 0 (none) to 1.
        brow_darkness: Factor on the luminance of the hair.
        beard: "none", "moustache", "full", "chin" or "stubble".
        beard_opacity: 0 to 1.
    """

    luminance: float
    warmth: float
    cover: float
    fringe: float
    curve: float
    parting: float
    side_depth: float
    side_end: float
    shows_ears: float
    volume: float
    gloss: float
    brow_thickness: float
    brow_height: float
    brow_spacing: float
    brow_arch: float
    brow_tilt: float
    brow_opacity: float
    brow_darkness: float
    beard: Literal["none", "moustache", "full", "chin", "stubble"]
    beard_opacity: float


@dataclasses.dataclass(frozen=True)
class Strands:
    """Hair that falls over the face, of heads that have hair and wear nothing on it.

    Attributes:
        kind: "none", "fringe" over the forehead, "lock", a few over one brow or eye,
            or "curtain", down one side of the face.
        side: Where a lock falls, as a share of the half face's width, -1 to 1; the
            sign is a curtain's side.
        end: Height at which they end, cm above the eyes.
    """

    kind: Literal["none", "fringe", "lock", "curtain"]
    side: float
    end: float


@dataclasses.dataclass(frozen=True)
class Pose:
    """Turn of the head in degrees.

    Attributes:
        yaw: To the subject's left where positive.
        pitch: Down where positive.
        roll: To the subject's right shoulder where positive, seen upright.
    """

    yaw: float
    pitch: float
    roll: float


@dataclasses.dataclass(frozen=True)
class Camera:
    """The camera and the crop.

    Attributes:
        distance: From the head's centre, cm.
        side: Side of the square crop, as a multiple of the distance from between the
            eyes to the middle of the mouth.
        fit: Least side as a share of the face's height from above the brows to the
            chin, so that an open mouth stays in the picture.
        offset_x: Error of the crop's centre, in eye–mouth distances.
        offset_y: The same downwards.
    """

    distance: float
    side: float
    fit: float
    offset_x: float
    offset_y: float


@dataclasses.dataclass(frozen=True)
class Light:
    """A distant light.

    Attributes:
        azimuth: Degrees to the subject's left.
        elevation: Degrees above the horizon.
        strength: Linear, of the order of 1; 0 is no light.
        warmth: From blue, -1, over white to orange, 1.
    """

    azimuth: float
    elevation: float
    strength: float
    warmth: float


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """Light from everywhere, and how surfaces answer it.

    Attributes:
        ambient: Linear strength.
        from_above: Additional strength on surfaces that look up.
        from_side: The same for the subject's left.
        from_front: The same for the front.
        warmth: Colour of the ambient light, -1 to 1.
        shadow: Darkness of the first light's cast shadows, 0 to 1.
        occlusion: Darkness of folds and hollows, 0 to 1.
        wrap: Softness of the edge of shadows, 0 to 1.
        highlight_sharpness: Exponent of the highlights on skin.
    """

    ambient: float
    from_above: float
    from_side: float
    from_front: float
    warmth: float
    shadow: float
    occlusion: float
    wrap: float
    highlight_sharpness: float


@dataclasses.dataclass(frozen=True)
class Accessories:
    """What is worn, and what is in the way.

    Attributes:
        glasses: "none", "round", "rectangular" or "sunglasses".
        frame_thickness: cm.
        frame_luminance: Linear reflectance of the frame.
        head_cover: "none", "cap", "visor", a cap with a peak, "hat", with a brim all
            round, "scarf" or "hood".
        cover_luminance: Linear reflectance of the head cover.
        cover_hue: 0 to 1, round the colour circle.
        cover_saturation: 0 to 1.
        hand: "none", "palm" on a cheek, "both" palms, "fingers" whose tips are at the
            lips, "nails" of both hands at them, "mouth", a hand over it, "fist" under
            the chin, "brow", a hand on the forehead, both at the "temples", or "blot":
            something out of focus.
        hand_angle: Degrees round the picture: where a blot is; a hand is the subject's
            left one where the cosine is positive, and turns with the sine.
        hand_reach: How far a blot lies from the middle, as a share of the side; how
            far up a hand is held.
        clothes_luminance: Linear reflectance of the clothes.
    """

    glasses: Literal["none", "round", "rectangular", "sunglasses"]
    frame_thickness: float
    frame_luminance: float
    head_cover: Literal["none", "cap", "visor", "hat", "scarf", "hood"]
    cover_luminance: float
    cover_hue: float
    cover_saturation: float
    hand: Literal[
        "none", "palm", "both", "fingers", "nails", "mouth", "fist", "brow", "temples",
        "blot",
    ]  # fmt: skip
    hand_angle: float
    hand_reach: float
    clothes_luminance: float


@dataclasses.dataclass(frozen=True)
class Headwear:
    """How a head cover sits.

    Attributes:
        edge: Height at which caps and hats begin, cm above the eyes.
        brim: Width of a brim or peak, cm.
        slope: How much it falls outwards, degrees.
    """

    edge: float
    brim: float
    slope: float


@dataclasses.dataclass(frozen=True)
class Print:
    """What is printed over the picture.

    Attributes:
        kind: "none", "watermark", faint letters and signs, or "caption", a line of
            text at an edge.
        opacity: 0 to 1.
        luminance: Display value of the letters, 0 to 1.
        size: Height of a capital, as a share of the picture's side.
        x: Where the text's middle is, from -0.5 at the left edge to 0.5.
        y: The same downwards; of a caption only the sign counts.
        angle: Degrees that a watermark rises to the right.
    """

    kind: Literal["none", "watermark", "caption"]
    opacity: float
    luminance: float
    size: float
    x: float
    y: float
    angle: float


@dataclasses.dataclass(frozen=True)
class Background:
    """What is behind the head.

    Attributes:
        kind: "plain", "gradient" or "shapes".
        luminance: Display value 0 to 1 of its base.
        contrast: Of gradient or shapes, 0 to 1.
        colourfulness: 0 for grey to 1.
        blur: Standard deviation in sixty-fourths of the side.
        grain: Texture, 0 to 0.2.
    """

    kind: Literal["plain", "gradient", "shapes"]
    luminance: float
    contrast: float
    colourfulness: float
    blur: float
    grain: float


@dataclasses.dataclass(frozen=True)
class Image:
    """What the camera and later processing make of the picture.

    Attributes:
        exposure: Display value that the face's median tone is exposed to, relative
            to its own brightness, -0.5 to 1.
        blur: Standard deviation in sixty-fourths of the side; 0 for none.
        sharpening: Strength of an unsharp mask.
        gamma: Exponent on display values.
        contrast: Standard deviation of the middle of the picture, 0 to 0.3; 0 leaves
            the contrast alone.
        brightness: Mean of the middle of the picture, 0 to 1.
        saturation: Factor on colourfulness; 0 for a grey picture.
        cast: Gain of red over blue, as a logarithm.
        resolution: Share of the pixels kept along a side, 0 to 1.
        noise: Standard deviation of the sensor's noise, 0 to 0.1.
        equalize: 1 where the histogram is equalised, else 0.
        jpeg_quality: 0 for no compression, else 1 to 100.
    """

    exposure: float
    blur: float
    sharpening: float
    gamma: float
    contrast: float
    brightness: float
    saturation: float
    cast: float
    resolution: float
    noise: float
    equalize: float
    jpeg_quality: float


@dataclasses.dataclass(frozen=True)
class Face:
    """One face in one picture; equal faces give equal pictures of the same head.

    Attributes:
        expression: Its label.
        shares: Share of each expression in its movement, by name; more than one where
            two are mixed. They sum to 1.
        action_units: Weight of each expression shape that is not at rest, by name in
            `SHAPES`; 1 is a strong natural movement.
        identity: Weights of the head's identity modes, in units of their standard
            deviations; missing ones are 0.
        subject: Names the person.
        texture_seed: Decides the fine texture: pigment, hair, background, noise.
        shape: Proportions.
        growth: Childhood.
        skin: Skin.
        eyes: Eyes.
        hair: Hair.
        strands: Hair over the face.
        pose: Turn of the head.
        camera: Camera and crop.
        key_light: The light that casts shadows.
        fill_light: Another light.
        rim_light: A third one.
        surroundings: Ambient light.
        accessories: What is worn or in the way.
        headwear: How a head cover sits.
        print: What is printed over the picture.
        background: Background.
        image: Image processing.
    """

    expression: str
    shares: dict[str, float]
    action_units: dict[str, float]
    identity: tuple[float, ...]
    subject: str
    texture_seed: int
    shape: Shape
    growth: Growth
    skin: Skin
    eyes: Eyes
    hair: Hair
    strands: Strands
    pose: Pose
    camera: Camera
    key_light: Light
    fill_light: Light
    rim_light: Light
    surroundings: Surroundings
    accessories: Accessories
    headwear: Headwear
    print: Print
    background: Background
    image: Image

    def to_json(self) -> str:
        """The face as one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Face:
        """Reads what `to_json` wrote.

        Raises:
            ValueError: If it isn't such a text.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            for name, section in SECTIONS.items():
                values[name] = section(**values[name])
            values["identity"] = tuple(values["identity"])
            return cls(**values)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"Not a face: {error}. Received: {text[:80]!r}") from error


#: The parts of a face that a domain describes, by name.
SECTIONS: dict[str, type] = {
    name: kind
    for name, kind in typing.get_type_hints(Face).items()
    if dataclasses.is_dataclass(kind)
}

#: Sections that all pictures of a person share; the others are drawn for each picture.
OF_THE_PERSON = ("shape", "growth", "skin", "eyes", "hair", "strands")

#: Sections that came later: each has a source of draws of its own, so that what else
#: faces are made of stays as it was.
WITH_OWN_DRAWS = ("growth", "strands", "headwear", "print")
