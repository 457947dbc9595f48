"""What files say of people besides the picture, through the real program."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from byel_tf.cli import inspect, prepare
from byel_tf.data.record import parse
from byel_tf.data.tfrecord import read_frames
from byel_tf.program import run_program

SECRET = "serial 12345"
PIXELS = np.random.default_rng(1).integers(0, 256, (24, 18, 3), np.uint8)


def exif(orientation=1):
    data = Image.Exif()
    data[0x010F] = SECRET  # the camera's maker
    data[0x0112] = orientation
    data.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.2), 3: "E"})
    return data


def encode(image_format, mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, image_format, **options)
    return buffer.getvalue()


def mpo():
    """Two pictures in one file, as some telephones write."""
    buffer = io.BytesIO()
    second = Image.fromarray(PIXELS[::-1])
    Image.fromarray(PIXELS).save(
        buffer, "MPO", save_all=True, append_images=[second], exif=exif()
    )
    return buffer.getvalue()


def text():
    info = PngInfo()
    info.add_text("Author", SECRET)
    return info


PLAIN = {"plain.jpg": encode("JPEG"), "plain.png": encode("PNG")}
TELLING = {
    "place.jpg": encode("JPEG", exif=exif(), comment=SECRET.encode()),
    "text.png": encode("PNG", pnginfo=text(), exif=exif()),
    "two.jpg": mpo(),
}
CONVERTED = {
    "turned.jpg": encode("JPEG", exif=exif(6)),
    "cmyk.jpg": encode("JPEG", "CMYK", exif=exif()),
    "palette.png": encode("PNG", "P", pnginfo=text()),
    "scan.tiff": encode("TIFF", exif=exif()),
    "web.webp": encode("WEBP", exif=exif()),
}


@pytest.fixture
def prepared(tmp_path, capsys):
    """Prepares all files; returns the records' images by name, and the source."""
    folder = tmp_path / "images" / "anger"
    folder.mkdir(parents=True)
    for name, content in {**PLAIN, **TELLING, **CONVERTED}.items():
        (folder / name).write_bytes(content)

    def run(*more):
        output = str(tmp_path / "out")
        arguments = [f"--source={folder.parent}", f"--output={output}", *more]
        argv = ["prepare", *arguments, "--splits=train", "--workers=1"]
        assert run_program(prepare.main, argv) == 0
        assert run_program(inspect.main, ["inspect", output, "--verify"]) == 0
        assert "OK: 10 records" in capsys.readouterr().out
        frames = read_frames(tmp_path / "out" / "train-00000-of-00001.tfrecord")
        records = {
            r.filename.removeprefix("anger/"): r.encoded for r in map(parse, frames)
        }
        return records, json.loads((tmp_path / "out/dataset.json").read_text())[
            "source"
        ]

    return run


def says_something(content):
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        texts = getattr(image, "text", None)
        return (
            bool(image.getexif() or texts or image.info.get("comment"))
            or SECRET.encode() in content
        )


def test_nothing_but_the_picture(prepared):
    records, source = prepared()
    for name, content in PLAIN.items():
        assert records[name] == content
    for name, content in TELLING.items():
        assert says_something(content)
        assert not says_something(records[name]), name
        assert len(records[name]) < len(content)
        before, after = (Image.open(io.BytesIO(c)) for c in (content, records[name]))
        assert np.array_equal(np.asarray(before), np.asarray(after)), name
        assert getattr(after, "n_frames", 1) == 1
    for name in CONVERTED:
        assert not says_something(records[name]), name
    assert "metadata" not in source


def test_kept_where_it_is_wanted(prepared):
    records, source = prepared("--keep_metadata")
    for name, content in {**PLAIN, **TELLING}.items():
        assert records[name] == content
    for name in CONVERTED:  # what is written anew says nothing
        assert not says_something(records[name]), name
    assert source["metadata"] == "kept"


def test_nothing_where_pictures_are_scaled(prepared):
    records, _ = prepared("--max_side=12", "--keep_metadata")
    assert not any(map(says_something, records.values()))
