"""The description of one face: everything a renderer needs, and nothing it draws.

A renderer is a function of a `Face` and a size. Replacing the drawing by another
renderer leaves this description, its sampling and its records as they are.

Lengths are in *face units*: half the side of a crop at zoom 1, about 0.34 of the
head's height. The origin lies midway between the eye line and the mouth; u grows
to the picture's right, v downwards. Colours are sRGB triples in [0, 1].
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing

from byel_tf.synthesis.action_units import ACTION_UNITS

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Identity:
    """The resting shape of a face, in face units unless said otherwise.

    Attributes:
        age: From 0 (child) to 1 (old); drives lines and slackness.
        face_width: Half the width at the cheekbones.
        chin: v of the chin.
        jaw: Exponent of the outline below the cheeks: 1.7 pointed, 3.2 square.
        eye_spacing: u of an eye's centre.
        eye_line: v of the eyes' centres.
        eye_width: Half the length of the lid opening.
        eye_opening: Height of the upper lid above the eye's centre.
        eye_tilt: Slope of the lid opening, positive if its outer corner is higher.
        lid_crease: Strength of the upper lid's fold, 0 (none) to 1.
        iris_colour: Colour of the iris.
        brow_gap: Height of the brow above the eye line.
        brow_thickness: Half its thickness at the inner end.
        brow_arch: Rise of its middle above its ends.
        brow_tilt: Rise of its outer end above its inner end.
        nose_base: v of the nostrils.
        nose_width: Half the width across the wings.
        nose_bridge: Prominence of the ridge, 0 to 1.
        mouth_line: v of the closed lips.
        mouth_width: Half the length of the closed lips.
        upper_lip: Height of the upper lip's red.
        lower_lip: Height of the lower lip's red.
        cheek_fullness: Prominence of the cheeks, 0 to 1.
        ear_size: Half the height of an ear.
    """

    age: float
    face_width: float
    chin: float
    jaw: float
    eye_spacing: float
    eye_line: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    lid_crease: float
    iris_colour: Colour
    brow_gap: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    nose_base: float
    nose_width: float
    nose_bridge: float
    mouth_line: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    cheek_fullness: float
    ear_size: float


@dataclasses.dataclass(frozen=True)
class Skin:
    """Colour and surface of the skin.

    Attributes:
        tone: Position on the scale of skin tones, 0 (lightest) to 1 (darkest).
        colour: Colour of the cheek under white light.
        lip_colour: Colour of the lips.
        redness: Flush of cheeks and nose, 0 to 1.
        mottling: Amplitude of uneven pigment, 0 to 0.2 of the colour.
        freckles: Density of freckles, 0 to 1.
        shine: Strength of the highlight, 0 (matt) to 1 (wet).
        texture_seed: Seed of mottling and freckles.
    """

    tone: float
    colour: Colour
    lip_colour: Colour
    redness: float
    mottling: float
    freckles: float
    shine: float
    texture_seed: int


@dataclasses.dataclass(frozen=True)
class Hair:
    """Hair of head, brows and face.

    Attributes:
        colour: Colour of the scalp hair.
        brow_colour: Colour of the brows.
        brow_density: Opacity of the brows, 0 to 1.
        hairline: v of the hairline above the nose; below -1.6 is bald.
        volume: How far the hair stands off the skull, in face units.
        length: v down to which the hair hangs beside the face.
        parting: u where the fringe parts.
        fringe: How far the fringe hangs into the forehead, in face units.
        beard: Opacity of the beard, 0 (shaved) to 1.
        moustache: Opacity of the moustache, 0 to 1.
    """

    colour: Colour
    brow_colour: Colour
    brow_density: float
    hairline: float
    volume: float
    length: float
    parting: float
    fringe: float
    beard: float
    moustache: float


@dataclasses.dataclass(frozen=True)
class Accessories:
    """Things worn, and things in the way.

    Attributes:
        glasses: `none`, `rim` (thin frame) or `dark` (heavy frame).
        glasses_colour: Colour of the frame.
        headwear: `none`, `scarf` (covers hair and ears) or `cap`.
        headwear_colour: Its colour.
        clothes_colour: Colour of the shoulders.
        occluder_size: Radius in half crops of a disc in the way; 0 for none.
        occluder_angle: Where it enters the picture, in degrees clockwise from the
            picture's right.
        occluder_colour: Its colour.
    """

    glasses: str
    glasses_colour: Colour
    headwear: str
    headwear_colour: Colour
    clothes_colour: Colour
    occluder_size: float
    occluder_angle: float
    occluder_colour: Colour


@dataclasses.dataclass(frozen=True)
class Pose:
    """Orientation of head and eyes.

    Attributes:
        yaw: Degrees; positive turns the nose to the picture's right.
        pitch: Degrees; positive raises the nose.
        roll: Degrees; positive tilts the head clockwise in the picture.
        gaze_x: Shift of the irises to the right, in half lid openings, -1 to 1.
        gaze_y: Shift of the irises downwards, in the same unit.
    """

    yaw: float
    pitch: float
    roll: float
    gaze_x: float
    gaze_y: float


@dataclasses.dataclass(frozen=True)
class Camera:
    """Where the crop lies and how the lens bends it.

    Attributes:
        zoom: Half crops to a face unit; 0.9 shows brows to chin on about
            three quarters of the height, and the side is 2.5 times the distance
            from eyes to mouth.
        offset_x: Shift of the face to the right, in half crops.
        offset_y: Shift downwards, in half crops.
        lens: Radial magnification of the middle: 0 from afar, 0.15 at arm's length.
    """

    zoom: float
    offset_x: float
    offset_y: float
    lens: float


@dataclasses.dataclass(frozen=True)
class Light:
    """One key light over an even ambient one.

    Attributes:
        azimuth: Degrees from the camera's axis, positive from the picture's right.
        elevation: Degrees above the camera's axis.
        strength: Key light at normal incidence, relative to white paper at 1.
        colour: Colour of the key light.
        ambient: Ambient light.
        ambient_colour: Colour of the ambient light.
        softness: How far the light wraps around edges, 0 (hard) to 1.
        rim: Strength of a light from behind, 0 for none.
    """

    azimuth: float
    elevation: float
    strength: float
    colour: Colour
    ambient: float
    ambient_colour: Colour
    softness: float
    rim: float


@dataclasses.dataclass(frozen=True)
class Background:
    """What lies behind the head.

    Attributes:
        kind: `plain`, `gradient`, `panels`, `lights` or `clutter`.
        first_colour: Its main colour.
        second_colour: Its other colour.
        angle: Direction of gradient and panels, in degrees.
        seed: Seed of lights and clutter.
    """

    kind: str
    first_colour: Colour
    second_colour: Colour
    angle: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Processing:
    """What camera and file do to the picture, in this order.

    Attributes:
        exposure: Factor on linear light.
        blur: SD of the Gaussian blur, as a fraction of the picture's side.
        contrast: Factor on the distance to mid-grey.
        saturation: Factor on colourfulness; 0 is a grey picture.
        cast: Factor on each of red, green and blue.
        vignette: Darkening of the corners, 0 to 1.
        noise: SD of the sensor noise, as a fraction of full scale.
        noise_seed: Seed of the noise.
        resolution: Pixels kept along a side, as a fraction; 1 keeps all.
        jpeg_quality: 1 to 95; 0 skips the compression.
    """

    exposure: float
    blur: float
    contrast: float
    saturation: float
    cast: Colour
    vignette: float
    noise: float
    noise_seed: int
    resolution: float
    jpeg_quality: int


@dataclasses.dataclass(frozen=True)
class Face:
    """One labelled face, ready to be drawn.

    Attributes:
        expression: The label: a key of `action_units.PROTOTYPES`.
        action_units: Intensity in [0, 1] of every unit of `ACTION_UNITS`.
        upper_asymmetry: -1 to 1; positive strengthens the upper face's two-sided
            units on the picture's right and weakens them on its left.
        lower_asymmetry: The same for the lower face.
        identity: Resting shape.
        skin: Skin.
        hair: Hair.
        accessories: Things worn or in the way.
        pose: Orientation.
        camera: Crop and lens.
        light: Light.
        background: Background.
        processing: What camera and file do.
    """

    expression: str
    action_units: dict[str, float]
    upper_asymmetry: float
    lower_asymmetry: float
    identity: Identity
    skin: Skin
    hair: Hair
    accessories: Accessories
    pose: Pose
    camera: Camera
    light: Light
    background: Background
    processing: Processing

    def intensities(self, side: int) -> dict[int, float]:
        """Intensities of one half of the face, asymmetry applied.

        Args:
            side: -1 for the picture's left, 1 for its right.

        Returns:
            Intensity in [0, 1] by FACS number.
        """
        return self._intensities_by_side[side]

    @functools.cached_property
    def _intensities_by_side(self) -> dict[int, dict[int, float]]:
        asymmetry = {"upper": self.upper_asymmetry, "lower": self.lower_asymmetry}
        result = {-1: {}, 1: {}}
        for name, unit in ACTION_UNITS.items():
            for side, intensities in result.items():
                intensity = self.action_units.get(name, 0.0)
                if unit.two_sided:
                    intensity *= 1.0 + side * asymmetry[unit.region]
                intensities[unit.number] = min(max(intensity, 0.0), 1.0)
        return result

    def to_json(self) -> str:
        """Writes the face down.

        Returns:
            One line of JSON that `from_json` restores exactly.
        """
        return json.dumps(dataclasses.asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Face:
        """Restores a face written by `to_json`.

        Args:
            text: A JSON object with exactly the fields of `Face`.

        Returns:
            A face equal to the one that was written.

        Raises:
            ValueError: If the text is no JSON or its fields are not those of a face.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"A face must be a JSON object ({error}). Received: text={text[:60]!r}"
            ) from error
        return _restore(cls, values)


def _restore(cls: type, values: object) -> typing.Any:
    """Builds a dataclass from nested dictionaries; lists become tuples again."""
    fields = typing.get_type_hints(cls)
    if not isinstance(values, dict) or set(values) != set(fields):
        received = sorted(values) if isinstance(values, dict) else values
        raise ValueError(
            f"{cls.__name__} has the fields {', '.join(fields)}. Received: {received!r}"
        )
    restored = {}
    for name, kind in fields.items():
        value = values[name]
        if dataclasses.is_dataclass(kind):
            value = _restore(kind, value)
        elif isinstance(value, list):
            value = tuple(value)
        restored[name] = value
    return cls(**restored)
