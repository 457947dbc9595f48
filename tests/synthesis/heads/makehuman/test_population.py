import collections
import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.face import Growth
from byel_tf.synthesis.heads.makehuman.layout import ANCESTRIES, SKINS
from byel_tf.synthesis.heads.makehuman.population import (
    detail_weights,
    details,
    macro_weights,
    traits,
    uniforms,
)
from byel_tf.synthesis.sampling import sample_face

TARGETS = dict.fromkeys(
    ["nose/nose-hump-incr", "nose/nose-hump-decr", "head/head-oval", "ears/l-ear-rot",
     "cheek/l-cheek-bones-incr", "cheek/l-cheek-bones-decr", "cheek/r-cheek-bones-incr",
     "cheek/r-cheek-bones-decr", "macrodetails/x", "expression/units/y"]
)  # fmt: skip


@pytest.fixture(scope="module")
def faces():
    """One face of each of many persons."""
    domain = load_domain("synthetic")
    step = domain.pictures_of_a_person
    return [sample_face(domain, "fear", 4, i * step) for i in range(600)]


@pytest.fixture(scope="module")
def people(faces):
    return [traits(face) for face in faces]


def test_all_pictures_of_a_person_show_one():
    domain = load_domain("synthetic")
    shown = [traits(sample_face(domain, "anger", 4, i)) for i in range(12)]
    assert len(set(map(str, shown[:6]))) == len(set(map(str, shown[6:]))) == 1
    assert shown[0] != shown[6]


def test_draws_are_uniform_whatever_the_spread(faces):
    draws = np.array([uniforms(face) for face in faces])
    assert draws.shape == (600, 28)
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs(np.quantile(draws, 0.1) - 0.1) < 0.01
    wide = dataclasses.replace(
        faces[0],
        shape=dataclasses.replace(faces[0].shape, spread=3 * faces[0].shape.spread),
        identity=tuple(3 * weight for weight in faces[0].identity),
    )
    np.testing.assert_allclose(uniforms(wide), uniforms(faces[0]))
    flat = dataclasses.replace(faces[0].shape, spread=0.0)
    middling = dataclasses.replace(faces[0], shape=flat, identity=(0.0,) * 128)
    assert (uniforms(middling) == 0.5).all()
    assert uniforms(dataclasses.replace(faces[0], identity=())).shape == (28,)


def test_everybody_is_there(people):
    ages = np.array([person.age for person in people])
    assert 0.08 < (ages < 0.11).mean() < 0.16  # babies
    assert 0.16 < ((ages > 0.11) & (ages < 0.36)).mean() < 0.26
    assert 0.2 < (ages > 0.62).mean() < 0.36
    grown = [person for person in people if person.age > 0.37]
    male = np.array([person.male for person in grown])
    assert 0.25 < (male < 0.3).mean() < 0.5
    assert 0.25 < (male > 0.7).mean() < 0.55
    ancestry = np.array([person.ancestry for person in people])
    np.testing.assert_allclose(ancestry.sum(axis=1), 1)
    assert (ancestry.max(axis=0) > 0.9).all()
    assert set(person.skin for person in people) == set(SKINS)
    assert len({person.hair for person in people}) == 11  # ten styles, and none


def test_a_child_is_one_whatever_the_years_drawn(faces):
    def aged(youth, age=None):
        return [
            traits(dataclasses.replace(face, growth=Growth(youth)), age).age
            for face in faces[:50]
        ]

    assert max(aged(1.0)) == 0
    assert max(aged(0.5, age=0.9)) < 0.2
    assert min(aged(0.0, age=0.9)) == 0.9


def test_tone_goes_with_ancestry_and_rules_none_out(faces, people):
    for number in range(3):
        for dark in (False, True):
            shares = [
                person.ancestry[number]
                for face, person in zip(faces, people, strict=True)
                if (face.skin.melanin > 1.4) == dark
            ]
            assert max(shares) > 0.3
    tones = {
        number: np.mean([
            face.skin.melanin
            for face, person in zip(faces, people, strict=True)
            if np.argmax(person.ancestry) == number
        ])
        for number in range(3)
    }  # fmt: skip
    assert tones[0] < tones[1] < tones[2]
    assert ANCESTRIES == ("caucasian", "asian", "african")


def test_beards_are_those_of_grown_men(faces, people):
    beards = collections.Counter()
    for face, person in zip(faces, people, strict=True):
        if person.beard != "none":
            assert person.male > 0.6
            assert person.age > 0.37
            assert person.beard == face.hair.beard
        beards[person.beard] += 1
    assert len(beards) == 5


def test_a_person_is_a_mixture(people):
    for person in people[:50]:
        weights = macro_weights(person)
        own = [w for name, w in weights.items() if "universal" not in name]
        universal = [w for name, w in weights.items() if "universal" in name]
        assert min(weights.values()) > 0
        assert sum(own) == pytest.approx(1, abs=0.01)
        assert sum(universal) == pytest.approx(1, abs=0.01)
    old = dataclasses.replace(people[0], age=1.0, male=1.0, muscle=0.5, weight=1.0)
    names = set(macro_weights(old))
    assert "macrodetails/universal-male-old-averagemuscle-maxweight" in names
    assert not any("young" in name or "female" in name for name in names)


def test_details_pair_opposites_and_sides():
    found = details(TARGETS)
    assert [(detail.more, detail.less) for detail in found] == [
        (
            ("cheek/l-cheek-bones-incr", "cheek/r-cheek-bones-incr"),
            ("cheek/l-cheek-bones-decr", "cheek/r-cheek-bones-decr"),
        ),
        (("ears/l-ear-rot",), ()),
        (("head/head-oval",), ()),
        (("nose/nose-hump-incr",), ("nose/nose-hump-decr",)),
    ]


def test_a_feature_that_goes_two_ways_has_a_detail_for_each():
    ways = [f"nose/nose-point-{way}" for way in ("decr", "down", "incr", "up")]
    found = details(dict.fromkeys(ways, 0))
    assert [(detail.more, detail.less) for detail in found] == [
        (("nose/nose-point-incr",), ("nose/nose-point-decr",)),
        (("nose/nose-point-up",), ("nose/nose-point-down",)),
    ]


def test_a_detail_follows_its_mode(faces):
    found = details(TARGETS)
    face = dataclasses.replace(faces[0], identity=(1.0, 0.0, 0.0, -2.0))
    weights = detail_weights(found, face)
    assert weights["nose/nose-hump-decr"] == pytest.approx(0.44)
    sides = [weights[f"cheek/{s}-cheek-bones-incr"] for s in "lr"]
    assert np.mean(sides) == pytest.approx(0.22, abs=0.1)
    assert sides[0] != sides[1]
    assert not any("oval" in name or "ear" in name for name in weights)
    far = dataclasses.replace(face, identity=(0.0, 0.0, 0.0, 99.0))
    assert detail_weights(found, far)["nose/nose-hump-incr"] == 1.0
