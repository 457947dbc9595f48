import pytest

from byel_tf.synthesis.action_units import (
    ACTION_UNITS,
    LABEL_NAMES,
    SHAPES,
    label_values,
    shapes_of,
)


def mirrored(shape):
    return {"_L": shape[:-2] + "_R", "_R": shape[:-2] + "_L"}.get(shape[-2:], shape)


def test_shapes_are_sided_where_the_unit_is():
    assert shapes_of("jawOpen") == ("jawOpen",)
    assert shapes_of("browDown") == ("browDown_L", "browDown_R")
    assert len(SHAPES) == len(set(SHAPES)) == 55
    assert all(mirrored(shape) in SHAPES for shape in SHAPES)


def test_labels_carry_facs_numbers():
    assert "AU12_mouthSmile" in LABEL_NAMES
    assert "AU04_browDown" in LABEL_NAMES
    assert len(LABEL_NAMES) == len(ACTION_UNITS) - 4
    assert not any(name.endswith(("Left", "Right")) for name in LABEL_NAMES)


def test_label_of_a_face_and_of_its_mirror_image():
    weights = {shape: 0.01 * i for i, shape in enumerate(SHAPES)}
    values = dict(zip(LABEL_NAMES, label_values(weights), strict=True))
    both = weights["mouthSmile_L"] + weights["mouthSmile_R"]
    assert values["AU12_mouthSmile"] == both / 2
    assert values["AU26_jawOpen"] == weights["jawOpen"]
    turned = {mirrored(shape): weight for shape, weight in weights.items()}
    assert label_values(turned) == label_values(weights)
    assert set(label_values({})) == {0.0}


def test_eyes_look_up_or_down():
    weights = {"eyeLookUp_L": 0.5, "eyeLookUp_R": 0.3, "eyeLookDown_R": 0.2}
    values = dict(zip(LABEL_NAMES, label_values(weights), strict=True))
    assert values["AU63_eyeLookUp"] == pytest.approx(0.3)
    assert values["AU64_eyeLookDown"] == 0
