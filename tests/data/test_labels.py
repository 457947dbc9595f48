import unicodedata

import pytest

from byel_tf.data.labels import ALIASES, DEFAULT_CLASSES, label_index, parse_classes
from byel_tf.errors import UsageError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anger", "anger"),
        ("ANGRY", "anger"),
        (" Happy ", "happiness"),
        ("joy", "happiness"),
        ("Sad", "sadness"),
        ("surprised", "surprise"),
        ("Afraid", "fear"),
        ("disgusted", "disgust"),
    ],
)
def test_spellings_of_the_default_classes(name, expected):
    assert DEFAULT_CLASSES[label_index(name, DEFAULT_CLASSES)] == expected


@pytest.mark.parametrize("name", ["neutral", "calm", "contempt", "", "anger2", ".."])
def test_other_names_are_no_class(name):
    assert label_index(name, DEFAULT_CLASSES) is None


def test_every_alias_leads_to_its_class():
    classes = (*DEFAULT_CLASSES, "neutral")
    for alias, name in ALIASES.items():
        assert classes[label_index(alias, classes)] == name


def test_classes_may_themselves_be_aliases():
    classes = ("happy", "sad")
    assert [label_index(n, classes) for n in ("happy", "happiness", "joy")] == [0] * 3
    assert label_index("sadness", classes) == 1


def test_exact_name_comes_before_another_spelling():
    classes = ("neutral", "calm")
    assert [label_index(name, classes) for name in ("Calm", "neutral")] == [1, 0]


def test_spelling_of_two_classes_is_neither():
    assert label_index("joy", ("happy", "happiness")) is None


def test_composed_and_decomposed_letters_are_one():
    name = "dégoût"
    decomposed = unicodedata.normalize("NFD", name)
    assert decomposed != name
    assert label_index(decomposed, ("colère", name)) == 1
    with pytest.raises(UsageError, match="stands twice"):
        parse_classes(f"{name},{decomposed}")


def test_parse_classes():
    assert parse_classes("a, B ,ç") == ("a", "B", "ç")


@pytest.mark.parametrize("text", ["", "a", "a,", ",a", "a,,b", " , "])
def test_too_few_or_empty_classes(text):
    with pytest.raises(UsageError, match="at least two names"):
        parse_classes(text)


@pytest.mark.parametrize("text", ["a,b,a", "a,A", "straße,STRASSE"])
def test_class_named_twice(text):
    with pytest.raises(UsageError, match="stands twice"):
        parse_classes(text)
