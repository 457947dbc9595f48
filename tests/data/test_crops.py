import pytest

from byel_tf.data.crops import Cropping, cropping_of, mismatch, read_cropping

WHOLE, FACE, BOX = Cropping(), Cropping("face"), Cropping("box")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "synthesis"}, FACE),
        ({"kind": "folder"}, WHOLE),
        ({"kind": "csv", "crop": "box", "crop_margin": 1.5}, Cropping("box", 1.5)),
        ({"kind": "folder", "crop": "face", "crop_margin": 1.0}, FACE),
    ],
)
def test_of_a_data_set(source, expected):
    assert cropping_of(source) == expected


@pytest.mark.parametrize("cropping", [WHOLE, FACE, Cropping("box", 1.25)])
def test_what_is_written_is_read_back(cropping):
    assert read_cropping(cropping.to_json()) == cropping


def test_where_nothing_is_said():
    assert read_cropping({"classes": []}) is None


@pytest.mark.parametrize(
    ("shown", "learned", "expected"),
    [
        (WHOLE, WHOLE, None),
        (FACE, FACE, None),
        (BOX, FACE, None),
        (WHOLE, FACE, "whole, the training images were cropped to the face"),
        (FACE, WHOLE, "cropped to the face (margin 1), the training images were whole"),
        (Cropping("face", 1.5), FACE, "(margin 1.5), the training images"),
        (Cropping("face", 1.005), FACE, None),
    ],
)
def test_where_both_differ_it_is_said(shown, learned, expected):
    said = mismatch("data set x", shown, learned)
    assert (said is None) == (expected is None)
    assert said is None or expected in said and "data set x" in said
