import dataclasses
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
from byel_tf.prediction.reading import Reading, passes, read_images, why_undecodable
from byel_tf.prediction.video import Frame

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
    assert why_undecodable(b"x", limits).startswith("cannot be decoded: ")
    assert why_undecodable(saved(), limits) == "cannot be decoded by the model"


def die(entries, conversion, every_face):
    """In place of reading: the second image ends the process."""
    del conversion, every_face
    if any(entry.name == "deadly" for entry in entries):
        os._exit(1)
    return [[Reading(entry.name, entry.name.encode())] for entry in entries]


def test_image_that_ends_a_process_is_the_only_one_lost(monkeypatch):
    monkeypatch.setattr(reading, "_read_all", die)
    entries = [Item(name, "none") for name in ("first", "deadly", "last")]
    found = list(read_images(entries, CONVERSION, workers=2))
    assert found == [
        Reading("first", b"first"),
        Reading("deadly", "the process that read it ended unexpectedly"),
        Reading("last", b"last"),
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


class Face:
    """A face that a detector finds, of some place."""

    def __init__(self, left):
        self.bounds = (left, 2.0, left + 6, 9.0)

    def box(self, margin):
        return Box(self.bounds[0] - 1, 1, 8).with_margin(margin)


@pytest.fixture
def read_with_faces(tmp_path, monkeypatch):
    """Reads an image on which given faces are found; counts how often it's decoded."""

    def decode(content, limits):
        decoded.append(content)
        return decode_plain(content, limits)

    def read(faces, content=None, every_face=False, **options):
        class Detector:
            def all(self, image):
                assert image.size == (12, 10)
                return faces

        monkeypatch.setattr(reading, "face_detector", lambda name: Detector())
        conversion = dataclasses.replace(CONVERSION, crop_faces=True, **options)
        (tmp_path / "a.jpg").write_bytes(content or saved("JPEG"))
        item = Item("a.jpg", str(tmp_path / "a.jpg"))
        return list(read_images([item], conversion, every_face=every_face))

    decoded = read.decoded = []
    monkeypatch.setattr(convert, "decode_plain", decode)
    monkeypatch.setattr(reading, "decode_plain", decode)
    return read


def cut(content, box):
    picture = decode_plain(content, CONVERSION.limits)
    return to_png(crop(picture, box), CONVERSION.limits).content


def test_largest_face_is_cut_out_of_what_was_decoded_once(read_with_faces):
    faces, content = [Face(2.0), Face(4.0)], saved("JPEG")
    (found,) = read_with_faces(faces)
    assert (found.faces, found.face, found.bounds) == (2, 1, (2.0, 2.0, 8.0, 9.0))
    assert found.content == cut(content, Box(1, 1, 8))
    assert read_with_faces.decoded == [content]
    (found,) = read_with_faces(faces, crop_margin=1.5)
    assert found.content == cut(content, Box(1, 1, 8).with_margin(1.5))


def test_every_face_is_a_reading(read_with_faces):
    faces, content = [Face(2.0), Face(30.0), Face(4.0)], saved("JPEG")
    found = read_with_faces(faces, every_face=True)
    assert [(r.name, r.faces, r.face) for r in found] == [
        ("a.jpg", 3, k) for k in (1, 2, 3)
    ]
    assert [r.bounds for r in found] == [face.bounds for face in faces]
    assert found[0].content == cut(content, Box(1, 1, 8))
    assert found[1].content == "the face's crop is mostly outside"
    assert found[2].content == cut(content, Box(3, 1, 8))
    assert read_with_faces.decoded == [content]


@pytest.mark.parametrize("every_face", [True, False])
def test_no_face(read_with_faces, every_face):
    content = saved("JPEG")
    found = read_with_faces([], every_face=every_face)
    assert found == [Reading("a.jpg", content, faces=0)]
    found = read_with_faces([], every_face=every_face, no_face="reject")
    assert found == [Reading("a.jpg", "no face found", faces=0)]


def test_faces_of_what_cannot_be_read(read_with_faces):
    (found,) = read_with_faces([Face(2.0)], content=b"text")
    assert found.content.startswith("cannot be decoded")
    assert found.faces is None


def test_faces_of_a_frame(read_with_faces, monkeypatch):
    picture = decode_plain(saved(), CONVERSION.limits)
    frames = [Frame("c.mp4#frame=5", picture, 0.5)]
    monkeypatch.setattr(reading, "read_frames", lambda *_: frames)
    read_with_faces([Face(2.0)])
    conversion = dataclasses.replace(CONVERSION, crop_faces=True)
    (found,) = read_images([Item("c.mp4", "c.mp4")], conversion)
    assert (found.time, found.faces, found.face) == (0.5, 1, 1)
    assert found.content == cut(saved(), Box(1, 1, 8))
