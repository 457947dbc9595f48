"""Files without metadata decode to the same pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from byel_tf.data.metadata import without_metadata

PIXELS = np.random.default_rng(1).integers(0, 256, (24, 17, 3), np.uint8)
SECRET = b"48.8584 N, 2.2945 E, serial 12345"


def exif():
    data = Image.Exif()
    data[0x010F] = SECRET.decode()  # the camera's maker
    return data


def encode(kind, pixels=PIXELS, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def add_segment(jpeg, data):
    return jpeg[:2] + data + jpeg[2:]


def add_chunk(png, data):
    return png[:33] + data + png[33:]


JPEG, PNG = encode("JPEG"), encode("PNG")
PROFILE = b"ICC_PROFILE\0\1\1" + b"p" * 40
JPEGS = {
    "exif": encode("JPEG", exif=exif()),
    "progressive": encode("JPEG", progressive=True, comment=SECRET, exif=exif()),
    "comment": encode("JPEG", comment=SECRET),
    "grey": encode("JPEG", PIXELS[..., 0], comment=SECRET),
    "xmp": add_segment(JPEG, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)),
    "iptc": add_segment(JPEG, segment(0xED, b"Photoshop 3.0\0" + SECRET)),
    "thumbnail": add_segment(JPEG, segment(0xE0, b"JFXX\0\x10" + JPEG + SECRET)),
    "profile": add_segment(JPEG, segment(0xE2, PROFILE) + segment(0xFE, SECRET)),
    "behind the end": JPEG + JPEG + SECRET,
    "within the pixels": JPEG[:-2] + segment(0xFE, SECRET) + JPEG[-2:],
}
TEXT = PngInfo()
TEXT.add_text("Author", SECRET.decode())
TEXT.add_itxt("XML:com.adobe.xmp", SECRET.decode())
PNGS = {
    "text": encode("PNG", pnginfo=TEXT),
    "exif": encode("PNG", exif=exif()),
    "grey": encode("PNG", PIXELS[..., 0], pnginfo=TEXT),
    "unknown": add_chunk(PNG, chunk(b"seCr", SECRET)),
    "compressed": add_chunk(PNG, chunk(b"zTXt", b"a\0\0" + zlib.compress(SECRET * 9))),
    "behind the end": PNG + SECRET,
}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        *(pytest.param("jpeg", JPEGS[name], id=f"jpeg, {name}") for name in JPEGS),
        *(pytest.param("png", PNGS[name], id=f"png, {name}") for name in PNGS),
    ],
)
def test_the_pixels_are_the_same(kind, content):
    plain = without_metadata(content, kind)
    assert len(plain) < len(content) and SECRET not in plain
    for decode in (lambda c: np.asarray(Image.open(io.BytesIO(c))), tf.io.decode_image):
        np.testing.assert_array_equal(decode(plain), decode(content))
    assert without_metadata(plain, kind) is plain
    with Image.open(io.BytesIO(plain)) as image:
        image.load()
        assert not image.getexif() and not getattr(image, "text", None)


def test_what_tells_how_a_picture_looks_stays():
    content = JPEGS["profile"]
    assert PROFILE in without_metadata(content, "jpeg")
    cmyk = io.BytesIO()
    Image.fromarray(PIXELS).convert("CMYK").save(cmyk, "JPEG")
    assert b"Adobe" in without_metadata(cmyk.getvalue(), "jpeg")
    coloured = add_chunk(PNG, chunk(b"gAMA", struct.pack(">I", 45455)))
    assert without_metadata(coloured, "png") is coloured


@pytest.mark.parametrize(("kind", "content"), [("jpeg", JPEG), ("png", PNG)])
def test_a_picture_alone_stays_as_it_is(kind, content):
    assert without_metadata(content, kind) is content


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_any_bytes_come_to_an_end(kind):
    generator = np.random.default_rng(2)
    whole = JPEGS["exif"] if kind == "jpeg" else PNGS["text"]
    for _ in range(500):
        content = bytearray(whole)
        for place in generator.integers(len(content), size=5):
            content[place] = generator.integers(256)
        cut = bytes(content[: generator.integers(len(content))])
        assert len(without_metadata(cut, kind)) <= len(cut)
    assert without_metadata(b"", kind) == b""
