import unicodedata

import pytest

from byel_tf.data.labels import (
    ALIASES,
    DEFAULT_CLASSES,
    ClassNames,
    label_index,
    parse_aliases,
    parse_classes,
)
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
        ("ANGRER", "anger"),
        ("mad", "anger"),
        ("Astonished", "surprise"),
        ("sorrow", "sadness"),
    ],
)
def test_spellings_of_the_default_classes(name, expected):
    assert DEFAULT_CLASSES[label_index(name, DEFAULT_CLASSES)] == expected


@pytest.mark.parametrize(
    "name", ["neutral", "calm", "contempt", "", "an", "anger2", ".."]
)
def test_other_names_are_no_class(name):
    assert label_index(name, DEFAULT_CLASSES) is None


def test_every_alias_leads_to_its_class():
    classes = (*DEFAULT_CLASSES, "neutral", "contempt")
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


def test_given_aliases_come_before_the_built_in_ones():
    names = ClassNames(("fear", "anger"), {"AN": "anger", "mad": "fear"})
    assert names.names == ("fear", "anger")
    assert [names.index(n) for n in ("an", " AN ", "mad", "angry")] == [1, 1, 0, 1]
    assert names.index("neutral") is None


def test_class_name_comes_before_a_given_alias():
    assert ClassNames(("fear", "anger"), {"anger": "fear"}).index("anger") == 1


def test_parse_aliases():
    texts = ("AN = anger", "HA=happiness", "glad=Happy", "an=ANGER")
    aliases = parse_aliases(texts, DEFAULT_CLASSES)
    assert aliases == {
        "AN": "anger",
        "HA": "happiness",
        "glad": "happiness",
        "an": "anger",
    }
    names = ClassNames(DEFAULT_CLASSES, aliases)
    assert [names.index(n) for n in ("an", "Ha", "GLAD")] == [0, 3, 3]
    assert parse_aliases((), DEFAULT_CLASSES) == {}


def test_alias_of_a_class_that_is_itself_a_spelling():
    aliases = parse_aliases(("HA=happiness",), ("happy", "sad"))
    assert ClassNames(("happy", "sad"), aliases).index("ha") == 0


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("AN",), "give a spelling and a class"),
        (("=anger",), "give a spelling and a class"),
        (("AN=",), "give a spelling and a class"),
        (("NE=neutral",), "'neutral' is none of the classes anger, .*, surprise"),
        (("AN=anger", "an=fear"), "--alias=an=fear: 'an' means 'anger' already"),
        (("Anger=fear",), "'Anger' is itself a class"),
    ],
)
def test_aliases_that_cannot_be_meant(texts, message):
    with pytest.raises(UsageError, match=message):
        parse_aliases(texts, DEFAULT_CLASSES)
