import dataclasses
import io
import math
import struct
import zlib

import pytest
from PIL import Image

from byel_tf.data.check_record import check_record
from byel_tf.data.image_files import max_pixels_of
from byel_tf.data.manifest import Manifest
from byel_tf.data.record import Pair, serialize


@pytest.fixture
def check(classes):
    """Checks a record within a data set of two action units; returns what differs."""
    manifest = Manifest(
        classes=classes,
        splits={},
        image_sizes={},
        grey=0,
        duplicates={},
        source={},
        action_units=("brow", "lip"),
        rejected={},
    )

    def differences(record, **source):
        content = record if isinstance(record, bytes) else serialize(record)
        described = dataclasses.replace(manifest, source=source)
        return check_record(content, described).differences

    return differences


def test_second_pictures_are_there_where_they_are_said_to_be(check, make_record):
    record, second = make_record(5), make_record(6)
    paired = dataclasses.replace(record, pair=Pair(second.encoded, "png"))
    assert check(paired, pairs="expression") == ()
    number = "number of second pictures"
    assert check(paired) == ((number, "0", "1"),)
    assert check(record, pairs="neutral") == ((number, "1", "0"),)
    larger = make_record(6, side=5).encoded
    for pair, what in (
        (Pair(larger, "png"), "second picture, description of the image"),
        (Pair(second.encoded, "jpeg"), "second picture, description of the image"),
        (Pair(second.encoded[:-9], "png"), "second picture, image"),
    ):
        ((found, _, _),) = check(dataclasses.replace(record, pair=pair), pairs="x")
        assert found == what


@pytest.mark.parametrize("label", [-1, 0, 2])
def test_record_as_written(check, make_record, label):
    assert check(make_record(5, label)) == ()
    full = dataclasses.replace(
        make_record(5, label), pose=(1.0, 2.0, 3.0), votes=(0.0, 1.0, 9.0)
    )
    assert check(full) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"label": 3}, ("label", "-1 to 2", "3")),
        ({"label": -2}, ("label", "-1 to 2", "-2")),
        ({"class_name": "fear"}, ("class of label 0", "'anger'", "'fear'")),
        ({"label": -1}, ("class of label -1", "''", "'anger'")),
        ({"action_units": None}, ("number of action units", "2", "0")),
        ({"action_units": (1.0,)}, ("number of action units", "2", "1")),
        ({"action_units": (1.0, math.nan)}, ("action units", "finite numbers", "nan")),
        ({"pose": (1.0, 2.0)}, ("number of angles of the pose", "3", "2")),
        (
            {"pose": (1.0, 2.0, math.inf)},
            ("angles of the pose", "finite numbers", "inf"),
        ),
        ({"votes": (1.0,) * 4}, ("number of votes", "3", "4")),
        ({"votes": ()}, ("number of votes", "3", "0")),
        (
            {"format": "jpeg"},
            ("description of the image", "png of 4x4", "jpeg of 4x4"),
        ),
        ({"width": 5}, ("description of the image", "png of 4x4", "png of 5x4")),
        ({"height": 5}, ("description of the image", "png of 4x4", "png of 4x5")),
        (
            {"encoded": b""},
            (
                "image",
                "a whole JPEG or PNG file",
                "cannot be decoded: neither JPEG nor PNG, or damaged",
            ),
        ),
    ],
)
def test_record_that_differs(check, make_record, changes, expected):
    record = dataclasses.replace(make_record(0, label=0), **changes)
    assert check(record) == (expected,)


def test_content_that_is_no_record(check):
    ((what, _, found),) = check(b"\xff")
    assert (what, found) == ("content", "no tf.train.Example")


def test_several_differences(check, make_record):
    record = dataclasses.replace(make_record(0), class_name="x", votes=(), width=9)
    assert len(check(record)) == 3


def test_image_that_is_not_whole(check, make_record):
    record = make_record(0)
    for length in range(len(record.encoded)):
        cut = dataclasses.replace(record, encoded=record.encoded[:length])
        ((what, _, found),) = check(cut)
        assert what == "image"
        assert "cannot be decoded" in found


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1"])
def test_image_that_an_import_would_convert(check, make_record, encode, mode):
    encoded = encode(Image.new(mode, (4, 4)))
    record = dataclasses.replace(make_record(0), encoded=encoded)
    assert check(record) == (
        ("image", "an upright picture, opaque, of 8-bit RGB or grey", "another"),
    )


def test_image_of_another_format(check, make_record, encode, picture):
    record = dataclasses.replace(make_record(0), encoded=encode(picture, "BMP"))
    found = "cannot be decoded: neither JPEG nor PNG, or damaged"
    assert check(record) == (("image", "a whole JPEG or PNG file", found),)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_grey(make_record, encode, classes, check, file_format):
    del check
    manifest = Manifest(classes, {}, {}, 0, {}, {}, ("brow", "lip"), {})
    for mode in ("RGB", "L"):
        record = dataclasses.replace(
            make_record(0),
            encoded=encode(Image.new(mode, (4, 4)), file_format),
            format=file_format.lower(),
        )
        checked = check_record(serialize(record), manifest)
        assert (checked.record, checked.differences) == (record, ())
        assert checked.grey == (mode == "L")


def png_header(width, height):
    """A PNG file of few bytes that says it is of any size."""
    image = io.BytesIO()
    Image.new("L", (1, 1)).save(image, "PNG")
    content = bytearray(image.getvalue())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("most", "side", "is_refused"),
    [(None, 8001, True), (8001**2, 8001, False), (8001**2, 8002, True)],
)
def test_large_pictures_are_not_decoded(make_record, classes, most, side, is_refused):
    """The import's limits, which may have been set higher."""
    record = dataclasses.replace(make_record(0), encoded=png_header(side, side))
    more = () if most is None else (most,)
    manifest = Manifest(classes, {}, {}, 0, {}, {}, ("brow", "lip"), {})
    found = check_record(serialize(record), manifest, *more).differences[0][2]
    refused = f"more than {most or 64_000_000} pixels"
    assert (found == refused) == is_refused


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, 64_000_000),
        ({"max_pixels": 10}, 64_000_000),
        ({"max_pixels": 90_000_000}, 90_000_000),
        ({"max_pixels": 10**15}, 2**28),
    ],
)
def test_a_data_set_lifts_the_limit_within_bounds(source, expected):
    assert max_pixels_of(source) == expected
