import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.data.record import (
    PEEK_BYTES,
    UNLABELLED,
    Pair,
    Record,
    parse,
    peek_label,
    serialize,
)

FULL = Record(
    encoded=b"\x89PNG\x00\xff",
    format="png",
    height=48,
    width=64,
    label=2,
    class_name="fröhlich",
    filename="a/ü b.png",
    subject="s-1",
    action_units=(0.0, 0.25, 1.0),
    pose=(-12.5, 3.0, 0.125),
    votes=(1.0, 2.0, 7.0),
)
BARE = Record(b"x", "jpeg", 1, 2, UNLABELLED, "", "x.jpg")


def features_of(record):
    """The features by name, as Python values."""
    example = tf.train.Example.FromString(serialize(record))
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
    }


def test_features_of_a_full_record():
    assert features_of(FULL) == {
        "image/encoded": [FULL.encoded],
        "image/format": [b"png"],
        "image/height": [48],
        "image/width": [64],
        "image/class/label": [2],
        "image/class/text": ["fröhlich".encode()],
        "image/filename": ["a/ü b.png".encode()],
        "image/subject": [b"s-1"],
        "image/face/action_units": [0.0, 0.25, 1.0],
        "image/face/pose": [-12.5, 3.0, 0.125],
        "image/class/votes": [1.0, 2.0, 7.0],
    }


def test_a_second_picture_is_read_back_and_changes_nothing_else():
    paired = dataclasses.replace(FULL, pair=Pair(b"\xff\xd8", "jpeg", "s-2"))
    assert features_of(paired) == {
        **features_of(FULL),
        "image/pair/encoded": [b"\xff\xd8"],
        "image/pair/format": [b"jpeg"],
        "image/pair/subject": [b"s-2"],
    }
    of_nobody = dataclasses.replace(FULL, pair=Pair(b"x", "png"))
    for record in (paired, of_nobody):
        assert parse(serialize(record)) == record
        assert peek_label(serialize(record)[:PEEK_BYTES]) == 2


def test_optional_features_are_left_out():
    features = features_of(BARE)
    assert features["image/class/label"] == [-1]
    assert features["image/class/text"] == [b""]
    assert not {"image/subject", "image/face/pose", "image/class/votes"} & set(features)


def test_tensorflow_parses_it():
    parsed = tf.io.parse_single_example(
        serialize(FULL),
        {
            "image/encoded": tf.io.FixedLenFeature([], tf.string),
            "image/height": tf.io.FixedLenFeature([], tf.int64),
            "image/class/label": tf.io.FixedLenFeature([], tf.int64),
            "image/class/votes": tf.io.FixedLenFeature([3], tf.float32),
            "image/subject": tf.io.FixedLenFeature([], tf.string, ""),
        },
    )
    assert parsed["image/encoded"].numpy() == FULL.encoded
    assert int(parsed["image/height"]) == 48
    assert int(parsed["image/class/label"]) == 2
    np.testing.assert_array_equal(parsed["image/class/votes"], FULL.votes)


@given(
    encoded=st.binary(max_size=64),
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    label=st.integers(-1, 1000),
    size=st.integers(1, 65535),
    votes=st.none() | st.lists(st.floats(width=32, allow_nan=False), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_same_meaning_as_an_example_of_tensorflow(encoded, name, label, size, votes):
    record = Record(
        encoded, "png", size, 3, label, name, name, votes=votes and tuple(votes)
    )

    def texts(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def integer(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {
        "image/encoded": texts(encoded),
        "image/format": texts(b"png"),
        "image/class/text": texts(name.encode()),
        "image/filename": texts(name.encode()),
        "image/height": integer(size),
        "image/width": integer(3),
        "image/class/label": integer(label),
    }
    if votes:
        values = tf.train.FloatList(value=votes)
        feature["image/class/votes"] = tf.train.Feature(float_list=values)
    expected = tf.train.Example(features=tf.train.Features(feature=feature))
    written = tf.train.Example.FromString(serialize(record))
    if votes == []:  # protobuf cannot tell an empty list from none
        written.features.feature.pop("image/class/votes", None)
    assert written == expected


def test_equal_records_give_equal_bytes():
    assert serialize(FULL) == serialize(Record(**vars(FULL)))


def test_name_that_is_not_utf8_keeps_its_bytes():
    record = Record(b"x", "png", 1, 1, 0, "anger", os.fsdecode(b"a\xff.png"))
    assert features_of(record)["image/filename"] == [b"a\xff.png"]


@pytest.mark.parametrize("name", ["subject", "votes"])
def test_optional_fields_are_optional(name):
    assert getattr(BARE, name) is None


@pytest.mark.parametrize("record", [FULL, BARE])
def test_parsed_record(record):
    assert parse(serialize(record)) == record


@given(
    encoded=st.binary(max_size=64),
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    filename=st.binary(max_size=12),
    label=st.integers(-1, 2**40),
    size=st.integers(1, 65535),
    subject=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    numbers=st.none() | st.lists(st.floats(width=32, allow_nan=False), max_size=4),
)
@settings(deadline=None)
def test_any_record_comes_back(encoded, name, filename, label, size, subject, numbers):
    numbers = None if numbers is None else tuple(numbers)
    record = Record(
        encoded=encoded,
        format="png",
        height=size,
        width=size + 1,
        label=label,
        class_name=name,
        filename=os.fsdecode(filename),
        subject=subject,
        action_units=numbers,
        votes=numbers,
    )
    serialized = serialize(record)
    assert parse(serialized) == record
    assert peek_label(serialized) == peek_label(serialized[:PEEK_BYTES]) == label


def example_of(**changes):
    """A record's example, with features changed or, where None, taken out."""
    example = tf.train.Example.FromString(serialize(FULL))
    feature = example.features.feature
    for key, value in changes.items():
        name = f"image/{key}"
        feature.pop(name, None)
        if isinstance(value, bytes):
            feature[name].bytes_list.value.append(value)
        elif value is not None:
            feature[name].int64_list.value.extend(value)
    return example.SerializeToString()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "no tf.train.Example"),
        (b"", "0 values of image/encoded"),
        (example_of(height=None), "0 values of image/height"),
        (example_of(width=[1, 2]), "2 values of image/width"),
        (example_of(height=b"48"), "0 values of image/height"),
        (example_of(format=b"\xff"), "a text is not UTF-8"),
        (example_of(subject=b"\xff"), "a text is not UTF-8"),
    ],
)
def test_content_that_is_no_record(content, reason):
    with pytest.raises(ValueError, match=reason):
        parse(content)


def test_record_of_tensorflow_is_parsed():
    assert parse(example_of()) == FULL


@pytest.mark.parametrize("label", [-1, 0, 6, 127, 128, 300])
def test_peeked_label(label):
    record = Record(b"x" * 5000, "png", 1, 1, label, "", "")
    assert peek_label(serialize(record)[:PEEK_BYTES]) == label


def test_peek_leaves_another_order_to_parse():
    serialized = serialize(FULL)
    assert peek_label(serialized) == 2
    assert peek_label(b"") is None
    assert peek_label(serialized[:20]) is None
    other = serialize(FULL).replace(b"image/class/label", b"image/class/lebal")
    assert peek_label(other) is None
    assert peek_label(b"\x0a\x00" + serialized) is None
