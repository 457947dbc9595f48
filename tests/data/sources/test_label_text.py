import pytest

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.label_text import LabelText

LABELS = ClassNames(("fear", "happiness"), {"7": "fear"})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Joy", 0 + 1),
        (" fear ", 0),
        ("0", 0),
        ("1.0", 1),
        ("+1", 1),
        ("1.", 1),
        (" 1.0000000e+00 ", 1),
        ("1e9", "unknown class '1e9'"),
        ("-1e0", -1),
        ("-0.5", "unknown class '-0.5'"),
        ("7", 0),
        ("2", "unknown class '2'"),
        ("-1", -1),
        ("-1.0", -1),
        ("", -1),
        ("  ", -1),
        ("1.5", "unknown class '1.5'"),
        ("neutral", "unknown class 'neutral'"),
    ],
)
def test_names_and_indices(text, label):
    assert LabelText(LABELS).read(text) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("3", 1),
        ("3.0000000e+00", 1),
        ("3.5", "unknown class '3.5'"),
        ("7", "unknown class 'neutral'"),
        ("0", "unknown class '0'"),
        ("8", "none"),
        ("fear", 0),
        ("-2", -1),
    ],
)
def test_numbers_of_a_data_set_mean_names(text, label):
    reader = LabelText(LABELS, {3: "happy", 7: "neutral"}, {8: "none"})
    assert [reader.read(text), reader.read(text)] == [label, label]


def test_which_texts_are_numbers():
    reader = LabelText(LABELS)
    texts = ("fear", "7", "12.0", "-1", "", "cat", "1.5")
    assert list(map(reader.number, texts)) == [None, None, 12] + [None] * 4
    assert LabelText(LABELS, {7: "neutral"}).number("7") == 7
