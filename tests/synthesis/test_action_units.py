"""The table of action units and the prototypes built from it."""

from __future__ import annotations

import numpy as np
import pytest

from byel_tf.synthesis.action_units import (
    ACTION_UNITS,
    PROTOTYPES,
    sample_action_units,
)

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
# The units without which EMFACS would not give the expression its name: each variant
# has all of the first set, and at least one of the second.
EMFACS_CORE = {
    "anger": ({4, 7}, {23, 24}),
    "disgust": (set(), {9, 10}),
    "fear": ({1, 2, 4, 5}, {20}),
    "happiness": ({12}, {6, 12}),
    "sadness": ({1, 4}, {11, 15}),
    "surprise": ({1, 2}, {5, 26, 27}),
}


def test_names_begin_with_the_facs_number():
    for name, unit in ACTION_UNITS.items():
        assert name.startswith(f"AU{unit.number:02d}_")
        assert unit.region in ("upper", "lower")


@pytest.mark.parametrize("expression", PROTOTYPES)
def test_variants_are_well_formed(expression):
    variants = PROTOTYPES[expression]
    assert sum(v.probability for v in variants) == pytest.approx(1.0)
    for variant in variants:
        assert variant.units.keys() <= ACTION_UNITS.keys()
        assert all(0 <= low <= high <= 1 for low, high in variant.units.values())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_variants_follow_emfacs(expression):
    always, any_of = EMFACS_CORE[expression]
    for variant in PROTOTYPES[expression]:
        numbers = {ACTION_UNITS[name].number for name in variant.units}
        assert always <= numbers
        assert any_of & numbers


@pytest.mark.parametrize("expression", PROTOTYPES)
def test_draws_lie_in_the_range_of_one_variant(expression):
    generator = np.random.default_rng(0)
    chosen = set()
    for _ in range(200):
        drawn = sample_action_units(expression, generator)
        assert list(drawn) == list(ACTION_UNITS)
        fitting = [
            number
            for number, variant in enumerate(PROTOTYPES[expression])
            if all(
                variant.units.get(name, (0, 0))[0]
                <= intensity
                <= variant.units.get(name, (0, 0))[1]
                for name, intensity in drawn.items()
            )
        ]
        assert fitting
        chosen.update(fitting)
    assert chosen == set(range(len(PROTOTYPES[expression])))


def test_unknown_expression_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"happiness.*expression='joy'"):
        sample_action_units("joy", np.random.default_rng(0))
