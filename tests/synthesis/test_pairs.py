"""What the second picture of a face has in common with it, and what not."""

import dataclasses

import pytest

from byel_tf.synthesis.drawing import Drawing
from byel_tf.synthesis.heads.mixture import HeadMixture
from byel_tf.synthesis.pairs import other_person

CLASSES = ("anger", "happiness", "neutral")


def drawing(head, pairs):
    return Drawing(head, "synthetic", CLASSES, 16, 3, False, pairs)


def test_a_neutral_pair_differs_in_the_movements_alone():
    made = drawing("built-in", "neutral")
    head, second = made.second(4)
    face = made.face(4)
    assert head == "built-in" and face.action_units and not second.action_units
    assert dataclasses.replace(face, action_units={}) == second


def test_an_expression_pair_has_the_movements_alone_in_common():
    made = drawing("built-in", "expression")
    subjects = []
    for index in range(6):
        face, (_, second) = made.face(index), made.second(index)
        assert second.action_units == face.action_units
        assert second.expression == face.expression
        subjects += [face.subject, second.subject]
        for name in ("shape", "skin", "pose", "camera", "key_light", "image"):
            assert getattr(second, name) != getattr(face, name), name
    assert len(set(subjects)) == 6 + 1  # the faces are one person's
    assert made.second(3) == drawing("built-in", "expression").second(3)


@pytest.mark.parametrize("text", ["a:2,b:1", "a,b,c", "a:9,b:1"])
def test_an_expression_pair_is_on_another_head(text):
    mixture = HeadMixture.parse(text)
    persons = set()
    for index in range(300):
        head = mixture.of_person(index // 6)
        person = other_person(index, head, mixture)
        assert mixture.of_person(person) != head
        persons.add(person)
    assert len(persons) == 300 and min(persons) >= 10**9
