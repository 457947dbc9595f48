"""What a random face depends on, and how varied faces are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.action_units import PROTOTYPES
from byel_tf.synthesis.domains import DOMAINS
from byel_tf.synthesis.sampling import sample_face

SYNTHETIC, SHIFTED = DOMAINS["synthetic"], DOMAINS["shifted"]


def test_a_face_does_not_depend_on_the_order_of_calls():
    forwards = [sample_face(5, i, "fear", SYNTHETIC) for i in range(8)]
    np.random.seed(1)
    backwards = [sample_face(5, i, "fear", SYNTHETIC) for i in reversed(range(8))]
    assert forwards == backwards[::-1]


def test_every_argument_matters():
    faces = [
        sample_face(0, 0, "fear", SYNTHETIC),
        sample_face(1, 0, "fear", SYNTHETIC),
        sample_face(0, 1, "fear", SYNTHETIC),
        sample_face(0, 0, "anger", SYNTHETIC),
        sample_face(0, 0, "fear", SHIFTED),
    ]
    assert len({face.identity.chin for face in faces}) == len(faces)


def test_draws_are_pinned():
    """Data sets are named by their seed: a change of the draws must be noticed."""
    face = sample_face(7, 11, "surprise", SYNTHETIC)
    assert face.pose.yaw == pytest.approx(-2.585581994965281, abs=1e-9)
    assert face.skin.tone == pytest.approx(0.3013814423756852, abs=1e-9)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_people_are_of_all_kinds_whatever_the_expression(domain):
    for expression in PROTOTYPES:
        faces = [sample_face(2, i, expression, domain) for i in range(150)]
        tones = np.array([face.skin.tone for face in faces])
        assert np.histogram(tones, bins=5, range=(0, 1))[0].min() >= 12
        ages = np.array([face.identity.age for face in faces])
        assert np.histogram(ages, bins=5, range=(0, 1))[0].min() >= 12
        luminance = np.array([np.mean(face.skin.colour) for face in faces])
        assert luminance.max() > 0.8
        assert luminance.min() < 0.3
        assert 5 < sum(face.hair.beard > 0 for face in faces) < 75
        assert sum(face.hair.length > 0 for face in faces) > 30
        assert sum(face.accessories.glasses != "none" for face in faces) > 3


def test_intensity_varies_and_keeps_the_expression():
    units = [sample_face(0, i, "happiness", SYNTHETIC).action_units for i in range(200)]
    pulls = np.array([u["AU12_lip_corner_puller"] for u in units])
    assert pulls.min() > 0.25
    assert pulls.std() > 0.1
    assert max(u["AU04_brow_lowerer"] for u in units) <= SYNTHETIC.incidental


def test_the_shifted_domain_differs_in_appearance_not_in_people():
    ours = [sample_face(0, i, "anger", SYNTHETIC) for i in range(300)]
    theirs = [sample_face(0, i, "anger", SHIFTED) for i in range(300)]

    def mean(faces, read):
        return np.mean([read(face) for face in faces])

    assert (
        abs(mean(ours, lambda f: f.skin.tone) - mean(theirs, lambda f: f.skin.tone))
        < 0.1
    )
    for read in (
        lambda f: f.processing.noise,
        lambda f: f.processing.blur,
        lambda f: abs(f.light.azimuth),
        lambda f: abs(f.pose.yaw),
        lambda f: f.skin.mottling,
        lambda f: f.accessories.occluder_size,
    ):
        assert mean(theirs, read) > 1.3 * mean(ours, read)


def test_domains_state_the_name_they_are_kept_under():
    assert all(domain.name == name for name, domain in DOMAINS.items())
    ranges = [
        value
        for domain in DOMAINS.values()
        for value in dataclasses.asdict(domain).values()
        if isinstance(value, tuple) and isinstance(value[0], float)
    ]
    assert all(low <= high for low, high in ranges)


def test_unknown_names_and_negative_numbers_are_refused():
    with pytest.raises(ValueError, match=r"surprise.*expression='awe'"):
        sample_face(0, 0, "awe", SYNTHETIC)
    with pytest.raises(ValueError, match="index=-1"):
        sample_face(0, -1, "fear", SYNTHETIC)
