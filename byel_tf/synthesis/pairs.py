"""The second picture of a face: what its pair has in common with it, and what not."""

from __future__ import annotations

import dataclasses
import itertools

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.mixture import HeadMixture

#: What a set's second pictures show.
PAIRS = ("none", "expression", "neutral")

# Persons of second pictures alone: they begin here, and a next head is looked for so
# much further on. No set has as many persons.
_FIRST = 10**9


def at_rest(face: Face) -> Face:
    """The same picture with all movements at rest: a neutral pair."""
    return dataclasses.replace(face, action_units={})


def other_person(index: int, head: str, mixture: HeadMixture) -> int:
    """The person who shows the movements of a face once more, in an expression pair.

    Nobody else is shown by another face or another pair. The head is another one too
    where the mixture has several.

    Args:
        index: Number of the face.
        head: What it is drawn with.
        mixture: The heads there are.

    Returns:
        The person's number.
    """
    for first in itertools.count(_FIRST, _FIRST):
        person = first + index
        if len(mixture.names) == 1 or mixture.of_person(person) != head:
            return person
    raise AssertionError("a mixture gives every head its share of the persons")
