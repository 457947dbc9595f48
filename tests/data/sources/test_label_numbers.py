import importlib

import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.sources.label_numbers import (
    ORDERS,
    parse_label_numbers,
    require_indices,
    say_what_fits,
    whole_number,
)
from byel_tf.errors import UsageError

LABELS = ClassNames(DEFAULT_CLASSES)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("+3", 3),
        ("-3", -3),
        ("3.", 3),
        ("3.0", 3),
        ("3.0000000e+00", 3),
        ("   3.0000000e+00\n", 3),
        ("3E0", 3),
        ("30e-1", 3),
        ("007", 7),
        ("0.0", 0),
        ("-0", 0),
        ("3.5", None),
        ("1e-3", None),
        ("1e400", None),
        ("1e12", None),
        ("nan", None),
        ("inf", None),
        ("1_0", None),
        ("0x3", None),
        (".", None),
        ("", None),
        ("3 4", None),
        ("three", None),
    ],
)
def test_whole_numbers(text, number):
    assert whole_number(text) == number


def test_bases_orders_and_pairs():
    assert parse_label_numbers("0", LABELS)[0] == dict(enumerate(DEFAULT_CLASSES))
    assert parse_label_numbers("1", LABELS)[0] == dict(enumerate(DEFAULT_CLASSES, 1))
    assert parse_label_numbers("raf-db", LABELS)[0][7] == "neutral"
    numbers, refused = parse_label_numbers("affectnet", LABELS)
    assert (numbers[3], refused[10]) == ("surprise", "no expression ('no face')")
    numbers, _ = parse_label_numbers("1=surprise, 2=Scared,7=neutral", LABELS)
    assert numbers == {1: "surprise", 2: "Scared", 7: "neutral"}
    own = ClassNames(("rage", "calmness"))
    assert parse_label_numbers("4=rage", own)[0] == {4: "rage"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fer", "give the number of the first class .*fer2013.*raf-db"),
        ("-1", "give the number of the first class"),
        ("1.5", "give the number of the first class"),
        ("1=", "give the number of the first class"),
        ("x=fear", "give the number of the first class"),
        ("-1=fear", "give the number of the first class"),
        ("1=feer", "'feer' is none of the classes anger"),
        ("1=fear,1=anger", "1 stands twice"),
    ],
)
def test_wrong_values(text, message):
    with pytest.raises(UsageError, match=message):
        parse_label_numbers(text, LABELS)


@pytest.mark.parametrize(
    ("numbers", "reason", "fits"),
    [
        (
            {1, 2, 3, 4, 5, 6},
            "the numbers 1 to 6, .* 0 is missing and 6 is out of range",
            {"1", "fer2013 or expw", "raf-db", "affectnet", "ferplus", "ck-plus"},
        ),
        (
            {0, 1, 2, 6, 7},
            "numbers 0, 1, 2, 6 and 7, .* surprise, 6 and 7 are out of range",
            {"affectnet", "ferplus", "ck-plus"},
        ),
        ({0, 3, 10}, "10 is out of range", {"affectnet"}),
        ({1, 5}, "0 is missing: ", {"0 or aff-wild2", "1", "raf-db"}),
        ({0, 99}, "99 is out of range: no known order has all of them", set()),
    ],
)
def test_numbers_that_are_no_indices(numbers, reason, fits):
    with pytest.raises(UsageError, match=reason) as error:
        require_indices("list.csv", numbers, LABELS)
    for choice in fits:
        assert f"--label_numbers={choice} (" in str(error.value)
    assert str(error.value).startswith("list.csv: the labels are the numbers ")


@pytest.mark.parametrize("numbers", [set(), {0}, {0, 5}, set(range(6))])
def test_indices(numbers):
    require_indices("list.csv", numbers, LABELS)


def test_a_great_many_numbers_are_not_all_shown():
    assert len(say_what_fits(set(range(10**4)), LABELS)) < 200
    with pytest.raises(UsageError) as error:
        require_indices("list.csv", set(range(0, 10**4, 7)), LABELS)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("module", "name", "order"),
    [
        ("fer2013", "EMOTIONS", "fer2013"),
        ("affectnet", "EXPRESSIONS", "affectnet"),
        ("raf_db", "EXPRESSIONS", "raf-db"),
        ("aff_wild2", "EXPRESSIONS", "aff-wild2"),
        ("expw", "EXPRESSIONS", "expw"),
        ("ck_plus", "EXPRESSIONS", "ck-plus"),
    ],
)
def test_formats_read_by_these_orders(module, name, order):
    of_format = importlib.import_module(f"byel_tf.data.sources.{module}")
    assert getattr(of_format, name) == ORDERS[order]


def test_published_orders():
    """As the sources that the formats' modules name have them."""
    assert {name: " ".join(order.values()) for name, order in ORDERS.items()} == {
        "fer2013": "anger disgust fear happiness sadness surprise neutral",
        "affectnet": "neutral happiness sadness surprise fear disgust anger contempt",
        "raf-db": "surprise fear disgust happiness sadness anger neutral",
        "aff-wild2": "anger disgust fear happiness sadness surprise",
        "ferplus": "neutral happiness surprise sadness anger disgust fear contempt",
        "expw": "anger disgust fear happiness sadness surprise neutral",
        "ck-plus": "neutral anger contempt disgust fear happiness sadness surprise",
    }
    assert {name: min(order) for name, order in ORDERS.items() if min(order)} == {
        "raf-db": 1
    }
