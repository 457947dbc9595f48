import dataclasses
import hashlib
import io
import os

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from byel_tf.data.image_files import (
    ImageLimits,
    RejectedImage,
    decode_plain,
    encode,
    to_png,
)
from byel_tf.data.preparation import convert
from byel_tf.data.preparation.convert import Conversion
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.faces.crop import Box, crop
from byel_tf.prediction import reading
from byel_tf.prediction.reading import passes, read_images, why_undecodable

CONVERSION = Conversion((), ImageLimits())


def saved(file_format="PNG", mode="RGB", size=(12, 10), **options):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, file_format, **options)
    return buffer.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 3
    return exif


def text():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "made by hand")
    return info


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (saved(), True),
        (saved(mode="L"), True),
        (saved("JPEG"), True),
        (saved("JPEG", "L"), True),
        (saved("JPEG", exif=Image.Exif()), True),
        (saved("JPEG")[:-2], False),
        (saved("JPEG", "CMYK"), False),
        (saved("JPEG", exif=turned()), False),
        (saved(exif=turned()), False),
        # May say how it is turned; what the import finds is read then.
        (saved(pnginfo=text()), False),
        (saved(mode="RGBA"), False),
        (saved(mode="P"), False),
        (saved("TIFF"), False),
    ],
)
def test_what_goes_to_the_model_as_it_is(content, expected):
    assert passes(content, CONVERSION.limits) == expected
    if expected:
        assert encode(content, CONVERSION.limits).content == content


def test_limits_come_before_decoding():
    with pytest.raises(RejectedImage, match="more than 100 pixels"):
        passes(saved(), ImageLimits(max_pixels=100))
    assert not passes(saved(), ImageLimits(max_side=11))
    assert passes(saved(), ImageLimits(max_side=12))


def test_reasons_are_those_of_the_import():
    limits = ImageLimits()
    assert why_undecodable(b"x", limits).startswith("cannot be decoded: cannot ident")
    assert why_undecodable(saved(), limits) == "cannot be decoded by the model"


def die(entries, conversion):
    """In place of reading: the second image ends the process."""
    del conversion
    if any(entry.name == "deadly" for entry in entries):
        os._exit(1)
    return [entry.name.encode() for entry in entries]


def test_image_that_ends_a_process_is_the_only_one_lost(monkeypatch):
    monkeypatch.setattr(reading, "_read_all", die)
    entries = [Item(name, "none") for name in ("first", "deadly", "last")]
    found = list(read_images(entries, CONVERSION, workers=2))
    assert found == [
        ("first", b"first"),
        ("deadly", "the process that read it ended unexpectedly"),
        ("last", b"last"),
    ]


def test_large_images_make_small_chunks(tmp_path, monkeypatch):
    entries = []
    for number in range(7):
        path = tmp_path / str(number)
        path.write_bytes(bytes(10))
        entries += [Item(str(number), str(path)), Rejected(f"r{number}", "no")]
    monkeypatch.setattr(reading, "_CHUNK_BYTES", 30)
    chunks = list(reading._chunks(entries, CONVERSION))
    assert [entry for chunk in chunks for entry in chunk] == entries
    sizes = [sum(isinstance(e, Item) for e in chunk) for chunk in chunks]
    assert sizes[:2] == [3, 3]
    monkeypatch.setattr(reading, "_CHUNK", 4)
    assert {len(c) for c in reading._chunks(entries, CONVERSION)} <= {2, 4}


def test_entries_are_read_a_few_at_a_time():
    taken = 0

    def entries():
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield Rejected(str(number), "no")

    images = read_images(entries(), CONVERSION, workers=1)
    next(images)
    assert taken <= 2 * reading._CHUNK


@pytest.mark.parametrize("has_face", [True, False])
def test_finding_and_cutting_a_face_decode_an_image_once(
    tmp_path, monkeypatch, has_face
):
    class Detector:
        def largest(self, image):
            return self if has_face else None

        def box(self, margin):
            return Box(1, 2, 8)

    def decode(content, limits):
        decoded.append(content)
        return decode_plain(content, limits)

    decoded = []
    monkeypatch.setattr(convert, "_detector", Detector)
    monkeypatch.setattr(convert, "decode_plain", decode)
    content = saved("JPEG")
    (tmp_path / "a.jpg").write_bytes(content)
    item = Item("a.jpg", str(tmp_path / "a.jpg"))
    conversion = dataclasses.replace(CONVERSION, crop_faces=True)
    expected = content
    if has_face:
        picture = decode_plain(content, conversion.limits)
        expected = to_png(crop(picture, Box(1, 2, 8)), conversion.limits).content
    assert list(read_images([item], conversion)) == [("a.jpg", expected)]
    assert decoded == [content]
    ((finding, _),) = convert.examine([(0, item)], conversion)
    assert finding.sha256 == hashlib.sha256(expected).digest()
    assert decoded == [content] * 2
