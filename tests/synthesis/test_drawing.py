"""Pixels: determinism, validity, and what each action unit does to them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.action_units import ACTION_UNITS, NAMES_BY_NUMBER, PROTOTYPES
from byel_tf.synthesis.domains import DOMAINS
from byel_tf.synthesis.drawing import draw
from byel_tf.synthesis.face import Background, Camera, Pose, Processing
from byel_tf.synthesis.sampling import sample_face

SIZE = 96
ZOOM = 0.9
# Rows of the test face, in face units, in which a unit may change anything.
BROWS_AND_ABOVE, EYES, NOSE = (-1.3, -0.45), (-0.65, -0.2), (-0.55, 0.35)
CHEEKS_AND_EYES, MOUTH = (-0.75, 0.7), (-0.1, 0.9)
LOWER_FACE, WHOLE = (-0.1, 1.2), (-1.3, 1.2)
REGION_BY_UNIT = {
    1: BROWS_AND_ABOVE,
    2: BROWS_AND_ABOVE,
    4: (-1.3, -0.2),
    5: (-0.8, -0.2),
    6: CHEEKS_AND_EYES,
    7: EYES,
    9: (-0.8, 0.6),
    10: (-0.1, 0.6),
    11: (-0.2, 0.7),
    12: (-0.3, 0.8),
    15: MOUTH,
    16: MOUTH,
    17: LOWER_FACE,
    20: MOUTH,
    22: MOUTH,
    23: MOUTH,
    24: MOUTH,
    25: MOUTH,
    26: LOWER_FACE,
    27: LOWER_FACE,
    43: EYES,
}


def plain_face(**numbers: float):
    """A frontal, shaved, evenly lit face with the given units, e.g. `au12=1`."""
    face = sample_face(0, 4, "neutral", DOMAINS["synthetic"])
    units = dict.fromkeys(ACTION_UNITS, 0.0)
    for number, intensity in numbers.items():
        units[NAMES_BY_NUMBER[int(number[2:])]] = intensity
    return dataclasses.replace(
        face,
        action_units=units,
        upper_asymmetry=0.0,
        lower_asymmetry=0.0,
        identity=dataclasses.replace(
            face.identity, age=0.4, mouth_line=0.45, eye_line=-0.42, chin=1.0
        ),
        skin=dataclasses.replace(
            face.skin,
            colour=(0.8, 0.62, 0.5),
            lip_colour=(0.65, 0.32, 0.3),
            mottling=0.0,
            freckles=0.0,
            shine=0.0,
        ),
        hair=dataclasses.replace(
            face.hair, hairline=-2.0, beard=0.0, brow_colour=(0.1, 0.08, 0.06)
        ),
        accessories=dataclasses.replace(
            face.accessories, glasses="none", headwear="none", occluder_size=0.0
        ),
        pose=Pose(yaw=0.0, pitch=0.0, roll=0.0, gaze_x=0.0, gaze_y=0.0),
        camera=Camera(zoom=ZOOM, offset_x=0.0, offset_y=0.0, lens=0.0),
        light=dataclasses.replace(
            face.light,
            azimuth=0.0,
            elevation=20.0,
            strength=0.6,
            colour=(1.0, 1.0, 1.0),
            ambient=0.4,
            ambient_colour=(1.0, 1.0, 1.0),
            rim=0.0,
        ),
        background=Background("plain", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 0.0, 0),
        processing=Processing(
            exposure=1.0,
            blur=0.0,
            contrast=1.0,
            saturation=1.0,
            cast=(1.0, 1.0, 1.0),
            vignette=0.0,
            noise=0.0,
            noise_seed=0,
            resolution=1.0,
            jpeg_quality=0,
        ),
    )


def pixels(**numbers: float) -> np.ndarray:
    return draw(plain_face(**numbers), SIZE).astype(float)


def coordinates() -> tuple[np.ndarray, np.ndarray]:
    """Gives u and v of the pixels of a frontal face; exact enough near the middle."""
    grid = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1) / ZOOM
    return np.meshgrid(grid, grid)


def box(u: tuple[float, float], v: tuple[float, float]) -> np.ndarray:
    us, vs = coordinates()
    return (us > u[0]) & (us < u[1]) & (vs > v[0]) & (vs < v[1])


def mean_height(weight: np.ndarray, where: np.ndarray) -> float:
    """Mean v of what `weight` marks within a box; smaller is higher."""
    _, vs = coordinates()
    return float((weight * where * vs).sum() / (weight * where).sum())


def darkness(image: np.ndarray) -> np.ndarray:
    return np.maximum(90 - image.mean(axis=-1), 0)


def redness(image: np.ndarray) -> np.ndarray:
    """What is redder than skin: lips, and the mouth's inside."""
    return np.maximum(image[..., 0] / (image[..., 1] + 1) - 1.6, 0)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_same_face_same_bytes(domain):
    faces = [sample_face(9, i, "disgust", domain) for i in range(6)]
    first = [draw(face, 48) for face in faces]
    again = [draw(face, 48) for face in reversed(faces)]
    for image, same in zip(first, reversed(again), strict=True):
        assert np.array_equal(image, same)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("size", [16, 33, 48, 64, 128])
@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_pictures_are_valid_and_show_something(domain, size):
    for index, expression in enumerate(PROTOTYPES):
        image = draw(sample_face(4, index, expression, domain), size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 8
        assert 15 < image.mean() < 240


def test_the_largest_size_and_those_beyond():
    face = sample_face(4, 0, "fear", DOMAINS["shifted"])
    assert draw(face, 512).shape == (512, 512, 3)
    for size in (15, 513):
        with pytest.raises(ValueError, match=f"size={size}"):
            draw(face, size)


def test_sizes_show_the_same_picture():
    small, large = draw(plain_face(), 32), draw(plain_face(), 128)
    reduced = large.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - reduced).mean() < 4


def test_turned_and_tilted_heads_are_drawn():
    face = plain_face(au12=1.0)
    for yaw, pitch, roll in [(60, 0, 0), (-60, 0, 30), (0, 35, 0), (0, -35, -30)]:
        pose = Pose(float(yaw), float(pitch), float(roll), 0.0, 0.0)
        image = draw(dataclasses.replace(face, pose=pose), 64)
        assert image.std() > 8


def test_yaw_pitch_and_roll_move_the_face_as_documented():
    def dark_centre(**angles):
        face = plain_face()
        face = dataclasses.replace(face, pose=dataclasses.replace(face.pose, **angles))
        weight = darkness(draw(face, SIZE).astype(float)) * box(
            (-0.75, 0.75), (-0.9, 0)
        )
        us, vs = coordinates()
        left, right = weight * (us < 0), weight * (us > 0)
        slope = (right * vs).sum() / right.sum() - (left * vs).sum() / left.sum()
        return (
            (weight * us).sum() / weight.sum(),
            mean_height(weight, weight > 0),
            slope,
        )

    u, v, slope = dark_centre()
    assert abs(u) < 0.02
    assert dark_centre(yaw=20.0)[0] > u + 0.02
    assert dark_centre(pitch=12.0)[1] < v - 0.015
    # Clockwise: the picture's right side comes down.
    assert dark_centre(roll=10.0)[2] > slope + 0.05


def test_neutral_face_is_symmetric():
    image = pixels()
    # All but the highlights of the eyes.
    assert np.percentile(np.abs(image - image[:, ::-1]), 98) < 3


def test_all_units_have_a_region():
    assert set(REGION_BY_UNIT) == {unit.number for unit in ACTION_UNITS.values()}


@pytest.mark.parametrize("number", REGION_BY_UNIT)
def test_each_unit_changes_its_region(number):
    change = np.abs(pixels(**{f"au{number}": 1.0}) - pixels()).sum(axis=-1)
    where = box((-1.2, 1.2), REGION_BY_UNIT[number])
    assert change.sum() > 1500
    assert change[where].sum() > 0.97 * change.sum()
    # More intensity, more change.
    half = np.abs(pixels(**{f"au{number}": 0.4}) - pixels()).sum()
    assert half < change.sum()


def brow_heights(**numbers: float) -> tuple[float, float]:
    """Gives v of the inner and the outer end of the right brow."""
    weight = darkness(pixels(**numbers))
    rows = (-1.0, -0.53)
    return (
        mean_height(weight, box((0.12, 0.27), rows)),
        mean_height(weight, box((0.42, 0.6), rows)),
    )


def test_brows_rise_and_fall():
    inner, outer = brow_heights()
    raised_inner = brow_heights(au1=1.0)
    raised_outer = brow_heights(au2=1.0)
    assert raised_inner[0] < inner - 0.06
    assert raised_inner[0] - inner < raised_inner[1] - outer - 0.04
    assert raised_outer[1] < outer - 0.06
    assert raised_outer[1] - outer < raised_outer[0] - inner - 0.04
    assert brow_heights(au4=1.0)[0] > inner + 0.04


def test_brows_draw_together():
    between = box((-0.12, 0.12), (-0.8, -0.45))
    assert pixels(au4=1.0)[between].mean() < pixels()[between].mean() - 4


def test_lids_open_narrow_and_close():
    where = box((0.1, 0.7), (-0.6, -0.3))

    def white(**numbers):
        """Bright and colourless: sclera."""
        image = pixels(**numbers)
        spread = image.max(axis=-1) - image.min(axis=-1)
        return ((image.mean(axis=-1) > 150) & (spread < 30))[where].sum()

    assert white(au5=1.0) > 1.2 * white()
    assert white(au7=1.0) < 0.8 * white()
    assert white(au6=1.0) < 0.9 * white()
    assert white(au43=1.0) == 0


def corner_rise(**numbers: float) -> float:
    """How much higher the mouth's ends are than its middle, by its red."""
    weight = redness(pixels(**numbers))
    rows = (0.15, 0.8)
    middle = mean_height(weight, box((-0.08, 0.08), rows))
    ends = mean_height(weight, box((-0.5, -0.22), rows) | box((0.22, 0.5), rows))
    return middle - ends


def test_mouth_corners_go_up_and_down():
    rest = corner_rise()
    assert corner_rise(au12=1.0) > rest + 0.04
    assert corner_rise(au15=1.0) < rest - 0.04


def test_asymmetric_smile_is_stronger_on_its_side():
    face = plain_face(au12=0.6)
    face = dataclasses.replace(face, lower_asymmetry=0.5)
    change = np.abs(draw(face, SIZE).astype(float) - pixels()).sum(axis=(0, 2))
    assert change[SIZE // 2 :].sum() > 1.3 * change[: SIZE // 2].sum()


def mouth_width(**numbers: float) -> float:
    us, _ = coordinates()
    weight = redness(pixels(**numbers)) * box((-0.6, 0.6), (0.25, 0.75))
    return float(np.sqrt((weight * us**2).sum() / weight.sum()))


def test_mouth_stretches_and_tightens():
    assert mouth_width(au20=1.0) > 1.1 * mouth_width()
    assert mouth_width(au23=1.0) < 0.95 * mouth_width()
    assert mouth_width(au22=1.0) < 0.9 * mouth_width()


def test_pressed_lips_are_thin():
    where = box((-0.2, 0.2), (0.25, 0.7))
    assert redness(pixels(au24=1.0))[where].sum() < 0.8 * redness(pixels())[where].sum()


def test_jaw_opens_a_dark_mouth_in_order():
    where = box((-0.3, 0.3), (0.25, 0.95))
    openings = [
        (pixels(**units).mean(axis=-1) < 50)[where].sum()
        for units in ({}, {"au25": 0.6}, {"au25": 1.0, "au26": 1.0}, {"au27": 1.0})
    ]
    assert openings[0] <= openings[1] < openings[2] < openings[3]


def test_chin_sinks_with_the_jaw_and_rises_with_au17():
    identity_chin = box((-0.1, 0.1), (0.85, 1.1))

    def brightness(**numbers):
        return pixels(**numbers).mean(axis=-1)[identity_chin].mean()

    assert brightness(au26=1.0) > brightness() + 3
    assert brightness(au17=1.0) < brightness() - 1


def test_a_smile_shows_the_upper_teeth_and_a_dropped_jaw_hides_them():
    where = box((-0.25, 0.25), (0.2, 0.6))

    def teeth(**numbers):
        image = pixels(**numbers)
        spread = image.max(axis=-1) - image.min(axis=-1)
        return ((image.min(axis=-1) > 130) & (spread < 45))[where].sum()

    assert teeth() == 0
    assert teeth(au12=1.0, au25=0.8) > 20
    assert teeth(au10=1.0, au25=0.8) > 20


def test_skin_tone_reaches_the_pixels():
    tones, levels = [], []
    cheek = box((-0.6, -0.4), (0.0, 0.2))
    for tone in ((0.96, 0.83, 0.76), (0.74, 0.55, 0.40), (0.34, 0.23, 0.17)):
        face = plain_face()
        face = dataclasses.replace(
            face, skin=dataclasses.replace(face.skin, colour=tone)
        )
        tones.append(np.mean(tone))
        levels.append(draw(face, SIZE)[cheek].mean() / 255)
    assert np.allclose(levels, tones, atol=0.15)
    assert levels[0] > levels[1] > levels[2]
