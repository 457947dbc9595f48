import dataclasses

import cv2
import numpy as np
import pytest

from byel_tf.synthesis import renderer
from byel_tf.synthesis.cards import light_corners
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.load import BUILT_IN, load_head
from byel_tf.synthesis.prototype_sheet import plain_face
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face


@pytest.fixture
def face(synthetic):
    """A plain face with given weights, and sections changed as `pose={"yaw": 3}`."""

    def make(weights=None, person=0, **changes):
        made = plain_face(synthetic, "neutral", weights or {}, person)
        return dataclasses.replace(
            made,
            **{
                section: dataclasses.replace(getattr(made, section), **fields)
                for section, fields in changes.items()
            },
        )

    return make


def clean(draw, face, size=64):
    return draw.render_clean(face, size).astype(float)


@pytest.mark.parametrize("size", [16, 48, 64, 79, 80, 112, 256])
def test_sizes(draw, synthetic, size):
    picture = draw.render(sample_face(synthetic, "fear", 1, 3), size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


def test_equal_faces_give_equal_pictures_whatever_was_drawn_before(draw, synthetic):
    faces = [sample_face(synthetic, "anger", 1, i) for i in (0, 9, 5, 17)]
    first = [draw.render(face, 48) for face in faces]
    other = Renderer(load_head(BUILT_IN))
    for face, picture in zip(faces[::-1], first[::-1], strict=True):
        np.testing.assert_array_equal(other.render(face, 48), picture)


def test_domains_look_different(draw, synthetic):
    shifted = load_domain("shifted")
    contrast = [
        np.mean(
            [draw.render(sample_face(d, "fear", 1, i), 48).std() for i in range(30)]
        )
        for d in (synthetic, shifted)
    ]
    assert contrast[0] != pytest.approx(contrast[1], rel=0.02)


def test_every_section_of_a_face_is_seen(draw, face):
    """Changing anything that a face says changes its picture."""
    weights = {"jawOpen": 0.5}
    base = clean(draw, face(weights))
    for changes in (
        {"shape": {"eye_scale": 1.3}},
        {"shape": {"lower_face": 0.85}},
        {"shape": {"jaw_width": 1.15}},
        {"shape": {"age": 1.0}},
        {"skin": {"melanin": 2.0}},
        {"skin": {"redness": 1.0}},
        {"skin": {"freckles": 1.0}},
        {"skin": {"lips": 1.4}},
        {"eyes": {"iris_luminance": 0.3}},
        {"eyes": {"shadow": 0.8}},
        {"eyes": {"lashes": 1.0}},
        {"hair": {"luminance": 0.5}},
        {"hair": {"fringe": 4.0}},
        {"hair": {"cover": 0.0}},
        {"hair": {"brow_height": 0.3}},
        {"hair": {"beard": "full"}},
        {"pose": {"yaw": 10.0}},
        {"pose": {"pitch": 10.0}},
        {"pose": {"roll": 10.0}},
        {"camera": {"distance": 45.0}},
        {"camera": {"side": 2.9}},
        {"camera": {"offset_x": 0.1}},
        {"camera": {"offset_y": 0.1}},
        {"key_light": {"azimuth": 60.0}},
        {"key_light": {"warmth": 1.0}},
        {"fill_light": {"strength": 1.0}},
        {"rim_light": {"strength": 1.0}},
        {"surroundings": {"occlusion": 0.0}},
        {"surroundings": {"shadow": 0.0}},
        {"accessories": {"glasses": "round"}},
        {"accessories": {"glasses": "sunglasses"}},
        {"accessories": {"head_cover": "scarf"}},
        {"accessories": {"head_cover": "cap"}},
        {"accessories": {"head_cover": "cap"}, "headwear": {"edge": 3.0}},
        {"accessories": {"head_cover": "hat"}, "headwear": {"edge": 3.0}},
        {"growth": {"youth": 0.8}},
        {"strands": {"kind": "fringe", "end": 1.0}},
        {"print": {"kind": "watermark", "y": 0.0, "luminance": 0.0}},
        {"accessories": {"hand": "fingers"}},
        {"accessories": {"hand": "blot"}},
        {"background": {"luminance": 0.1}},
    ):
        assert np.abs(clean(draw, face(weights, **changes)) - base).max() > 3, changes


def test_without_cast_shadows_sheets_are_lit_in_full(draw, face, monkeypatch):
    seen = []

    def light(normals, lit, *others):
        seen.append((len(normals), lit.copy()))
        return light_corners(normals, lit, *others)

    monkeypatch.setattr(renderer, "light_corners", light)
    changes = {"strands": {"kind": "curtain"}, "surroundings": {"shadow": 0.0}}
    clean(draw, face(**changes))
    ((count, lit),) = seen
    np.testing.assert_array_equal(lit, np.ones(count, np.float32))


def test_a_brim_shades_the_brow(draw, face):
    """Light from above does not reach what is under it."""
    light = {
        "key_light": {"azimuth": 0.0, "elevation": 60.0, "strength": 1.5},
        "surroundings": {"shadow": 1.0, "ambient": 0.2},
        "headwear": {"edge": 5.5, "brim": 7.0, "slope": 0.0},
    }
    ratios = []
    for cover in ("cap", "hat"):
        picture = clean(draw, face(accessories={"head_cover": cover}, **light))
        ratios.append(picture[24:28, 20:44].mean() / picture[48:60, 20:44].mean())
    assert ratios[1] < 0.85 * ratios[0]  # brow against chin, whatever the exposure


def test_wrinkles_deepen_with_age_and_movement(draw, face):
    def depth(weights, age):
        picture = clean(draw, face(weights, shape={"age": age}), 128)
        smooth = clean(draw, face(weights, shape={"age": 0.0}), 128)
        return np.abs(picture - smooth).mean()

    assert depth({"browInnerUp_L": 1.0, "browInnerUp_R": 1.0}, 1.0) > depth({}, 1.0)


def test_pose_turns_the_way_it_says(draw, face):
    """The nose goes to the viewer's right as the head turns to the subject's left."""

    # A symmetric light from the front: turning the other way mirrors the picture.
    lights = {
        "key_light": {"azimuth": 0.0},
        "fill_light": {"strength": 0.0},
        "surroundings": {"from_side": 0.0},
        "background": {"kind": "plain"},
    }
    left = clean(draw, face(pose={"yaw": 25.0, "roll": 0.0}, **lights)).mean(axis=2)
    right = clean(draw, face(pose={"yaw": -25.0, "roll": 0.0}, **lights)).mean(axis=2)
    mirrored = np.abs(left - right[:, ::-1]).mean()
    assert mirrored < 0.5 * np.abs(left - right).mean()


def test_smile_widens_the_mouth_and_jaw_opens_it(draw, face):
    rest = clean(draw, face())
    opened = clean(draw, face({"jawOpen": 0.9}))
    mouth = np.s_[42:60, 24:40]
    # A dark hole appears where there were lips and chin.
    assert (opened[mouth].mean(axis=2) < 60).sum() > 25
    assert (opened[mouth].mean(axis=2) < 60).sum() > (
        3 * (rest[mouth].mean(axis=2) < 60).sum()
    )


def test_light_comes_from_where_it_is(draw, face):
    sides = {}
    for azimuth in (-80.0, 80.0):
        picture = clean(
            draw,
            face(
                key_light={"azimuth": azimuth, "strength": 1.2},
                fill_light={"strength": 0.0},
                surroundings={"ambient": 0.1, "from_side": 0.0},
            ),
        ).mean(axis=2)
        cheeks = picture[34:44]
        sides[azimuth] = cheeks[:, 38:48].mean() - cheeks[:, 16:26].mean()
    # The subject's left is the viewer's right.
    assert sides[80.0] > 20
    assert sides[-80.0] < -20


def test_tones_from_the_palest_to_the_darkest(draw, face):
    """Individual typology angles (Chardon et al., 1991): all six groups are reached."""
    groups = set()
    for exposure in (0.1, 0.22, 0.34):  # its mean and a deviation to either side
        angles = []
        for melanin in np.linspace(0.0, 2.9, 12).tolist():
            picture = draw.render_clean(
                face(
                    skin={"melanin": melanin, "cheeks": 0.0},
                    image={"exposure": exposure},
                ),
                64,
            )
            cheek = picture[None, 36, 20:26].astype(np.float32) / 255
            lab = cv2.cvtColor(cheek, cv2.COLOR_RGB2LAB)
            lightness, _, yellow = lab.reshape(-1, 3).mean(axis=0)
            angles.append(np.degrees(np.arctan2(lightness - 50, yellow)))
        assert np.all(np.diff(angles) < 1)
        groups |= set(np.digitize(angles, [-30, 10, 28, 41, 55]).tolist())
    assert groups == set(range(6))
