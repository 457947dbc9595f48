"""The description of a face and its JSON form."""

from __future__ import annotations

import dataclasses
import json

import pytest

from byel_tf.synthesis.domains import DOMAINS
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.sampling import sample_face


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_json_restores_the_same_face(domain):
    for index in range(20):
        face = sample_face(3, index, "disgust", domain)
        restored = Face.from_json(face.to_json())
        assert restored == face
        assert restored.to_json() == face.to_json()
        assert isinstance(restored.skin.colour, tuple)


@pytest.mark.parametrize("text", ["", "[1]", "{}", "null", "{not json"])
def test_other_text_is_refused_with_a_reason(text):
    with pytest.raises(ValueError, match="Received"):
        Face.from_json(text)


def test_a_misspelt_field_is_refused():
    values = json.loads(sample_face(0, 0, "fear", DOMAINS["synthetic"]).to_json())
    values["pose"]["yaws"] = values["pose"].pop("yaw")
    with pytest.raises(ValueError, match="Pose has the fields yaw"):
        Face.from_json(json.dumps(values))


def test_asymmetry_moves_the_two_sides_apart():
    face = sample_face(0, 0, "happiness", DOMAINS["synthetic"])
    units = dict.fromkeys(face.action_units, 0.5)
    face = dataclasses.replace(
        face, action_units=units, upper_asymmetry=0.0, lower_asymmetry=0.2
    )
    left, right = face.intensities(-1), face.intensities(1)
    assert left[12] == pytest.approx(0.4)
    assert right[12] == pytest.approx(0.6)
    assert left[1] == right[1] == 0.5
    # One jaw: AU26 has no sides.
    assert left[26] == right[26] == 0.5
