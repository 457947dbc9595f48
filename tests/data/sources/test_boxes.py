import pytest

from byel_tf.data.sources.boxes import box_name, checked_box, read_box


def test_numbers_as_texts():
    assert read_box("1", " 2.5", "3e1", "40") == (1, 2.5, 30, 40)


@pytest.mark.parametrize("edge", ["", "x", "nan", "inf", "1,5"])
def test_what_is_no_number(edge):
    assert read_box("1", "2", edge, "4") == "the face's box is no four numbers"


@pytest.mark.parametrize("box", [(5, 1, 5, 9), (1, 9, 5, 1), (6, 1, 5, 9)])
def test_empty_boxes(box):
    assert checked_box(box) == "the face's box is empty"


def test_names_of_faces():
    assert box_name("a b.jpg", (9.6, 20.2, 110, 140)) == "a b.jpg#box=10,20,110,140"
