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
